import { AtalaiaError } from '../../src/lib/errors.ts';
import { SimDisk } from '../../src/lib/sim-disk.ts';
import { openEmbeddedLog } from '../../src/log/embedded/embedded-log.ts';
import type { Append, Log, LogEntry } from '../../src/log/log.ts';
import { Life, type Scheduler } from './scheduler.ts';

import { timedDisk } from './timed-disk.ts';

const DIRECTORY = 'log';
const SEGMENT_BYTES = 32 << 10;
const RETRY_OPEN_MS = 1000;

export interface BrokerOptions {
  readonly scheduler: Scheduler;
  readonly partitions: number;
  readonly neverSyncs: boolean;
  /** Every acknowledged record, at the instant when its offset is known. */
  readonly onAcknowledged: (record: Append, offset: number) => void;
  readonly onRead: (entry: LogEntry) => void;
  /** The log is open again, with the next offset of each partition. */
  readonly onOpened: (next: readonly number[]) => void;
  readonly hasFaults: () => boolean;
  /** The log is damaged although no bit was turned over. */
  readonly onLost: (what: string) => void;
  /** Nothing from these offsets on is trimmed: the checkers have not read it yet. */
  readonly keepFrom: () => readonly number[];
  readonly onEvent: (event: string) => void;
}

interface Pending {
  readonly life: Life;
  readonly fail: () => void;
}

/** The real embedded log over a simulated disk, in a process of its own that crashes and comes back. */
export class Broker {
  readonly #options: BrokerOptions;
  #disk: SimDisk;
  #life = new Life('log');
  #log: Log | null = null;
  #pending = new Set<Pending>();
  readonly #trimTo: number[] = [];
  #wasRotten = false;
  #flipped: { path: string; byte: number; bit: number } | null = null;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#disk = new SimDisk(options.scheduler.random);
    this.#life.isOver = true;
  }

  get isUp(): boolean {
    return this.#log !== null;
  }
  get disk(): SimDisk {
    return this.#disk;
  }

  start(): void {
    const { scheduler, neverSyncs, partitions, onEvent } = this.#options;
    const life = new Life('log');
    this.#life = life;
    const disk = timedDisk(this.#disk, { scheduler, life, neverSyncs, onWrite: () => this.#risk(life) });
    const clock = scheduler.clockOf(life);
    scheduler.after(
      0,
      () =>
        void openEmbeddedLog({
          ...{ directory: DIRECTORY, partitions, disk, clock, random: scheduler.random },
          ...{ segmentBytes: SEGMENT_BYTES, cacheBytes: 64 << 10 },
          onEvent: () => onEvent('log: torn tail'),
        }).then(
          (log) => {
            this.#log = log;
            onEvent('log is open');
            void this.#tellOpened(log);
          },
          (error) => this.#openFailed(error),
        ),
      life,
    );
  }

  /** The worst instants for the power to go: while bytes are on their way. */
  #risk(life: Life): void {
    const { scheduler, hasFaults } = this.#options;
    if (hasFaults() && scheduler.chance(0.0004))
      scheduler.after(scheduler.random() * 4, () => life === this.#life && !life.isOver && this.crash(true));
  }

  async #tellOpened(log: Log): Promise<void> {
    const next: number[] = [];
    for (let partition = 0; partition < log.partitions; partition++)
      next.push((await log.bounds(partition)).next);
    this.#options.onOpened(next);
  }

  #openFailed(error: unknown): void {
    const { scheduler, onEvent } = this.#options;
    const code = error instanceof AtalaiaError ? error.code : String(error);
    onEvent(`log does not open: ${code}`);
    this.#life.isOver = true;
    // The operator reads the message and restores the damaged file from its copy.
    if (code === 'ATL_LOG_DAMAGED') {
      if (!this.#wasRotten) this.#options.onLost(`the log is damaged by a crash alone: ${String(error)}`);
      this.repair();
    }
    scheduler.after(RETRY_OPEN_MS, () => this.start());
  }

  /** Bit rot in a segment that is no longer written to; false when there is none yet. */
  async rot(): Promise<boolean> {
    const names = (await this.#disk.list(DIRECTORY)).filter((name) => name.endsWith('.log'));
    if (names.length < 2 || this.#flipped) return false;
    const { scheduler } = this.#options;
    const path = `${DIRECTORY}/${names[scheduler.pick(names.length - 1)]}`;
    const byte = scheduler.pick(await this.#disk.size(path));
    this.#flipped = { path, byte, bit: scheduler.pick(8) };
    this.#disk.flipBit(path, byte, this.#flipped.bit);
    this.#wasRotten = true;
    return true;
  }

  /** Turns the rotten bit back, where its file still is. */
  repair(): void {
    const flipped = this.#flipped;
    this.#flipped = null;
    if (!flipped) return;
    try {
      this.#disk.flipBit(flipped.path, flipped.byte, flipped.bit);
    } catch {
      // Trimmed meanwhile.
    }
  }

  /** The process ends. With `power` the page cache is lost as well; without, files keep what was written. */
  crash(power: boolean): void {
    const { scheduler, onEvent } = this.#options;
    onEvent(`log ${power ? 'loses power' : 'is killed'}`);
    this.#life.isOver = true;
    this.#log = null;
    if (power) this.#disk = this.#disk.crash();
    for (const { life, fail } of this.#pending) scheduler.after(scheduler.delay(), fail, life);
    this.#pending = new Set();
    scheduler.after(500 + scheduler.random() * 3000, () => this.start());
  }

  /** The log as a process sees it over the network. */
  client(life: Life, waitScale = 1): Log {
    const { partitions } = this.#options;
    const request = <T>(run: (log: Log) => Promise<T>): Promise<T> => this.#request(life, run);
    return {
      partitions,
      append: (records) =>
        request(async (log) => {
          const offsets = await this.#watched(log.append(records));
          records.forEach((record, i) => {
            this.#options.onAcknowledged(record, offsets[i] as number);
          });
          return offsets;
        }),
      read: (partition, offset, limit, waitMs = 0) =>
        request(async (log) => {
          const entries = await log.read(partition, offset, limit, waitMs * waitScale);
          for (const entry of entries) this.#options.onRead(entry);
          return entries;
        }),
      bounds: (partition) => request((log) => log.bounds(partition)),
      // A hint: it takes no time and fails quietly.
      commit: async (group, partition, offset) => {
        await this.#log?.commit(group, partition, offset).catch(() => undefined);
      },
      lag: (group) => request((log) => log.lag(group)),
      trim: (oldest) => {
        const kept = this.#options.keepFrom();
        // Each worker knows of its own partitions only.
        oldest.forEach((offset, partition) => {
          this.#trimTo[partition] = Math.max(this.#trimTo[partition] ?? 0, offset);
        });
        const all = kept.map((bound, partition) => Math.min(bound, this.#trimTo[partition] ?? 0));
        return request((log) => log.trim(all));
      },
      close: async () => {},
    };
  }

  /** A log that ends appending for good is restarted by its supervisor. */
  async #watched<T>(appending: Promise<T>): Promise<T> {
    const life = this.#life;
    try {
      return await appending;
    } catch (error) {
      const isDead = error instanceof AtalaiaError && error.code === 'ATL_LOG_CLOSED';
      if (isDead && !life.isOver) {
        life.isOver = true;
        this.#options.scheduler.after(1, () => this.crash(this.#options.scheduler.chance(0.5)));
      }
      throw error;
    }
  }

  #request<T>(life: Life, run: (log: Log) => Promise<T>): Promise<T> {
    const { scheduler } = this.#options;
    return new Promise<T>((resolve, reject) => {
      const fail = (): void =>
        reject(new AtalaiaError('ATL_LOG_CLOSED', 'The connection to the log was lost.'));
      scheduler.after(scheduler.delay(0.3), () => {
        if (life.isOver) return;
        if (!this.#log) return void scheduler.after(scheduler.delay(), fail, life);
        const pending: Pending = { life, fail };
        this.#pending.add(pending);
        const broker = this.#life;
        const answer = (settle: () => void): void => {
          if (broker.isOver && !this.#pending.has(pending)) return;
          this.#pending.delete(pending);
          scheduler.after(scheduler.delay(0.3), settle, life);
        };
        run(this.#log).then(
          (value) => answer(() => resolve(value)),
          (error) => answer(() => reject(error)),
        );
      });
    });
  }
}
