import { cpSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CheckpointStore } from '../src/app/checkpoints/checkpoints.ts';
import type { DocumentCache } from '../src/app/documents.ts';
import { Processor } from '../src/app/processor/processor.ts';
import type { CrashPoint, Guarantee } from '../src/app/sinks/guarantee.ts';
import { openDuckdbArchive } from '../src/app/stores/archive-file.ts';
import { systemClock } from '../src/lib/clock.ts';
import type { Random } from '../src/lib/random.ts';
import type { SimDisk } from '../src/lib/sim-disk.ts';
import { openEmbeddedLog } from '../src/log/embedded/embedded-log.ts';
import type { Log, LogEntry } from '../src/log/log.ts';
import type { Archive } from '../src/store/archive/archive.ts';
import type { Ledger } from '../src/store/ledger/ledger.ts';
import { openSqliteLedger } from '../src/store/ledger/sqlite/ledger.ts';
import { PARTITIONS, type Showers } from './guarantees-input.ts';

/** Where a life ends: at a point of the pipeline, inside a write of a store, or as one who was replaced. */
export type Death =
  | CrashPoint
  | `${'ledger' | 'archive'}:${'torn' | 'reply-lost'}`
  | 'topic:torn'
  | 'checkpoint:torn'
  | 'zombie'
  | 'idle';

/** What outlives a crash: a folder of the real stores, and two simulated disks for log and topic. */
export interface Remains {
  readonly folder: string;
  readonly logDisk: SimDisk;
  readonly topicDisk: SimDisk;
}

export interface LifeOptions extends Remains {
  readonly guarantee: Guarantee;
  /** 0 streaming, more micro-batch. */
  readonly everyMs: number;
  readonly showers: Showers;
  readonly documents: DocumentCache;
  readonly random: Random;
}

type Store = 'ledger' | 'archive' | 'topic' | 'log' | 'checkpoints';

const DAY_MS = 86_400_000;
const never = new Promise<never>(() => {});
const wals = { ledger: 'ledger.sqlite-wal', archive: 'archive.duckdb.wal' } as const;

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** One life of the pipeline's process objects over real stores; dead, they get no answer to anything any more. */
export class Life {
  readonly #options: LifeOptions;
  #death: Death | null = null;
  #isDead = false;
  #hitsLeft = 0;
  #inFlight = 0;
  /** A write-ahead log that the crash cut at a place between two sizes. */
  #torn: { readonly file: string; readonly from: number } | null = null;
  readonly #died = Promise.withResolvers<void>();
  #ledger!: Ledger;
  #archive!: Archive;
  log!: Log;
  topic!: Log;
  #processor!: Processor;
  failure: unknown = null;

  constructor(options: LifeOptions) {
    this.#options = options;
  }

  /** Opens everything; `death` may come while the partitions are taken over. */
  async begin(death: Death | null, hits: number): Promise<void> {
    this.#death = death;
    this.#hitsLeft = hits;
    const { folder, logDisk, topicDisk, guarantee, everyMs, documents } = this.#options;
    const embedded = {
      partitions: PARTITIONS,
      clock: systemClock,
      random: this.#options.random,
      lingerMs: 0,
    };
    this.log = await openEmbeddedLog({ ...embedded, directory: 'log', disk: logDisk });
    this.topic = await openEmbeddedLog({ ...embedded, directory: 'topic', disk: topicDisk });
    this.#ledger = await openSqliteLedger({ path: join(folder, 'ledger.sqlite') });
    this.#archive = await openDuckdbArchive({ path: join(folder, 'archive.duckdb') });
    const checkpoints = await CheckpointStore.open(join(folder, 'checkpoints'), () => {});
    this.#processor = new Processor({
      log: this.#mortal(this.log, 'log'),
      ledger: this.#mortal(this.#ledger, 'ledger'),
      archive: this.#mortal(this.#archive, 'archive'),
      checkpoints: this.#mortal(checkpoints, 'checkpoints'),
      topic: { name: 'alerts', log: this.#mortal(this.topic, 'topic') },
      documents,
      latenessMs: DAY_MS,
      everyMs,
      checkpointEveryMs: 10,
      archiveEveryMs: 5,
      guarantees: { ledger: guarantee, archive: guarantee, topic: guarantee },
      probe: (point) => this.#reach(point),
      onCommitted: () => {},
      onCounted: () => {},
      onFailure: (error) => {
        if (this.#isDead) return;
        if (this.#death !== 'zombie' || (error as { code?: string }).code !== 'ATL_FENCED')
          this.failure = error;
        this.#die();
      },
    });
    await Promise.race([this.#processor.start(), this.#died.promise]);
  }

  #die(): void {
    this.#isDead = true;
    this.#died.resolve();
  }

  async #reach(point: CrashPoint): Promise<void> {
    if (this.#isDead) return never;
    const awaited =
      this.#death === 'zombie' ? 'folded' : this.#death?.replace('checkpoint:torn', 'checkpointed');
    if (point !== awaited || --this.#hitsLeft > 0) return;
    if (this.#death === 'zombie') return this.#replace();
    this.#die();
    return never;
  }

  /** Another one takes all partitions over; this one goes on until its next write is refused. */
  async #replace(): Promise<void> {
    const held = new Map((await this.#archive.positions()).map((p) => [p.partition, p]));
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const { epoch } = await this.#ledger.acquire(partition);
      const at = held.get(partition)?.offset;
      if (at !== undefined)
        await this.#archive.commit([{ partition, epoch, from: at, to: at, observations: [] }]);
    }
  }

  /** The same object for a process that can die: then no call is answered, and none begins. */
  #mortal<T extends object>(target: T, store: Store): T {
    return new Proxy(target, {
      get: (_, key) => {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => this.#call(() => value.apply(target, args), store, String(key));
      },
    });
  }

  async #call(call: () => unknown, store: Store, method: string): Promise<unknown> {
    if (this.#isDead) return never;
    const isWrite = method === 'commit' || method === 'moveSink' || method === 'append';
    const isDeadly =
      isWrite &&
      (this.#death === `${store}:torn` || this.#death === `${store}:reply-lost`) &&
      --this.#hitsLeft === 0;
    if (isDeadly && store === 'topic') {
      // The power goes while the group is on its way to the disk.
      void Promise.resolve(call()).catch(() => {});
      for (let turn = Math.floor(this.#options.random() * 12); turn > 0; turn--) await undefined;
      this.#die();
      return never;
    }
    const file = store === 'ledger' || store === 'archive' ? join(this.#options.folder, wals[store]) : null;
    const from = isDeadly && file ? sizeOf(file) : 0;
    const isStore = store === 'ledger' || store === 'archive' || store === 'checkpoints';
    if (isStore) this.#inFlight++;
    let result: unknown;
    try {
      result = await call();
    } finally {
      if (isStore) this.#inFlight--;
    }
    if (isDeadly && !this.#isDead) {
      if (file && this.#death?.endsWith(':torn')) this.#torn = { file, from };
      this.#die();
    }
    return this.#isDead ? never : result;
  }

  /** Feeds the log until the death that was planned comes; without one in time it comes while nothing happens. */
  async live(limitMs: number): Promise<Death> {
    const { showers } = this.#options;
    const end = performance.now() + limitMs;
    while (!this.#isDead && performance.now() < end) {
      showers.step();
      void this.feed().catch(() => {});
      await Promise.race([this.#died.promise, pause(3)]);
    }
    return this.#isDead ? (this.#death as Death) : 'idle';
  }

  /** Appends what the log does not have yet; offsets are dense, so it says itself what that is. */
  async feed(): Promise<void> {
    const { showers } = this.#options;
    this.#feeding = this.#feeding.then(async () => {
      for (let partition = 0; partition < PARTITIONS && !this.#isDead; partition++) {
        const appends = showers.appends(partition, (await this.log.bounds(partition)).next);
        if (appends.length > 0) await this.log.append(appends);
      }
    });
    return this.#feeding;
  }
  #feeding: Promise<void> = Promise.resolve();

  /** The crash: what is on its way inside a store ends, nothing is flushed, and a copy of the files is what is left. */
  async crash(folder: string): Promise<Remains> {
    this.#die();
    const remains = { logDisk: this.#options.logDisk.crash(), topicDisk: this.#options.topicDisk.crash() };
    for (let waited = 0; this.#inFlight > 0 && waited < 400; waited++) await pause(5);
    cpSync(this.#options.folder, folder, { recursive: true });
    rmSync(join(folder, 'ledger.sqlite-shm'), { force: true });
    this.#tear(folder);
    await this.#abandon();
    return { folder, ...remains };
  }

  #tear(folder: string): void {
    const between = (from: number, to: number): number =>
      from + Math.floor(this.#options.random() * Math.max(0, to - from));
    if (this.#torn) {
      const file = this.#torn.file.replace(this.#options.folder, folder);
      const size = sizeOf(file);
      if (size > this.#torn.from) truncateSync(file, between(this.#torn.from, size));
    }
    if (this.#death !== 'checkpoint:torn') return;
    const files = readdirSync(join(folder, 'checkpoints')).map((name) => join(folder, 'checkpoints', name));
    const newest = files.sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs).at(-1);
    if (newest) truncateSync(newest, between(0, sizeOf(newest)));
  }

  async #abandon(): Promise<void> {
    // Timers end; what it would still write gets no answer.
    void this.#processor.stop().catch(() => {});
    await Promise.allSettled([
      this.#archive.close(),
      this.#ledger.close(),
      this.log.close(),
      this.topic.close(),
    ]);
    rmSync(this.#options.folder, { recursive: true, force: true });
  }

  /** Resolves when both stores and the topic hold everything that was fed. */
  async caughtUp(wait: () => Promise<unknown>): Promise<void> {
    const { records } = this.#options.showers;
    for (;;) {
      if (this.failure !== null) throw this.failure;
      const all = [await this.#ledger.positions(), await this.#archive.positions()];
      const isThere = (position: { partition: number; offset: number }): boolean =>
        position.offset === records[position.partition]?.length;
      if (all.every((positions) => positions.length === PARTITIONS && positions.every(isThere))) return;
      await wait();
    }
  }

  /** Everything in the topic. */
  async told(): Promise<LogEntry[]> {
    const entries: LogEntry[] = [];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const { next } = await this.topic.bounds(partition);
      for (let from = 0; from < next; ) {
        const page = await this.topic.read(partition, from, 1000, 0);
        entries.push(...page);
        from += page.length;
      }
    }
    return entries;
  }

  /** Ends in order, with everything committed. */
  async end(): Promise<void> {
    await this.#processor.stop();
    await Promise.all([this.#archive.close(), this.#ledger.close(), this.log.close(), this.topic.close()]);
  }
}
