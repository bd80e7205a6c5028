import { AtalaiaError } from '../../lib/errors.ts';
import type { LogEntry } from '../log.ts';
import type { Anchor, Anchors } from './anchors.ts';
import type { Api } from './client.ts';
import { EntryCache } from './entry-cache.ts';
import { copyState, emptyState, type PartitionState } from './fold.ts';
import { ShardTail, type ShardTailOptions } from './shard-tail.ts';
import { listShards, partitionsOf, type Shard } from './shards.ts';

export interface TailsOptions
  extends Pick<ShardTailOptions, 'source' | 'onFrame' | 'onForeign' | 'onGap' | 'onFailure'> {
  readonly api: Api;
  readonly anchors: Anchors;
  readonly stream: string;
  readonly partitions: number;
  readonly createdAt: number;
  readonly cacheBytes: number;
}

const MAX_ROUNDS = 100;
const ANSWER_MS = 15_000;

/** Follows every shard of the stream to its newest record; a shard's children only when all its parents are read. */
export class Tails {
  readonly cache: EntryCache;
  readonly #options: TailsOptions;
  readonly #tails = new Map<string, ShardTail>();
  /** Of shards that were read to their ends. */
  readonly #ended = new Map<string, { readonly states: Map<number, PartitionState>; readonly at: number }>();
  /** Which tail counts a partition. */
  readonly #lines = new Map<number, ShardTail>();
  readonly #waiting = new Map<number, Set<() => void>>();
  #shards: readonly Shard[] = [];
  #growing: Promise<void> = Promise.resolve();
  #failure: AtalaiaError | undefined;
  #isClosed = false;

  constructor(options: TailsOptions) {
    this.#options = options;
    this.cache = new EntryCache(options.cacheBytes);
  }

  /** All shards that are known, parents before their children. */
  get shards(): readonly Shard[] {
    return this.#shards;
  }

  /** Starts at the newest anchors; resolves when everything that is in the stream was read. */
  async open(): Promise<void> {
    const { api, anchors, partitions, stream } = this.#options;
    this.#shards = await listShards(api, stream);
    await this.#begin();
    const claimed = new Set<number>();
    // Children first: what a child counts already its parents need not count again.
    for (const shard of [...this.#shards].reverse()) {
      const anchor = anchors.newestOf(shard.id);
      if (!anchor) continue;
      const own = [...anchor.states.keys()].filter((partition) => !claimed.has(partition));
      for (const partition of own) claimed.add(partition);
      if (own.length > 0) this.#start(anchor, own);
    }
    for (const shard of this.#shards) {
      const own = partitionsOf(shard, partitions).filter((partition) => !claimed.has(partition));
      const hasParent = shard.parents.some((id) => this.#shards.some((other) => other.id === id));
      if (own.length === 0 || hasParent || anchors.newestOf(shard.id)) continue;
      for (const partition of own) claimed.add(partition);
      this.#start(this.#orphan(shard.id, own), own);
    }
    await this.fresh();
  }

  next(partition: number): number {
    return this.#lines.get(partition)?.states.get(partition)?.next ?? 0;
  }

  /** Resolves when everything that was put before the call was read. @throws AtalaiaError ATL_BUSY after 15 s */
  async fresh(partition?: number): Promise<void> {
    const { clock } = this.#options.api;
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(ANSWER_MS, () =>
        reject(
          new AtalaiaError(
            'ATL_BUSY',
            `Stream ${this.#options.stream} of Kinesis was not read to its end within ${ANSWER_MS} ms. Try again; when it lasts, check the network, and whether too many readers share the stream.`,
          ),
        ),
      );
    });
    try {
      for (let round = 0; round < MAX_ROUNDS; round++) {
        await Promise.race([this.#growing, late]);
        if (this.#failure) throw this.#failure;
        const line = partition === undefined ? undefined : this.#lines.get(partition);
        const tails = line ? [line] : [...this.#tails.values()];
        await Promise.race([Promise.all(tails.map((tail) => tail.fresh())), late]);
        // A shard that ended has children to be read.
        if (this.#isClosed || tails.every((tail) => !tail.hasEnded)) break;
      }
      if (this.#failure) throw this.#failure;
    } finally {
      cancel();
    }
  }

  /** Resolves when the partition reaches beyond `offset`, the time is over or the log closes. */
  grow(partition: number, offset: number, waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wakes = this.#waiting.get(partition) ?? new Set();
      this.#waiting.set(partition, wakes);
      const end = (): void => {
        cancel();
        wakes.delete(wake);
        resolve();
      };
      const wake = (): void => {
        if (this.#isClosed || this.#failure || this.next(partition) > offset) end();
      };
      const cancel = this.#options.api.clock.after(waitMs, end);
      wakes.add(wake);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake(this.#waiting.keys());
    await Promise.all([...this.#tails.values()].map((tail) => tail.close()));
  }

  /**
   * What nobody counted yet: from its first record on, which must still be there. Each first shard by itself, for another
   * process that began at the same time may have come no further than some of them.
   */
  async #begin(): Promise<void> {
    const { anchors, partitions, createdAt, stream } = this.#options;
    const isNew = anchors.isEmpty;
    for (const shard of this.#shards) {
      if (shard.parents.some((id) => this.#shards.some((other) => other.id === id))) continue;
      if (anchors.newestOf(shard.id)) continue;
      const states = new Map(partitionsOf(shard, partitions).map((partition) => [partition, emptyState()]));
      const anchor: Anchor = { shard: shard.id, sequence: undefined, isFolded: true, at: createdAt, states };
      if (anchors.isAlive(anchor) && shard.parents.length === 0) await anchors.add(anchor);
      else if (isNew)
        throw new AtalaiaError(
          'ATL_CONFIG',
          `The offset index knows nothing of stream ${stream}, which is older than its retention, so that its offsets cannot be counted. Restore the ledger that belongs to it, or name another stream.`,
        );
    }
  }

  /** The forebears of a shard are gone, and no anchor lies in it: what was in between nobody has read. */
  #orphan(shard: string, own: readonly number[]): Anchor {
    const states = new Map(
      own.map((partition) => {
        const state = this.#options.anchors.newestState(partition);
        return [partition, state ? copyState(state) : emptyState()];
      }),
    );
    return { shard, sequence: undefined, isFolded: true, at: 0, states };
  }

  #start(anchor: Anchor, partitions: readonly number[]): void {
    const tail = new ShardTail(anchor, partitions, {
      ...this.#options,
      onEntries: (entries) => this.#take(entries),
      onEnd: (ended) => this.#end(ended),
    });
    this.#tails.set(anchor.shard, tail);
    for (const partition of tail.states.keys()) this.#lines.set(partition, tail);
    tail.run().catch((error) => {
      this.#failure =
        error instanceof AtalaiaError
          ? error
          : new AtalaiaError(
              'ATL_BUG',
              `Internal error: the tail of ${anchor.shard} failed. Please report it.`,
              {
                cause: error,
              },
            );
      this.#options.onFailure(this.#failure.message);
      this.#wake(this.#waiting.keys());
      void this.close();
    });
  }

  #take(entries: readonly LogEntry[]): void {
    for (const entry of entries) this.cache.add(entry);
    this.#wake(new Set(entries.map(({ partition }) => partition)));
  }

  #wake(partitions: Iterable<number>): void {
    for (const partition of partitions) for (const wake of [...(this.#waiting.get(partition) ?? [])]) wake();
  }

  #end(tail: ShardTail): void {
    this.#tails.delete(tail.shard);
    this.#ended.set(tail.shard, { states: tail.states, at: tail.witnessedAt });
    this.#growing = this.#growing.then(() => this.#goOn(tail.shard));
  }

  /** Starts the children of a shard that was read to its end, as far as their other parents are, too. */
  async #goOn(parent: string): Promise<void> {
    const { api, anchors, partitions, stream } = this.#options;
    for (let failures = 0; !this.#isClosed; failures++) {
      try {
        this.#shards = await listShards(api, stream);
        for (const shard of this.#shards) {
          if (!shard.parents.includes(parent) || this.#tails.has(shard.id)) continue;
          const listed = shard.parents.filter((id) => this.#shards.some((other) => other.id === id));
          const ends = listed.map((id) => this.#ended.get(id));
          if (ends.some((end) => end === undefined)) continue;
          const states = new Map<number, PartitionState>();
          for (const partition of partitionsOf(shard, partitions)) {
            const state = ends.map((end) => end?.states.get(partition)).find((one) => one !== undefined);
            if (state) states.set(partition, copyState(state));
          }
          if (states.size === 0) continue;
          const at = Math.max(...ends.map((end) => end?.at ?? 0));
          const anchor: Anchor = { shard: shard.id, sequence: undefined, isFolded: true, at, states };
          if ([...states.values()].every(({ pending }) => pending.size === 0)) await anchors.add(anchor);
          this.#start(anchor, [...states.keys()]);
        }
        return;
      } catch (error) {
        if (error instanceof AtalaiaError && error.code === 'ATL_LOG_DAMAGED') {
          this.#failure = error;
          return;
        }
        this.#options.onFailure(error instanceof Error ? error.name : 'Error');
        await new Promise<void>(
          (done) => void api.clock.after(Math.min(5000, 100 * 2 ** Math.min(failures, 6)), done),
        );
      }
    }
  }
}
