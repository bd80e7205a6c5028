import { ReadingSeries } from '../../src/stream/series.ts';
import { ArchiveMedium } from './archive-model.ts';
import { Broker } from './broker.ts';
import { ChannelModel } from './channel-model.ts';
import { checkAll, watchCommits } from './checkers.ts';
import { CheckpointMedium } from './checkpoint-model.ts';
import { Coordinator } from './coordinator.ts';
import { planFaults } from './faults.ts';
import { Front } from './front.ts';
import { withVirtualTimers } from './global-timers.ts';
import { LogHistory } from './history.ts';
import { LedgerMedium } from './ledger-medium.ts';
import type { Plant } from './plants.ts';
import { Producers } from './producers.ts';
import { Scheduler } from './scheduler.ts';
import { type Cadence, cadences, stationsOf } from './weather.ts';
import { note, violate, type World } from './world.ts';

export interface SimulationOptions {
  readonly seed: number;
  readonly cadence?: Cadence['name'];
  readonly plant?: Plant | undefined;
  /** Ends at the first broken promise instead of the run's end. */
  readonly stopAtFirst?: boolean;
  readonly onTrace?: (line: string) => void;
}

export interface SimulationResult {
  readonly seed: number;
  /** Broken promises in words; empty when all were kept. */
  readonly violations: readonly string[];
  /** Of the whole history: equal for two runs of one seed. */
  readonly digest: string;
  readonly steps: number;
  readonly counts: ReadonlyMap<string, number>;
  readonly totals: Readonly<Record<'reports' | 'records' | 'revisions' | 'deliveries', number>>;
}

/** What a batch may wait for before it is written, with the system's own timers. */
const QUIET_MS = 5000;
/** A Tuesday with rain. */
const START_AT = Date.UTC(2024, 3, 30, 3, 0, 7);
const PARTITIONS = 3;
/** Spans between reports in which late reports come, and then everything comes to rest. */
const LATE_INTERVALS = 45;
const REST_INTERVALS = 20;

/** Runs the whole system above the ports for one seed and checks what it promises. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const scheduler = new Scheduler(options.seed, START_AT, options.onTrace);
  const { tickMs } = cadences[options.cadence ?? 'hour'];
  return withVirtualTimers(scheduler, tickMs / 1000, () => run(scheduler, options));
}

function openWorld(scheduler: Scheduler, { plant, cadence = 'hour' }: SimulationOptions) {
  const violations: string[] = [];
  const history = new LogHistory(PARTITIONS, (what) => violate(world, what));
  const broker = new Broker({
    ...{ scheduler, partitions: PARTITIONS, neverSyncs: plant === 'acknowledge-before-fsync' },
    onAcknowledged: (record, offset) => history.acknowledged(record, offset),
    onRead: (entry) => history.read(entry),
    onOpened: (next) => history.opened(next),
    hasFaults: () => world.hasFaults,
    onLost: (what) => violate(world, what),
    keepFrom: () => history.positions(),
    onEvent: (event) => note(world, event),
  });
  const world: World = {
    ...{ scheduler, broker, violations, plant: plant ?? null, cadence: cadences[cadence] },
    partitions: PARTITIONS,
    stations: stationsOf(cadences[cadence], PARTITIONS, scheduler.chance(0.3)),
    latenessMs: cadences[cadence].intervalMs * 15,
    everyMs: scheduler.chance(0.3) ? 500 : 0,
    ledger: new LedgerMedium(),
    archive: new ArchiveMedium(),
    checkpoints: new CheckpointMedium(),
    channel: new ChannelModel(scheduler),
    broken: new Set(),
    outages: [],
    counts: new Map(),
    hasFaults: true,
  };
  world.ledger.isUnfenced = plant === 'no-fencing';
  world.archive.isUnfenced = plant === 'no-fencing';
  watchCommits(world);
  return { world, history };
}

/** A planted fault: the series takes a repeat for a correction. Returns the way back. */
function forgetRepeats(): () => void {
  const { insert } = ReadingSeries.prototype;
  ReadingSeries.prototype.insert = function (this: ReadingSeries, ...args) {
    const found = insert.apply(this, args);
    return found === 'repeat' ? 'correction' : found;
  };
  return () => {
    ReadingSeries.prototype.insert = insert;
  };
}

async function run(scheduler: Scheduler, options: SimulationOptions): Promise<SimulationResult> {
  const { world, history } = openWorld(scheduler, options);
  const restore = options.plant === 'no-repeat-check' ? forgetRepeats() : () => {};
  try {
    await live(world, history, options.stopAtFirst === true);
  } finally {
    restore();
  }
  if (!options.stopAtFirst || world.violations.length === 0) checkAll(world, history);
  return {
    seed: options.seed,
    violations: world.violations,
    digest: scheduler.digest(),
    steps: scheduler.steps,
    counts: world.counts,
    totals: {
      reports: history.accepted.length,
      records: history.positions().reduce((sum, n) => sum + n, 0),
      revisions: world.ledger.revisions.length,
      deliveries: world.channel.received.length,
    },
  };
}

async function live(world: World, history: LogHistory, stopAtFirst: boolean): Promise<void> {
  const { scheduler, cadence, broker } = world;
  const endAt = START_AT + cadence.durationMs;
  const isStopped = (): boolean => stopAtFirst && world.violations.length > 0;
  const go = (until: number, isDone = (): boolean => false): Promise<void> =>
    scheduler.run(until, () => isStopped() || isDone());
  const front = new Front(world);
  const coordinator = new Coordinator(world, ['worker-a', 'worker-b']);
  const producers = new Producers({
    ...{ scheduler, cadence, until: endAt - cadence.intervalMs },
    stations: world.stations.map(({ id }) => id),
    post: (body) => front.post(body),
    onAnswered: (report, refusal) => void (refusal === null && history.accepted.push(report)),
  });
  broker.start();
  scheduler.after(500, () => front.start());
  scheduler.after(800, () => coordinator.start());
  scheduler.after(5000, () => producers.start());
  history.follow(scheduler, broker, 5 * cadence.tickMs);
  planFaults(world, { front, coordinator }, START_AT + 20_000, endAt - cadence.durationMs * 0.06);
  await go(endAt);

  world.hasFaults = false;
  world.channel.isDown = false;
  world.channel.isFlaky = false;
  broker.disk.heal();
  broker.repair();
  // Late reports are still on their way; then the clock stops and everything comes to rest.
  const isAnswered = (): boolean => producers.isDone && front.isUp && broker.isUp;
  await go(endAt + LATE_INTERVALS * cadence.intervalMs, isAnswered);
  await go(scheduler.now + 10 * cadence.tickMs);
  // Not awaited: a tick under way needs the steps below.
  void front.stopTicks();
  const isQuiet = (): boolean => isAnswered() && history.isComplete() && isAtRest(world, history.positions());
  const restAt = scheduler.now + REST_INTERVALS * cadence.intervalMs;
  while (scheduler.now < restAt && !isStopped()) {
    await go(restAt, isQuiet);
    await go(scheduler.now + QUIET_MS * (cadence.tickMs / 1000));
    if (isQuiet()) return;
  }
  if (isStopped()) return;
  const places = history.missing();
  if (places.length > 0)
    violate(world, `${places.length} acknowledged records are gone, the first at ${places[0]}`);
  else violate(world, `no rest after the last fault: ${restless(world, history.positions())}`);
}

function isAtRest(world: World, ends: readonly number[]): boolean {
  return restless(world, ends) === '';
}

/** What is not done yet, in words. */
function restless({ ledger, archive }: World, ends: readonly number[]): string {
  const behind = ends.flatMap((end, partition) => {
    const inLedger = ledger.positions.get(partition)?.offset ?? 0;
    const inArchive = archive.positions.get(partition)?.offset ?? 0;
    return inLedger === end && inArchive === end
      ? []
      : [`partition ${partition}: log ${end}, ledger ${inLedger}, archive ${inArchive}`];
  });
  const open = [...ledger.deliveries.values()].filter(
    ({ state }) => state === 'waiting' || state === 'sending',
  );
  if (ledger.outbox.size > 0) behind.push(`${ledger.outbox.size} outbox rows`);
  if (open.length > 0) behind.push(`${open.length} deliveries`);
  return behind.join('; ');
}

/** What is to be read when a seed fails: what broke, when, and how to see it again. */
export function reportOf(
  { seed, violations, steps }: SimulationResult,
  { cadence = 'hour', plant }: SimulationOptions,
): string {
  const again = [
    `npm run sim -- --seed ${seed}`,
    cadence === 'hour' ? '' : ` --cadence ${cadence}`,
    plant ? ` --plant ${plant}` : '',
  ];
  return [
    `seed ${seed} broke ${violations.length} promises in ${steps} steps`,
    ...violations,
    `again: ${again.join('')} [--trace]`,
  ].join('\n  ');
}
