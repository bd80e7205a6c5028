import { type Chunk, decodeItems, type Item } from './chunk.ts';

interface Pending {
  readonly bodies: Uint8Array[];
  bytes: number;
  sequence: number;
  at: number;
}

/** What is known of a partition after a prefix of its chunks, in the order of Kinesis. */
export interface PartitionState {
  /** Offset of the next record. */
  next: number;
  /** Number of the newest chunk of each producer; the one that wrote last stands last. */
  readonly producers: Map<string, number>;
  /** Frames of which not all chunks came yet, by producer. */
  readonly pending: Map<string, Pending>;
}

/** Producers whose repeats are recognised, per partition; one repeats for half a minute, and each start is another. */
export const MAX_PRODUCERS = 128;
/** A frame whose next chunk does not come within this time of the stream, ms, is given up by every reader. */
const PENDING_MS = 120_000;
const MAX_FRAME_BYTES = 64 << 20;

export const emptyState = (next = 0): PartitionState => ({ next, producers: new Map(), pending: new Map() });

export const copyState = (state: PartitionState): PartitionState => ({
  next: state.next,
  producers: new Map(state.producers),
  pending: new Map(
    [...state.pending].map(([producer, one]) => [producer, { ...one, bodies: [...one.bodies] }]),
  ),
});

/**
 * Takes the next chunk of a partition in; returns the items that it completes, which get the offsets from `state.next`
 * (before the call) on. Everything here depends on the chunks and their arrival times alone, so that all readers of all
 * times give every record the same offset.
 * @param arrivedAt the record's ApproximateArrivalTimestamp, epoch ms
 */
export function foldChunk(state: PartitionState, chunk: Chunk, arrivedAt: number): readonly Item[] {
  const { producer, sequence } = chunk;
  for (const [name, one] of state.pending) if (arrivedAt - one.at > PENDING_MS) state.pending.delete(name);
  const last = state.producers.get(producer);
  if (last !== undefined && sequence <= last) return [];
  state.producers.delete(producer);
  state.producers.set(producer, sequence);
  if (state.producers.size > MAX_PRODUCERS) {
    const oldest = state.producers.keys().next().value as string;
    state.producers.delete(oldest);
    state.pending.delete(oldest);
  }
  let body = chunk.body;
  if (chunk.isFirst) state.pending.delete(producer);
  if (!(chunk.isFirst && chunk.isLast)) {
    const whole = gather(state, chunk, arrivedAt);
    if (!whole) return [];
    body = whole;
  }
  const items = decodeItems(body) ?? [];
  state.next += items.length;
  return items;
}

function gather(state: PartitionState, chunk: Chunk, arrivedAt: number): Uint8Array | undefined {
  const { producer, sequence } = chunk;
  let pending = state.pending.get(producer);
  if (chunk.isFirst) {
    pending = { bodies: [], bytes: 0, sequence: sequence - 1, at: arrivedAt };
    state.pending.set(producer, pending);
  }
  if (!pending) return undefined;
  pending.bytes += chunk.body.length;
  // A hole: the rest of the frame can never be put together.
  if (pending.sequence !== sequence - 1 || pending.bytes > MAX_FRAME_BYTES) {
    state.pending.delete(producer);
    return undefined;
  }
  pending.bodies.push(chunk.body);
  pending.sequence = sequence;
  pending.at = arrivedAt;
  if (!chunk.isLast) return undefined;
  state.pending.delete(producer);
  return Buffer.concat(pending.bodies);
}
