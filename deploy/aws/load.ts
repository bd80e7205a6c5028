import { readFileSync } from 'node:fs';
import type { Profile } from './profiles.ts';

// What a network puts on the parts: rates from its size, bytes from measurements of this repository.

interface Footprint {
  readonly log: { readonly bytesPerReport: number; readonly payloadBytesPerReport: number };
  readonly checkpoint: { readonly bytesPerReadingKept: number };
  readonly duckdb: { readonly bytesPerObservation: number };
  readonly postgresql: { readonly bytesPerObservation: number; readonly bytesPerRevision: number };
}

const footprint = JSON.parse(
  readFileSync(new URL('../../bench/results/footprint.json', import.meta.url), 'utf8'),
) as Footprint;

export const measured = { ...footprint, source: 'bench/results/footprint.json (`node bench/footprint.ts`)' };

/** A tick in the log: frame of a chunk, frame of an item, key and record (docs/kinesis.md); each partition has one a second. */
const TICK_BYTES = 100;
/** A fold keeps the longest window and the lateness, a day each. */
const KEPT_SECONDS = 2 * 86_400;
/** Of a partition: the two newest, those of the sinks, and a day of removed ones, which the bucket's versions keep. */
const KEPT_CHECKPOINTS = 4;
const REMOVED_KEPT_SECONDS = 86_400;
const SECONDS_PER_MONTH = 730 * 3600;
/** A load balancer's unit: so many new connections a second; each report is counted as one. */
const CONNECTIONS_PER_UNIT = 25;
/** Lines of the log of a quiet task, and answers to people, GB a month; an estimate. */
const LOGS_GB_PER_TASK = 1;
/** Container images and alerts to webhooks, a month; an estimate. */
const OTHER_EGRESS_BYTES = 20e9;
const WATCHED_METRICS = 5;

/** What a network puts on every part of a deployment, computed. Bytes are of 8 bits, months of 730 hours. */
export function rates(profile: Profile) {
  const { network, tasks, stream, database } = profile;
  const reportsPerSecond = network.stations / network.intervalSeconds;
  const readingsPerSecond = reportsPerSecond * network.readingsPerReport;
  const readingsPerMonth = readingsPerSecond * SECONDS_PER_MONTH;
  const logBytesPerSecond = reportsPerSecond * measured.log.bytesPerReport + tasks.partitions * TICK_BYTES;
  const state = network.stations * network.readingsPerReport * (KEPT_SECONDS / network.intervalSeconds);
  const stateBytes = state * measured.checkpoint.bytesPerReadingKept;
  const kept = KEPT_CHECKPOINTS + REMOVED_KEPT_SECONDS / tasks.checkpointSeconds;
  const archiveBytes = readingsPerMonth * network.archiveMonths * measured.postgresql.bytesPerObservation;
  // One put and one listing for each checkpoint; removals are free.
  const checkpointRequestsPerMonth = 2 * tasks.partitions * (SECONDS_PER_MONTH / tasks.checkpointSeconds);
  const ledgerBytesPerMonth = network.revisionsPerMonth * measured.postgresql.bytesPerRevision;
  return {
    reportsPerSecond,
    readingsPerSecond,
    logBytesPerSecond,
    logBytesPerSecondPerShard: logBytesPerSecond / stream.shards,
    chunksPerSecond: reportsPerSecond + tasks.partitions,
    bytesPerChunk: Math.max(TICK_BYTES, measured.log.bytesPerReport),
    /** Readings that all folds keep. */
    readingsKept: state,
    checkpointBytes: stateBytes * kept,
    checkpointRequestsPerMonth,
    archiveBytes,
    archiveBytesPerDatabase: archiveBytes / Math.max(1, database.archiveShards),
    ledgerBytesPerMonth,
    /** Once a month a snapshot of the archive is read; what is charged is its whole size, after a year of growth. */
    exportedGbPerMonth:
      Math.min(readingsPerMonth * 12 * measured.postgresql.bytesPerObservation, archiveBytes) / 1e9,
    lakeBytesAfterYear: readingsPerMonth * 12 * measured.duckdb.bytesPerObservation,
    balancerUnits: Math.max(1, reportsPerSecond / CONNECTIONS_PER_UNIT),
    egressBytesPerMonth:
      OTHER_EGRESS_BYTES +
      (profile.hasInterfaceEndpoints ? 0 : logBytesPerSecond * (1 + tasks.min) * SECONDS_PER_MONTH),
    logGbPerMonth: LOGS_GB_PER_TASK * tasks.min,
    paidMetrics: WATCHED_METRICS,
  };
}
