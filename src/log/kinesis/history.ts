import { sleep } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { LogEntry } from '../log.ts';
import type { Anchor, Anchors } from './anchors.ts';
import { decodeChunk } from './chunk.ts';
import { type Api, failureOf } from './client.ts';
import { copyState, foldChunk, type PartitionState } from './fold.ts';
import { hashKeyOf, type Shard } from './shards.ts';
import { type Page, PollingSource, type Position, type Raw } from './source.ts';

export interface HistoryOptions {
  readonly api: Api;
  readonly anchors: Anchors;
  readonly stream: string;
  readonly partitions: number;
  readonly shards: () => readonly Shard[];
  /** Bound of the pages kept for other partitions of the same shard. */
  readonly pageBytes: number;
  readonly everyMs: number;
}

/** A stretch of a shard: what lies behind `from` up to its last record. */
interface Stretch {
  readonly from: string;
  readonly page: Page;
  readonly bytes: number;
}

interface Cursor {
  shard: string;
  /** Undefined = before the shard's first record. */
  sequence: string | undefined;
  readonly state: PartitionState;
  /** Read at the end, not handed out yet. */
  found: LogEntry[];
}

const MAX_CURSORS = 1024;
const RETRY_MS = 30_000;
const MAX_PAGES = 10_000;
const START = '-1';

/** Reads what the tails do not hold in memory any more, by counting on from an anchor. */
export class History {
  readonly #options: HistoryOptions;
  readonly #cursors = new Map<number, Cursor>();
  readonly #stretches = new Map<string, Stretch[]>();
  readonly #calledAt = new Map<string, number>();
  #bytes = 0;
  /** One reader at a time, so that partitions of one shard share its pages. */
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #running = new Map<number, Promise<unknown>>();

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  /** Entries from `offset`, which must be below the partition's next; undefined when the stream does not keep it any more. */
  read(partition: number, offset: number, limit: number): Promise<readonly LogEntry[] | undefined> {
    const run = (this.#running.get(partition) ?? Promise.resolve()).then(() =>
      this.#read(partition, offset, limit),
    );
    this.#running.set(
      partition,
      run.catch(() => undefined),
    );
    return run;
  }

  async #read(partition: number, offset: number, limit: number): Promise<readonly LogEntry[] | undefined> {
    let cursor = this.#cursors.get(partition);
    const at = cursor?.found[0]?.offset ?? cursor?.state.next;
    if (!cursor || at === undefined || at > offset) {
      cursor = await this.#seek(partition, offset);
      if (!cursor) return undefined;
      this.#cursors.delete(partition);
      this.#cursors.set(partition, cursor);
      if (this.#cursors.size > MAX_CURSORS) this.#cursors.delete(this.#cursors.keys().next().value as number);
    }
    for (let pages = 0; cursor.state.next <= offset && pages < MAX_PAGES; pages++) {
      cursor.found = [];
      await this.#advance(partition, cursor);
    }
    const from = cursor.found.findIndex((entry) => entry.offset >= offset);
    if (from < 0) return [];
    const taken = cursor.found.slice(from, from + limit);
    cursor.found = cursor.found.slice(from);
    return taken;
  }

  async #seek(partition: number, offset: number): Promise<Cursor | undefined> {
    const anchor = this.#options.anchors.find(partition, offset);
    const state = anchor?.states.get(partition);
    if (!anchor || !state) return undefined;
    const cursor: Cursor = {
      shard: anchor.shard,
      sequence: anchor.sequence,
      state: copyState(state),
      found: [],
    };
    if (anchor.sequence === undefined) return cursor;
    return (await this.#check(anchor, partition, cursor)) ? cursor : undefined;
  }

  /** The record of the anchor must still be there: else what follows it may not be all there was. */
  async #check(anchor: Anchor, partition: number, cursor: Cursor): Promise<boolean> {
    const sequence = anchor.sequence as string;
    if (anchor.isFolded && this.#known(anchor.shard, sequence)) return true;
    const page = await this.#fetch(anchor.shard, { at: sequence });
    const [first] = page?.records ?? [];
    if (!page || first?.sequence !== sequence) return false;
    this.#keep(anchor.shard, sequence, { ...page, records: page.records.slice(1) });
    if (!anchor.isFolded) fold(cursor, partition, [first]);
    return true;
  }

  /** Folds the next page of the shard, or goes over to the child that has the partition. */
  async #advance(partition: number, cursor: Cursor): Promise<void> {
    const from = cursor.sequence ?? START;
    const page = await this.#turn(cursor.shard, async () => {
      const known = this.#known(cursor.shard, from);
      if (known) return known;
      const position: Position = cursor.sequence === undefined ? 'oldest' : { after: cursor.sequence };
      const fetched = await this.#fetch(cursor.shard, position);
      if (fetched) this.#keep(cursor.shard, from, fetched);
      return fetched;
    });
    if (!page)
      throw new AtalaiaError(
        'ATL_BUSY',
        `Shard ${cursor.shard} of stream ${this.#options.stream} is not there any more. Try again.`,
      );
    fold(cursor, partition, page.records);
    if (!page.isEnd) return;
    const key = hashKeyOf(partition, this.#options.partitions);
    const child = this.#options
      .shards()
      .find(({ parents, from: low, to }) => parents.includes(cursor.shard) && low <= key && key <= to);
    if (!child) return;
    cursor.shard = child.id;
    cursor.sequence = undefined;
  }

  async #fetch(shard: string, position: Position): Promise<Page | undefined> {
    const { api, stream, everyMs } = this.#options;
    const source = new PollingSource(api, stream, shard, position, 0);
    const until = api.clock.monotonicMs() + RETRY_MS;
    for (;;) {
      const waitMs =
        (this.#calledAt.get(shard) ?? Number.NEGATIVE_INFINITY) + everyMs - api.clock.monotonicMs();
      if (waitMs > 0) await sleep(api.clock, waitMs);
      this.#calledAt.set(shard, api.clock.monotonicMs());
      try {
        const page = await source.next();
        // Kinesis may answer with nothing although there is more.
        if (page.records.length > 0 || page.behindMs === 0 || page.isEnd) return page;
      } catch (error) {
        const { id, mayRetry } = failureOf(error);
        if (id === 'InvalidArgumentException' || id === 'ResourceNotFoundException') return undefined;
        if (!mayRetry || api.clock.monotonicMs() > until)
          throw new AtalaiaError(
            'ATL_BUSY',
            `Shard ${shard} of stream ${stream} cannot be read: ${id}. Check the rights of this user, and whether too many readers share the stream.`,
            { cause: error },
          );
      }
    }
  }

  #turn<T>(shard: string, task: () => Promise<T>): Promise<T> {
    const run = (this.#turns.get(shard) ?? Promise.resolve()).then(task);
    this.#turns.set(
      shard,
      run.catch(() => undefined),
    );
    return run;
  }

  /** What is kept of a shard behind a place. */
  #known(shard: string, sequence: string): Page | undefined {
    const at = BigInt(sequence);
    for (const { from, page } of this.#stretches.get(shard) ?? []) {
      const last = page.records.at(-1);
      if (!last || BigInt(from) > at || BigInt(last.sequence) <= at) continue;
      return { ...page, records: page.records.filter((record) => BigInt(record.sequence) > at) };
    }
    return undefined;
  }

  #keep(shard: string, from: string, page: Page): void {
    if (page.records.length === 0) return;
    const bytes = page.records.reduce((sum, { data }) => sum + data.length + 200, 0);
    const stretches = this.#stretches.get(shard) ?? [];
    this.#stretches.delete(shard);
    this.#stretches.set(shard, stretches);
    stretches.push({ from, page, bytes });
    this.#bytes += bytes;
    for (const [name, old] of this.#stretches) {
      while (this.#bytes > this.#options.pageBytes && old.length > 0) this.#bytes -= old.shift()?.bytes ?? 0;
      if (old.length === 0) this.#stretches.delete(name);
    }
  }
}

function fold(cursor: Cursor, partition: number, records: readonly Raw[]): void {
  for (const record of records) {
    cursor.sequence = record.sequence;
    const chunk = decodeChunk(record.data);
    if (chunk?.partition !== partition) continue;
    const base = cursor.state.next;
    foldChunk(cursor.state, chunk, record.arrivedAt).forEach(({ key, payload }, i) => {
      cursor.found.push({ partition, offset: base + i, key, payload });
    });
  }
}
