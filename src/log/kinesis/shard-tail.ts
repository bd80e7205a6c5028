import { sleep } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { LogEntry } from '../log.ts';
import type { Anchor, Anchors } from './anchors.ts';
import { decodeChunk } from './chunk.ts';
import { type Api, failureOf } from './client.ts';
import { copyState, foldChunk, type PartitionState } from './fold.ts';
import type { Page, Position, Raw, Source } from './source.ts';

/**
 * Offsets leave this many out where records may have been lost unseen: more than were ever in one, far fewer than 2^53
 * has room for.
 */
export const JUMP = 2 ** 32;
const ANCHOR_EVERY_MS = 60_000;
const ANCHOR_EVERY_RECORDS = 10_000;

export interface ShardTailOptions {
  readonly api: Api;
  readonly anchors: Anchors;
  readonly source: (shard: string, position: Position) => Source;
  readonly onEntries: (entries: readonly LogEntry[]) => void;
  /** The last chunk of a frame was taken in; `base` is the offset of its first record. */
  readonly onFrame: (partition: number, producer: string, sequence: number, base: number) => void;
  readonly onForeign: (shard: string, sequence: string) => void;
  readonly onGap: (shard: string, partitions: readonly number[]) => void;
  readonly onFailure: (failure: string | undefined) => void;
  readonly onEnd: (tail: ShardTail) => void;
}

interface Waiter {
  readonly since: number;
  readonly done: () => void;
}

/** Follows one shard from an anchor on and counts the offsets of its partitions. */
export class ShardTail {
  readonly shard: string;
  readonly states: Map<number, PartitionState>;
  /** A time of the stream at which the shard was still open, epoch ms. */
  witnessedAt: number;
  hasEnded = false;
  /** Monotonic ms; everything put before this was read. */
  freshAt = Number.NEGATIVE_INFINITY;
  readonly #options: ShardTailOptions;
  #from: Anchor;
  #source: Source | undefined;
  #last: { readonly sequence: string; readonly arrivedAt: number } | undefined;
  /** The record at the anchor must come first; none came yet. */
  #mustCheck = true;
  #isLost = false;
  #sinceAnchor = 0;
  #anchoredAt: number;
  #isClosed = false;
  #failures = 0;
  readonly #waiters = new Set<Waiter>();

  /** @param partitions those whose state is not counted by another tail already */
  constructor(from: Anchor, partitions: readonly number[], options: ShardTailOptions) {
    this.shard = from.shard;
    this.#from = from;
    this.#options = options;
    this.states = statesOf(from, partitions);
    this.witnessedAt = from.at;
    this.#anchoredAt = options.api.clock.monotonicMs();
  }

  /** Runs until the shard ends or the tail is closed. */
  async run(): Promise<void> {
    this.#restart(this.#from);
    while (!this.#isClosed && !this.hasEnded) {
      try {
        const page = await (this.#source as Source).next();
        if (this.#isClosed) return;
        await this.#take(page);
        if (this.#failures > 0) this.#options.onFailure(undefined);
        this.#failures = 0;
      } catch (error) {
        if (this.#isClosed) return;
        if (this.#mustCheck && failureOf(error).id === 'InvalidArgumentException') this.#lose();
        else await this.#failed(error);
      }
    }
    if (this.hasEnded) this.#options.onEnd(this);
    for (const { done } of this.#waiters) done();
    this.#waiters.clear();
  }

  /** Resolves when everything that was put before the call was read, or the shard has ended. */
  fresh(): Promise<void> {
    if (this.hasEnded || this.#isClosed) return Promise.resolve();
    const since = this.#options.api.clock.monotonicMs();
    return new Promise((done) => this.#waiters.add({ since, done }));
  }

  /** Ends reading; what is counted is kept for the next start. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#source?.close();
    for (const { done } of this.#waiters) done();
    this.#waiters.clear();
    if (this.#sinceAnchor > 0) await this.#anchor().catch(() => undefined);
  }

  async #failed(error: unknown): Promise<void> {
    const { clock } = this.#options.api;
    if (error instanceof AtalaiaError && error.code === 'ATL_LOG_DAMAGED') throw error;
    // The records of the page were not taken: ask for them again.
    if (this.#isLost) this.#reopen('oldest');
    this.#failures++;
    if (this.#failures >= 2) this.#options.onFailure(failureOf(error).id);
    await sleep(clock, Math.min(5000, 100 * 2 ** Math.min(this.#failures, 6)));
  }

  #restart(from: Anchor): void {
    this.#from = from;
    this.#mustCheck = from.sequence !== undefined;
    this.#isLost = false;
    this.#reopen(from.sequence === undefined ? 'oldest' : { at: from.sequence });
    if (!from.sequence && !this.#options.anchors.isAlive(from)) this.#lose();
  }

  #reopen(position: Position): void {
    this.#source?.close();
    this.#source = this.#options.source(this.shard, position);
  }

  /** The stream does not keep the place of the anchor any more: offsets go on higher, at what it keeps. */
  #lose(): void {
    this.#isLost = true;
    this.#mustCheck = false;
    for (const state of this.states.values()) {
      state.next += JUMP;
      state.producers.clear();
      state.pending.clear();
    }
    this.#reopen('oldest');
    this.#options.onGap(this.shard, [...this.states.keys()]);
  }

  async #take(page: Page): Promise<void> {
    let records = page.records;
    if (this.#mustCheck) {
      const [first] = records;
      if (first && first.sequence !== this.#from.sequence) return this.#lose();
      if (!first) {
        if (page.behindMs > 0 && !page.isEnd) return;
        return this.#lose();
      }
      this.#mustCheck = false;
      this.#last = first;
      if (this.#from.isFolded) records = records.slice(1);
    }
    const [first] = records;
    if (this.#isLost && first && !(await this.#agree(first))) return;
    this.#fold(records);
    if (page.records.length > 0) this.witnessedAt = page.records.at(-1)!.arrivedAt;
    else if (page.behindMs === 0 && !page.isEnd) this.witnessedAt = this.#options.api.clock.now();
    await this.#anchorWhenDue();
    if (page.isEnd) this.hasEnded = true;
    if (page.behindMs > 0 && !page.isEnd) return;
    this.freshAt = page.askedAt;
    for (const waiter of this.#waiters) {
      if (waiter.since > page.askedAt) continue;
      this.#waiters.delete(waiter);
      waiter.done();
    }
  }

  /** False when another process agreed on another place before: then reading begins again there. */
  async #agree(first: Raw): Promise<boolean> {
    const here: Anchor = {
      shard: this.shard,
      sequence: first.sequence,
      isFolded: false,
      at: first.arrivedAt,
      states: this.states,
    };
    const agreed = await this.#options.anchors.jump(this.#from, here);
    for (const [partition, state] of statesOf(agreed, [...this.states.keys()]))
      this.states.set(partition, state);
    this.#isLost = false;
    if (agreed.sequence === first.sequence) return true;
    this.#restart(agreed);
    return false;
  }

  #fold(records: readonly Raw[]): void {
    const entries: LogEntry[] = [];
    for (const record of records) {
      this.#last = record;
      this.#sinceAnchor++;
      const chunk = decodeChunk(record.data);
      const state = chunk && this.states.get(chunk.partition);
      if (!chunk) this.#options.onForeign(this.shard, record.sequence);
      if (!chunk || !state) continue;
      const { partition, producer, sequence } = chunk;
      const base = state.next;
      const items = foldChunk(state, chunk, record.arrivedAt);
      if (items.length === 0) continue;
      items.forEach(({ key, payload }, i) => {
        entries.push({ partition, offset: base + i, key, payload });
      });
      this.#options.onFrame(partition, producer, sequence, base);
    }
    if (entries.length > 0) this.#options.onEntries(entries);
  }

  async #anchorWhenDue(): Promise<void> {
    const isDue =
      this.#sinceAnchor >= ANCHOR_EVERY_RECORDS ||
      (this.#sinceAnchor > 0 && this.#options.api.clock.monotonicMs() - this.#anchoredAt >= ANCHOR_EVERY_MS);
    if (isDue) await this.#anchor();
  }

  async #anchor(): Promise<void> {
    const last = this.#last;
    if (!last || this.#isLost || [...this.states.values()].some(({ pending }) => pending.size > 0)) return;
    await this.#options.anchors.add({
      shard: this.shard,
      sequence: last.sequence,
      isFolded: true,
      at: last.arrivedAt,
      states: this.states,
    });
    this.#sinceAnchor = 0;
    this.#anchoredAt = this.#options.api.clock.monotonicMs();
  }
}

function statesOf(anchor: Anchor, partitions: readonly number[]): Map<number, PartitionState> {
  const states = new Map<number, PartitionState>();
  for (const partition of partitions) {
    const state = anchor.states.get(partition);
    if (state) states.set(partition, copyState(state));
  }
  return states;
}
