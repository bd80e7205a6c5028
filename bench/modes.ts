import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { formatAlertEvent } from '../src/alerts/event-json.ts';
import type { Report } from '../src/model/report.ts';
import type { Rule } from '../src/model/rule.ts';
import type { Station } from '../src/model/station.ts';
import { quantile } from './figures.ts';
import { Pipeline, rounded } from './pipeline.ts';

export const modes = ['streaming', 'micro-batch', 'batch'] as const;
export type Mode = (typeof modes)[number];

export interface ModesInput {
  readonly rules: readonly Rule[];
  readonly stations: readonly Station[];
  /** Sorted by `receivedAt`. */
  readonly reports: readonly Report[];
}

export interface ModesOptions extends ModesInput {
  /** The feed is spread over this span, ms; 0 = as fast as the log takes it. */
  readonly durationMs: number;
  /** Span of a micro-batch, ms. */
  readonly everyMs: number;
  readonly onProgress?: (text: string) => void;
}

export interface ModeCase {
  readonly mode: Mode;
  readonly records: number;
  readonly alertEvents: number;
  /** From durable in the log to committed in the ledger. */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  readonly cpuMsPer1000Records: number;
  readonly transactions: { readonly ledger: number; readonly archive: number };
  /** Divided by those of streaming. */
  readonly toStreaming: {
    readonly p50: number;
    readonly p99: number;
    readonly cpu: number;
    readonly ledgerTransactions: number;
  };
}

export interface ModesResult {
  readonly durationMs: number;
  readonly everyMs: number;
  /** The ledgers of all modes hold the same events, byte for byte. */
  readonly isSame: boolean;
  readonly cases: readonly ModeCase[];
}

const PARTITIONS = 4;

interface Measured extends Omit<ModeCase, 'toStreaming' | 'alertEvents'> {
  /** Events of the ledger in the contract's order. */
  readonly events: readonly string[];
}

/** The same feed through the pipeline in three modes: what waiting costs and what it saves, beside streaming. */
export async function benchModes(options: ModesOptions): Promise<ModesResult> {
  const measured: Measured[] = [];
  for (const mode of modes) {
    options.onProgress?.(mode);
    measured.push(await runMode(mode, options));
  }
  const base = measured[0] as Measured;
  return {
    durationMs: options.durationMs,
    everyMs: options.everyMs,
    isSame: measured.every(({ events }) => events.join('\n') === base.events.join('\n')),
    cases: measured.map(({ events, ...one }) => ({
      ...one,
      alertEvents: events.length,
      toStreaming: {
        p50: rounded(one.latencyMs.p50 / base.latencyMs.p50),
        p99: rounded(one.latencyMs.p99 / base.latencyMs.p99),
        cpu: rounded(one.cpuMsPer1000Records / base.cpuMsPer1000Records),
        ledgerTransactions: rounded(one.transactions.ledger / base.transactions.ledger),
      },
    })),
  };
}

/** One mode over its own stores. In batch the fold begins when the whole recording is in the log. */
export async function runMode(mode: Mode, options: ModesOptions): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'atalaia-modes-'));
  try {
    const regions = [...new Set(options.stations.map(({ region }) => region))];
    const pipeline = await Pipeline.open({
      ...options,
      folder,
      partitions: PARTITIONS,
      partitionOf: ({ region }) => regions.indexOf(region) % PARTITIONS,
      everyMs: mode === 'micro-batch' ? options.everyMs : 0,
      checkpointEveryMs: 1000,
    });
    const latencies: number[] = [];
    const appendedAt = Array.from({ length: PARTITIONS }, () => [] as number[]);
    pipeline.onCommitted = (partition, from, to) => {
      const now = performance.now();
      const at = appendedAt[partition] as number[];
      // What is committed before its append has told us so has waited for nothing.
      for (let offset = from; offset < to; offset++) latencies.push(Math.max(0, now - (at[offset] ?? now)));
    };
    const cpu = process.cpuUsage();
    if (mode !== 'batch') await pipeline.processor.start();
    await feed(pipeline, options, appendedAt);
    if (mode === 'batch') await pipeline.processor.start();
    await pipeline.caughtUp();
    const { user, system } = process.cpuUsage(cpu);
    const events: string[] = [];
    for await (const event of pipeline.ledger.events()) events.push(formatAlertEvent(event));
    await pipeline.close();
    latencies.sort((a, b) => a - b);
    return {
      mode,
      records: latencies.length,
      events,
      latencyMs: { p50: rounded(quantile(latencies, 0.5)), p99: rounded(quantile(latencies, 0.99)) },
      cpuMsPer1000Records: rounded((user + system) / latencies.length),
      transactions: pipeline.transactions,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function feed(pipeline: Pipeline, options: ModesOptions, appendedAt: number[][]): Promise<void> {
  const { reports, durationMs } = options;
  const groups = byTime(reports);
  const note = (offsets: readonly number[], appends: readonly { partition: number }[]): void => {
    const now = performance.now();
    appends.forEach(({ partition }, i) => {
      (appendedAt[partition] as number[])[offsets[i] as number] = now;
    });
  };
  const first = pipeline.beginning(groups[0]?.[0]?.receivedAt ?? 0);
  note(await pipeline.log.append(first), first);
  const begun = performance.now();
  for (const [i, group] of groups.entries()) {
    const wait = begun + (i / groups.length) * durationMs - performance.now();
    if (wait > 0) await pause(wait);
    const appends = pipeline.step((group[0] as Report).receivedAt, group);
    note(await pipeline.log.append(appends), appends);
  }
}

function byTime(reports: readonly Report[]): Report[][] {
  const groups: Report[][] = [];
  for (const report of reports) {
    const last = groups.at(-1);
    if (last?.[0]?.receivedAt === report.receivedAt) last.push(report);
    else groups.push([report]);
  }
  return groups;
}
