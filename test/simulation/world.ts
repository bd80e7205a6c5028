import type { Station } from '../../src/model/station.ts';
import type { ArchiveMedium } from './archive-model.ts';
import type { Broker } from './broker.ts';
import type { ChannelModel } from './channel-model.ts';
import type { CheckpointMedium } from './checkpoint-model.ts';
import type { LedgerMedium } from './ledger-medium.ts';
import type { Plant } from './plants.ts';
import type { Scheduler } from './scheduler.ts';
import type { Cadence } from './weather.ts';

const MAX_VIOLATIONS = 20;

/** A span of time in which a process was dead or did not run. */
export interface Outage {
  readonly who: string;
  readonly from: number;
  to: number;
}

/** What the parts of one simulated run share: time, the media that outlive every process, and the book of what happened. */
export interface World {
  readonly scheduler: Scheduler;
  readonly cadence: Cadence;
  readonly plant: Plant | null;
  readonly partitions: number;
  readonly stations: readonly Station[];
  readonly latenessMs: number;
  /** Of the workers: 0 streaming, more = micro-batch. */
  readonly everyMs: number;
  readonly broker: Broker;
  readonly ledger: LedgerMedium;
  readonly archive: ArchiveMedium;
  readonly checkpoints: CheckpointMedium;
  readonly channel: ChannelModel;
  /** Promises that were broken. */
  readonly violations: string[];
  /** Their sorts, so that each is told once. */
  readonly broken: Set<string>;
  readonly outages: Outage[];
  readonly counts: Map<string, number>;
  /** False once the faults have ended. */
  hasFaults: boolean;
}

/** Counts an event and puts it into the trace. */
export function note(world: World, event: string): void {
  const kind = event.replace(/\d+/g, '#');
  world.counts.set(kind, (world.counts.get(kind) ?? 0) + 1);
  world.scheduler.trace(event);
}

/** Keeps a broken promise for the report: each sort once, with its step and virtual time. */
export function violate(world: Pick<World, 'scheduler' | 'violations' | 'broken'>, what: string): void {
  const { scheduler, violations, broken } = world;
  const sort = what.replace(/[0-9a-f]{32}|\d+/g, '#').slice(0, 60);
  scheduler.trace(`VIOLATION ${what}`);
  if (broken.has(sort) || broken.size >= MAX_VIOLATIONS) return;
  broken.add(sort);
  violations.push(`step ${scheduler.steps}, ${new Date(scheduler.now).toISOString()}: ${what}`);
}
