import type { CheckpointStore } from '../../src/app/checkpoints/checkpoints.ts';
import { DocumentCache } from '../../src/app/documents.ts';
import { Processor } from '../../src/app/processor/processor.ts';
import { AtalaiaError } from '../../src/lib/errors.ts';
import type { Log } from '../../src/log/log.ts';
import { decodeRecord, encodeRecord } from '../../src/log/record-codec.ts';
import type { LogRecord } from '../../src/model/record.ts';
import type { Archive } from '../../src/store/archive/archive.ts';
import type { Ledger } from '../../src/store/ledger/ledger.ts';
import { ModelArchive } from './archive-model.ts';
import { ModelCheckpoints } from './checkpoint-model.ts';
import { commitBatches } from './ledger-medium.ts';
import { ModelLedger } from './ledger-model.ts';
import { overlaid, type ProcessorPorts, viewOf } from './partition-view.ts';
import { misread } from './plants.ts';
import { Life, remote } from './scheduler.ts';
import { note, violate, type World } from './world.ts';

/** What a worker may fail with when others take over, or when the log is away or damaged. */
const survivable = ['ATL_FENCED', 'ATL_LOG_CLOSED', 'ATL_LOG_DAMAGED', 'ATL_STORE'];
const MAX_FENCED = 12;
const PRUNE_MS = 30_000;

const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' | ') : String(error);

interface Group {
  readonly partitions: readonly number[];
  readonly processor: Processor;
}

/** A process that folds partitions: real processors over ports with seeded delays, until it dies. */
export class Worker {
  readonly name: string;
  readonly #world: World;
  #life: Life;
  #groups: Group[] = [];
  /** When it last ran; its lease counts from here. */
  lastSeenAt = 0;
  #fencedAt: number[] = [];
  readonly #onRestart: (worker: Worker) => void;
  /** Who waits for partitions that are being let go; a crash frees them too. */
  #releasing: (() => void)[] = [];

  constructor(world: World, name: string, onRestart: (worker: Worker) => void) {
    this.name = name;
    this.#world = world;
    this.#onRestart = onRestart;
    this.#life = new Life(name);
    this.#life.isOver = true;
  }

  get isResponsive(): boolean {
    return !this.#life.isOver && !this.#life.isPaused;
  }

  start(): void {
    if (!this.#life.isOver) return;
    const { scheduler, cadence } = this.#world;
    const life = new Life(this.name, scheduler.pick(4000) - 2000);
    this.#life = life;
    this.#groups = [];
    note(this.#world, `${this.name} is up`);
    const every = PRUNE_MS * (cadence.tickMs / 1000);
    const prune = (): void => {
      for (const { processor } of this.#groups)
        void processor.prune().catch(() => note(this.#world, `${this.name} could not prune`));
      scheduler.after(every, prune, life);
    };
    scheduler.after(every, prune, life);
    this.#onRestart(this);
  }

  /** Takes partitions over and folds them from where the sinks are. */
  take(wanted: readonly number[]): void {
    const mine = new Set(this.#groups.flatMap((group) => group.partitions));
    const partitions = wanted.filter((partition) => !mine.has(partition));
    if (partitions.length === 0 || this.#life.isOver) return;
    const { scheduler } = this.#world;
    const life = this.#life;
    note(this.#world, `${this.name} takes ${partitions.join(',')}`);
    const group: Group = { partitions, processor: this.#open(life, partitions) };
    this.#groups.push(group);
    scheduler.after(0, () => void group.processor.start().catch((error) => this.#fail(life, error)), life);
  }

  /** Lets go of partitions in good order; `released` is called when they are free. The rest of their group goes on here. */
  release(partition: number, released: () => void): void {
    const { scheduler } = this.#world;
    const life = this.#life;
    const group = this.#groups.find(({ partitions }) => partitions.includes(partition));
    if (!group || life.isOver) {
      released();
      return;
    }
    note(this.#world, `${this.name} releases ${partition}`);
    this.#groups = this.#groups.filter((one) => one !== group);
    const rest = group.partitions.filter((one) => one !== partition);
    this.#releasing.push(released);
    const go = (): void => {
      if (life === this.#life) this.take(rest);
      this.#releasing = this.#releasing.filter((one) => one !== released);
      released();
    };
    scheduler.after(0, () => void group.processor.stop().then(go, (error) => this.#fail(life, error)), life);
  }

  #open(life: Life, partitions: readonly number[]): Processor {
    const world = this.#world;
    const ports = viewOf(partitions, this.#ports(life));
    return new Processor({
      ...ports,
      // The checkpoint store is a class of its own files; the processor asks no more of it than this.
      checkpoints: ports.checkpoints as CheckpointStore,
      documents: new DocumentCache((hash) => ports.ledger.document(hash)),
      latenessMs: world.latenessMs,
      everyMs: world.everyMs,
      ...{ checkpointEveryMs: 5000, archiveEveryMs: 1500 },
      onCommitted: () => {},
      onCounted: () => {},
      onFailure: (error) => this.#fail(life, error),
    });
  }

  #fail(life: Life, error: unknown): void {
    const isExpected = error instanceof AtalaiaError && survivable.includes(error.code);
    if (!isExpected) violate(this.#world, `a worker fails: ${stackOf(error)}`);
    if (life !== this.#life || life.isOver) return;
    // That a record was skipped is told as well, and the fold goes on.
    if (error instanceof Error && error.message.includes('was skipped')) return;
    note(this.#world, `${this.name} fails: ${isExpected ? error.code : 'a defect'}`);
    if (isExpected && error.code === 'ATL_FENCED') this.#countFenced();
    this.crash(1000 + this.#world.scheduler.random() * 3000);
  }

  /** To be fenced now and then is in order; to be fenced always is to stand still. */
  #countFenced(): void {
    const { scheduler, cadence } = this.#world;
    this.#fencedAt = [...this.#fencedAt, scheduler.now].slice(-MAX_FENCED);
    const first = this.#fencedAt[0] as number;
    if (this.#fencedAt.length === MAX_FENCED && scheduler.now - first < 60 * cadence.tickMs)
      violate(this.#world, `${this.name} was fenced ${MAX_FENCED} times in a minute: nobody gets on`);
  }

  #ports(life: Life): ProcessorPorts {
    const { scheduler, broker, ledger, archive, checkpoints, plant, cadence } = this.#world;
    const crashSoon = (): void => {
      if (this.#world.hasFaults && scheduler.chance(0.06))
        scheduler.after(scheduler.random() * 8, () => life === this.#life && this.crash(2000));
    };
    const ledgerPort = remote<Ledger>(
      scheduler,
      life,
      new ModelLedger(ledger, () => Math.floor(scheduler.now)),
    );
    const archivePort = remote<Archive>(scheduler, life, new ModelArchive(archive));
    const ignoresPosition = plant === 'checkpoint-without-position';
    return {
      log: this.#logOf(life, broker.client(life, cadence.tickMs / 1000)),
      ledger: overlaid(ledgerPort, {
        // The worst instants to die at: while effects are on their way.
        commit: async (batches, ...rest) => {
          if (this.#world.hasFaults && scheduler.chance(0.0003))
            throw new AtalaiaError('ATL_STORE', 'The disk of the ledger failed once.');
          if (batches.some(({ revisions }) => revisions.length > 0)) crashSoon();
          return plant === 'position-before-effects'
            ? this.#commitInTwo(life, batches)
            : ledgerPort.commit(batches, ...rest);
        },
      }),
      archive: overlaid(archivePort, {
        commit: (batches, ...rest) => {
          if (batches.some(({ observations }) => observations.length > 0)) crashSoon();
          return archivePort.commit(batches, ...rest);
        },
      }),
      checkpoints: remote(scheduler, life, new ModelCheckpoints(checkpoints, ignoresPosition)),
    };
  }

  /** A planted fault: two transactions, the position in the first. */
  async #commitInTwo(life: Life, batches: Parameters<Ledger['commit']>[0]): Promise<void> {
    const { scheduler, ledger } = this.#world;
    const now = (): number => Math.floor(scheduler.now);
    await scheduler.call(life, () =>
      commitBatches(
        ledger,
        batches.map((batch) => ({ ...batch, revisions: [] })),
        now(),
      ),
    );
    await scheduler.call(life, () => {
      const here = batches.map((batch) => {
        const held = ledger.positions.get(batch.partition);
        return { ...batch, epoch: held?.epoch ?? 0, from: held?.offset ?? 0, to: held?.offset ?? 0 };
      });
      commitBatches(ledger, here, now());
    });
  }

  /** The log as the fold of this process reads it; planted faults change what it reads. */
  #logOf(life: Life, log: Log): Log {
    const { plant, scheduler } = this.#world;
    if (plant !== 'wall-clock-timer' && plant !== 'wrong-values') return log;
    const clock = scheduler.clockOf(life);
    const read = (record: LogRecord): LogRecord =>
      plant === 'wall-clock-timer' && record.kind === 'tick'
        ? { ...record, at: Math.floor(clock.now() / 1000) * 1000 }
        : misread(record, plant);
    return {
      ...log,
      read: async (...args) =>
        (await log.read(...args)).map((entry) => ({
          ...entry,
          payload: encodeRecord(read(decodeRecord(entry.payload))),
        })),
    };
  }

  /** Stops running for a while, without knowing: its lease runs out, and then it wakes up and goes on. */
  pause(ms: number): void {
    const { scheduler, outages } = this.#world;
    const life = this.#life;
    if (!this.isResponsive) return;
    note(this.#world, `${this.name} is paused`);
    scheduler.pause(life);
    outages.push({ who: this.name, from: scheduler.now, to: scheduler.now + ms });
    scheduler.after(ms, () => {
      if (life.isOver) return;
      note(this.#world, `${this.name} wakes up`);
      scheduler.resume(life);
    });
  }

  crash(downMs: number): void {
    const { scheduler, outages } = this.#world;
    if (this.#life.isOver) return;
    note(this.#world, `${this.name} crashes`);
    this.#life.isOver = true;
    this.#groups = [];
    const free = this.#releasing;
    this.#releasing = [];
    for (const released of free) scheduler.after(downMs, released);
    outages.push({ who: this.name, from: scheduler.now, to: scheduler.now + downMs });
    scheduler.after(downMs, () => this.start());
  }
}
