import { DocumentCache } from '../../src/app/documents.ts';
import type { LogEntry } from '../../src/log/log.ts';
import { decodeRecord } from '../../src/log/record-codec.ts';
import type { AlertRevision } from '../../src/model/alert.ts';
import { observationsIn } from '../../src/model/effect.ts';
import type { Observation } from '../../src/model/observation.ts';
import type { Report } from '../../src/model/report.ts';
import { PartitionFold } from '../../src/stream/fold.ts';
import { misread } from './plants.ts';
import type { World } from './world.ts';

/** What one fold of a partition's whole log says must be in the stores. */
export interface Reference {
  readonly revisions: readonly { readonly position: string; readonly revision: AlertRevision }[];
  readonly observations: readonly Observation[];
  readonly reports: readonly Report[];
  /** Partition clock when a report was folded. */
  readonly clocks: ReadonlyMap<Report, number>;
  /** Stations with a report that came beyond lateness, or whose readings came in another order or were corrected. */
  readonly disordered: ReadonlySet<string>;
  readonly beyondLateness: ReadonlySet<string>;
  /** State before the record at an offset, as JSON, where one was asked for. */
  readonly states: ReadonlyMap<number, string>;
}

/** Folds the log of one partition from its beginning, once, without a fault. */
export function referenceOf(
  world: World,
  entries: readonly LogEntry[],
  statesAt: ReadonlySet<number>,
): Reference {
  const documents = new DocumentCache();
  for (const [hash, bytes] of world.ledger.documents) documents.add({ hash, bytes });
  const fold = new PartitionFold(documents.foldOptions(world.latenessMs));
  const revisions: { position: string; revision: AlertRevision }[] = [];
  const observations: Observation[] = [];
  const reports: Report[] = [];
  const clocks = new Map<Report, number>();
  const disordered = new Set<string>();
  const beyondLateness = new Set<string>();
  const states = new Map<number, string>();
  const newest = new Map<string, number>();
  for (const { partition, offset, payload } of entries) {
    if (statesAt.has(offset)) states.set(offset, JSON.stringify(fold.snapshot()));
    const record = decodeRecord(payload);
    let index = 0;
    for (const effect of fold.apply(misread(record, world.plant))) {
      if (effect.kind === 'alert')
        revisions.push({ position: `${partition}:${offset}:${index++}`, revision: effect.revision });
      for (const observation of observationsIn(effect)) {
        observations.push(observation);
        const before = newest.get(observation.station) ?? Number.NEGATIVE_INFINITY;
        if (observation.arrival !== 'on-time' || observation.observedAt < before)
          disordered.add(observation.station);
        if (observation.arrival === 'late') beyondLateness.add(observation.station);
        newest.set(observation.station, Math.max(before, observation.observedAt));
      }
    }
    if (record.kind !== 'report') continue;
    reports.push(record.report);
    clocks.set(record.report, fold.clockAt);
  }
  if (statesAt.has(entries.length)) states.set(entries.length, JSON.stringify(fold.snapshot()));
  return { revisions, observations, reports, clocks, disordered, beyondLateness, states };
}
