import { AtalaiaError } from '../../lib/errors.ts';
import type { OffsetIndex } from '../../store/ledger/coordination.ts';
import { copyState, emptyState, type PartitionState } from './fold.ts';

/**
 * A place in a shard at which the state of its partitions is known. Offsets are counted from anchors onwards, never
 * from the beginning of what the stream happens to keep.
 */
export interface Anchor {
  readonly shard: string;
  /** The record of the place; undefined = before the shard's first. */
  readonly sequence: string | undefined;
  /** The record of the place is in the states already. */
  readonly isFolded: boolean;
  /** A time of the stream, epoch ms: what came later lies behind the anchor. */
  readonly at: number;
  readonly states: ReadonlyMap<number, PartitionState>;
}

/** Anchors are kept this far apart in the long run, as a part of the retention. */
const SPACING = 1 / 500;
/** A record may go this long before its retention is over, ms; covers the difference of clocks, too. */
const MARGIN_MS = 300_000;
const MAX_REMOVED = 1000;

interface Json {
  readonly shard: string;
  readonly sequence: string | null;
  readonly folded: boolean;
  readonly at: number;
  readonly producers: readonly string[];
  /** Partition, next offset, then index and newest chunk of each producer. */
  readonly states: readonly (readonly number[])[];
}

/** An anchor as text; the frames that are not complete are not in it, so that none may be taken while there are some. */
export function encodeAnchor(anchor: Anchor): string {
  const producers = new Map<string, number>();
  const number = (name: string): number => {
    const known = producers.get(name);
    if (known !== undefined) return known;
    producers.set(name, producers.size);
    return producers.size - 1;
  };
  const states = [...anchor.states].map(([partition, { next, producers: newest }]) => [
    partition,
    next,
    ...[...newest].flatMap(([name, sequence]) => [number(name), sequence]),
  ]);
  const json: Json = {
    shard: anchor.shard,
    sequence: anchor.sequence ?? null,
    folded: anchor.isFolded,
    at: anchor.at,
    producers: [...producers.keys()],
    states,
  };
  return JSON.stringify(json);
}

export function decodeAnchor(key: string, text: string): Anchor {
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_STORE',
      `Entry ${key} of the offset index is damaged. Restore the index from a backup.`,
      { cause },
    );
  }
  const states = new Map<number, PartitionState>();
  for (const [partition, next, ...newest] of json.states) {
    const state = emptyState(next);
    for (let i = 0; i + 1 < newest.length; i += 2)
      state.producers.set(json.producers[newest[i] as number] as string, newest[i + 1] as number);
    states.set(partition as number, state);
  }
  const { shard, sequence, folded, at } = json;
  return { shard, sequence: sequence ?? undefined, isFolded: folded, at, states };
}

const nextOf = (anchor: Anchor, partition: number): number => anchor.states.get(partition)?.next ?? -1;

/** The anchors of a stream: in memory all that this process read at its start or wrote, in the index all there are. */
export class Anchors {
  readonly #index: OffsetIndex;
  readonly #prefix: string;
  readonly #retentionMs: number;
  readonly #now: () => number;
  /** By shard, oldest first. */
  readonly #kept = new Map<string, Anchor[]>();

  constructor(index: OffsetIndex, prefix: string, retentionMs: number, now: () => number) {
    this.#index = index;
    this.#prefix = prefix;
    this.#retentionMs = retentionMs;
    this.#now = now;
  }

  async load(): Promise<void> {
    for (const kind of ['anchor', 'jump'])
      for (const [key, text] of await this.#index.list(`${this.#prefix}${kind}/`))
        this.#note(decodeAnchor(key, text));
  }

  get isEmpty(): boolean {
    return this.#kept.size === 0;
  }

  /** Nothing behind the anchor can have been trimmed yet. */
  isAlive(anchor: Anchor): boolean {
    return anchor.at > this.#now() - this.#retentionMs + Math.min(MARGIN_MS, this.#retentionMs / 2);
  }

  newestOf(shard: string): Anchor | undefined {
    return this.#kept.get(shard)?.at(-1);
  }

  /** The newest state of a partition in any shard; for a shard whose forebears are gone. */
  newestState(partition: number): PartitionState | undefined {
    let newest: PartitionState | undefined;
    for (const { states } of this.#all()) {
      const state = states.get(partition);
      if (state && state.next >= (newest?.next ?? 0)) newest = state;
    }
    return newest;
  }

  /** The last place from which a record can be reached by reading on. */
  find(partition: number, offset: number): Anchor | undefined {
    let best: Anchor | undefined;
    for (const anchor of this.#all()) {
      const next = nextOf(anchor, partition);
      if (next < 0 || next > offset || !this.isAlive(anchor)) continue;
      const better = best ? nextOf(best, partition) : -1;
      if (next > better || (next === better && anchor.at >= (best?.at ?? 0))) best = anchor;
    }
    return best;
  }

  /** Offset from which on the records of a partition can be reached; undefined = none can. */
  oldest(partition: number): number | undefined {
    let oldest: number | undefined;
    for (const anchor of this.#all()) {
      const next = nextOf(anchor, partition);
      if (next >= 0 && (oldest === undefined || next < oldest) && this.isAlive(anchor)) oldest = next;
    }
    return oldest;
  }

  /** Keeps an anchor, and thins out those before it. */
  async add(anchor: Anchor): Promise<void> {
    const frozen = freeze(anchor);
    const before = this.#kept.get(anchor.shard) ?? [];
    if (before.some(({ sequence, isFolded }) => sequence === anchor.sequence && isFolded === anchor.isFolded))
      return;
    const key = this.#key(frozen);
    const text = encodeAnchor(frozen);
    const kept = await this.#index.insert(key, text);
    const stands = decodeAnchor(key, kept);
    for (const [partition, { next }] of frozen.states) {
      const other = stands.states.get(partition)?.next;
      if (other !== undefined && other !== next)
        throw new AtalaiaError(
          'ATL_LOG_DAMAGED',
          `Partition ${partition} has offset ${next} at ${key}, but the index says ${other}: offsets were counted in two ways. Stop all processes of this stream and report it.`,
        );
    }
    this.#note(stands);
    await this.#thin(anchor.shard);
  }

  /** Agrees with the other processes on where offsets go on after a place that the stream does not keep any more. */
  async jump(from: Anchor, to: Anchor): Promise<Anchor> {
    const key = `${this.#prefix}jump/${from.shard}/${from.sequence ?? 'start'}`;
    const kept = decodeAnchor(key, await this.#index.insert(key, encodeAnchor(freeze(to))));
    this.#note(kept);
    return kept;
  }

  /** Lets go of the anchors of which every record is below these offsets. */
  async trim(floor: readonly number[]): Promise<void> {
    const keys: string[] = [];
    for (const [shard, anchors] of this.#kept) {
      const last = anchors.findLastIndex(({ states }) =>
        [...states].every(([partition, { next }]) => next <= (floor[partition] ?? 0)),
      );
      if (last > 0) keys.push(...anchors.splice(0, last).map((anchor) => this.#key(anchor)));
      if (anchors.length === 0) this.#kept.delete(shard);
    }
    if (keys.length > 0) await this.#index.remove(keys.slice(0, MAX_REMOVED));
  }

  async #thin(shard: string): Promise<void> {
    const anchors = this.#kept.get(shard) ?? [];
    const gone: Anchor[] = [];
    const [before, middle] = anchors.slice(-3);
    if (before && middle && anchors.length >= 3 && middle.at - before.at < this.#retentionMs * SPACING)
      gone.push(...anchors.splice(-2, 1));
    // The newest stays however old it is: it tells how far the offsets had come.
    while (anchors.length > 1 && anchors[0]!.at < this.#now() - this.#retentionMs)
      gone.push(anchors.shift() as Anchor);
    if (gone.length > 0)
      await this.#index.remove(gone.slice(0, MAX_REMOVED).map((anchor) => this.#key(anchor)));
  }

  *#all(): Iterable<Anchor> {
    for (const anchors of this.#kept.values()) yield* anchors;
  }

  #key(anchor: Anchor): string {
    const place =
      anchor.sequence === undefined ? 'start' : `${anchor.sequence}${anchor.isFolded ? '' : '-before'}`;
    return `${this.#prefix}anchor/${anchor.shard}/${place}`;
  }

  #note(anchor: Anchor): void {
    const anchors = this.#kept.get(anchor.shard) ?? [];
    this.#kept.set(anchor.shard, anchors);
    anchors.push(anchor);
    anchors.sort(inOrder);
  }
}

/** Sequence numbers of a shard grow; they are decimal texts of more digits than a number holds. */
function inOrder(a: Anchor, b: Anchor): number {
  const [x, y] = [BigInt(a.sequence ?? -1), BigInt(b.sequence ?? -1)];
  return x === y ? Number(a.isFolded) - Number(b.isFolded) : x < y ? -1 : 1;
}

const freeze = (anchor: Anchor): Anchor => ({
  ...anchor,
  states: new Map([...anchor.states].map(([partition, state]) => [partition, copyState(state)])),
});
