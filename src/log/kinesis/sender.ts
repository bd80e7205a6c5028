import type { PutRecordsResultEntry } from '@aws-sdk/client-kinesis';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Append } from '../log.ts';
import { type Chunk, cutIntoChunks, encodeChunk, encodeItems, type Item, itemBytes } from './chunk.ts';
import { type Api, failureOf } from './client.ts';
import { hashKeyOf } from './shards.ts';

export interface SenderOptions {
  readonly api: Api;
  readonly stream: string;
  readonly partitions: number;
  /** 32 hexadecimal digits that no other opening has. */
  readonly producer: string;
  readonly maxQueuedBytes: number;
  /** A call is answered within this, ms, if need be by a refusal. */
  readonly deliveryTimeoutMs: number;
  /** The first failure of an outage, and that it is over. */
  readonly onOutage: (failure: string | undefined) => void;
  readonly onThrottled: (entries: number) => void;
}

interface Ticket {
  readonly offsets: number[];
  left: number;
  isSent: boolean;
  isDone: boolean;
  readonly bytes: number;
  /** Monotonic ms. */
  readonly deadline: number;
  readonly resolve: (offsets: readonly number[]) => void;
  readonly reject: (error: AtalaiaError) => void;
}

interface Entry {
  readonly item: Item;
  readonly ticket: Ticket;
  readonly index: number;
}

/** Records of one partition that are kept together or not at all. */
interface Frame {
  readonly partition: number;
  readonly entries: readonly Entry[];
  readonly chunks: readonly Chunk[];
  /** How many chunks Kinesis has acknowledged. */
  put: number;
}

/** What is to be written to one partition. At most one of its chunks is on its way, so no retry can change the order. */
interface Lane {
  readonly partition: number;
  entries: Entry[];
  frame: Frame | undefined;
  sequence: number;
  isSending: boolean;
  failures: number;
  retryAt: number;
  /** Frames that Kinesis has, of which the offsets are not known yet; by the number of their last chunk. */
  readonly awaited: Map<number, Frame>;
}

const FRAME_BYTES = 256 << 10;
const REQUEST_BYTES = 4 << 20;
const REQUEST_RECORDS = 500;
const MAX_REQUESTS = 4;
const SWEEP_EVERY_MS = 100;
const MAX_BACKOFF_MS = 2000;
/** Whether the records are kept is not known. */
const IN_DOUBT = 'ATL_LOG_CLOSED';

/**
 * Appends by PutRecords. Kinesis has no idempotent producer: a chunk is repeated with its number until it is
 * acknowledged or seen in the stream, and whoever reads drops what has a number that is not new.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #lanes = new Map<number, Lane>();
  readonly #active = new Set<Lane>();
  readonly #tickets = new Set<Ticket>();
  #requests = 0;
  #queuedBytes = 0;
  #isScheduled = false;
  #cancelSweep: (() => void) | undefined;
  #isClosing = false;
  #isOut = false;
  #idle: (() => void) | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Resolves with the offsets in the order given when all are in the stream and counted. */
  append(records: readonly Append[]): Promise<readonly number[]> {
    if (records.length === 0) return Promise.resolve([]);
    if (this.#isClosing) return Promise.reject(this.#closed());
    const bytes = records.reduce((sum, record) => sum + itemBytes(record), 0);
    if (this.#queuedBytes > 0 && this.#queuedBytes + bytes > this.#options.maxQueuedBytes)
      return Promise.reject(
        new AtalaiaError(
          'ATL_BUSY',
          `${this.#queuedBytes} bytes wait for Kinesis already (stream ${this.#options.stream}). Nothing was taken: come again, and give the stream more shards when this lasts.`,
        ),
      );
    this.#queuedBytes += bytes;
    return new Promise((resolve, reject) => {
      const ticket: Ticket = {
        offsets: new Array<number>(records.length).fill(-1),
        left: records.length,
        isSent: false,
        isDone: false,
        bytes,
        deadline: this.#now() + this.#options.deliveryTimeoutMs,
        resolve,
        reject,
      };
      this.#tickets.add(ticket);
      records.forEach(({ partition, key, payload }, index) => {
        const lane = this.#lane(partition);
        lane.entries.push({ item: { key, payload }, ticket, index });
        this.#active.add(lane);
      });
      this.#schedule();
      this.#cancelSweep ??= this.#options.api.clock.after(SWEEP_EVERY_MS, () => this.#sweep());
    });
  }

  /** The last chunk of a frame of ours was seen in the stream; its first record has the offset `base`. */
  seen(partition: number, sequence: number, base: number): void {
    const lane = this.#lanes.get(partition);
    if (!lane) return;
    let frame = lane.awaited.get(sequence);
    if (frame) lane.awaited.delete(sequence);
    else if (lane.frame?.chunks.at(-1)?.sequence === sequence) {
      // The stream has it before its acknowledgement came, or without one.
      frame = lane.frame;
      lane.frame = undefined;
      lane.failures = 0;
    }
    frame?.entries.forEach(({ ticket, index }, i) => {
      ticket.offsets[index] = base + i;
      ticket.left--;
      if (ticket.left === 0 && !ticket.isDone) this.#finish(ticket, () => ticket.resolve(ticket.offsets));
    });
    this.#schedule();
  }

  /** Waits for what is on its way, at most `waitMs`; the rest is refused. */
  async close(waitMs: number): Promise<void> {
    this.#isClosing = true;
    if (this.#tickets.size > 0)
      await new Promise<void>((done) => {
        const cancel = this.#options.api.clock.after(waitMs, done);
        this.#idle = () => {
          cancel();
          done();
        };
      });
    for (const ticket of [...this.#tickets]) this.#finish(ticket, () => ticket.reject(this.#closed()));
    this.#cancelSweep?.();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#requests < MAX_REQUESTS) {
      const lanes: Lane[] = [];
      let bytes = 0;
      for (const lane of this.#active) {
        if (lane.isSending || lane.retryAt > this.#now()) continue;
        const chunk = this.#nextChunk(lane);
        if (!chunk) {
          if (!lane.frame && lane.entries.length === 0) this.#active.delete(lane);
          continue;
        }
        if (lanes.length > 0 && bytes + chunk.body.length > REQUEST_BYTES) continue;
        bytes += chunk.body.length;
        lane.isSending = true;
        lanes.push(lane);
        if (lanes.length >= REQUEST_RECORDS) break;
      }
      if (lanes.length === 0) return;
      void this.#put(lanes);
    }
  }

  #nextChunk(lane: Lane): Chunk | undefined {
    if (!lane.frame) {
      const taken: Entry[] = [];
      let bytes = 0;
      let at = 0;
      for (; at < lane.entries.length; at++) {
        const entry = lane.entries[at] as Entry;
        if (entry.ticket.isDone) continue;
        const size = itemBytes(entry.item);
        if (taken.length > 0 && bytes + size > FRAME_BYTES) break;
        taken.push(entry);
        bytes += size;
      }
      lane.entries = lane.entries.slice(at);
      if (taken.length === 0) return undefined;
      const body = encodeItems(taken.map(({ item }) => item));
      const chunks = cutIntoChunks(lane.partition, this.#options.producer, lane.sequence, body);
      lane.sequence += chunks.length;
      lane.frame = { partition: lane.partition, entries: taken, chunks, put: 0 };
    }
    return lane.frame.chunks[lane.frame.put];
  }

  async #put(lanes: readonly Lane[]): Promise<void> {
    const { api, partitions, stream } = this.#options;
    this.#requests++;
    const frames = lanes.map(({ frame }) => frame as Frame);
    for (const { entries } of frames) for (const { ticket } of entries) ticket.isSent = true;
    const Records = frames.map(({ partition, chunks, put }) => ({
      Data: encodeChunk(chunks[put] as Chunk),
      PartitionKey: String(partition),
      ExplicitHashKey: hashKeyOf(partition, partitions).toString(),
    }));
    try {
      const answer = await api.send((client, options) =>
        client.send(new api.sdk.PutRecordsCommand({ StreamName: stream, Records }), options),
      );
      this.#answered(lanes, frames, answer.Records ?? []);
    } catch (error) {
      const { id, mayRetry } = failureOf(error);
      lanes.forEach((lane, i) => {
        if (mayRetry) this.#again(lane, id);
        else this.#refuse(lane, frames[i] as Frame, id);
      });
    }
    this.#requests--;
    for (const lane of lanes) lane.isSending = false;
    this.#schedule();
  }

  #answered(
    lanes: readonly Lane[],
    frames: readonly Frame[],
    answers: readonly PutRecordsResultEntry[],
  ): void {
    let throttled = 0;
    lanes.forEach((lane, i) => {
      const answer = answers[i];
      const frame = frames[i] as Frame;
      // Seen in the stream already, or given up.
      if (lane.frame !== frame) return;
      if (!answer?.SequenceNumber || answer.ErrorCode) {
        throttled++;
        this.#again(lane, answer?.ErrorCode ?? 'no answer');
        return;
      }
      lane.failures = 0;
      frame.put++;
      if (frame.put < frame.chunks.length) return;
      lane.frame = undefined;
      lane.awaited.set(frame.chunks.at(-1)!.sequence, frame);
    });
    if (throttled > 0) this.#options.onThrottled(throttled);
    if (this.#isOut && throttled < lanes.length) {
      this.#isOut = false;
      this.#options.onOutage(undefined);
    }
  }

  #again(lane: Lane, failure: string): void {
    const delay = Math.min(MAX_BACKOFF_MS, 50 * 2 ** Math.min(lane.failures++, 6));
    lane.retryAt = this.#now() + delay;
    if (!this.#isOut && lane.failures >= 3) {
      this.#isOut = true;
      this.#options.onOutage(failure);
    }
    this.#options.api.clock.after(delay + 1, () => this.#schedule());
  }

  /** The service says that it will never take this. */
  #refuse(lane: Lane, frame: Frame, id: string): void {
    if (lane.frame === frame) lane.frame = undefined;
    const error = new AtalaiaError(
      'ATL_CONFIG',
      `Kinesis does not take records into stream ${this.#options.stream}: ${id}. Check that the stream is there and that this user may write to it.`,
    );
    for (const { ticket } of frame.entries) this.#finish(ticket, () => ticket.reject(error));
  }

  #sweep(): void {
    const now = this.#now();
    for (const ticket of this.#tickets) {
      if (ticket.deadline > now) continue;
      const { stream, deliveryTimeoutMs } = this.#options;
      const error = ticket.isSent
        ? new AtalaiaError(
            IN_DOUBT,
            `It is not known whether stream ${stream} of Kinesis has the records: they were not seen in it within ${deliveryTimeoutMs} ms. Send them again, under the same identity.`,
          )
        : new AtalaiaError(
            'ATL_BUSY',
            `Stream ${stream} of Kinesis took nothing for ${deliveryTimeoutMs} ms. Nothing of this was sent: come again, and check shards and network.`,
          );
      this.#finish(ticket, () => ticket.reject(error));
    }
    for (const lane of this.#lanes.values()) this.#giveUp(lane);
    this.#cancelSweep =
      this.#tickets.size > 0 ? this.#options.api.clock.after(SWEEP_EVERY_MS, () => this.#sweep()) : undefined;
  }

  /** A frame that nobody waits for is not repeated; should a late request still bring it, it is dropped behind a newer one. */
  #giveUp(lane: Lane): void {
    const isOver = ({ entries }: Frame): boolean => entries.every(({ ticket }) => ticket.isDone);
    if (lane.frame && !lane.isSending && isOver(lane.frame)) {
      lane.frame = undefined;
      lane.failures = 0;
      lane.retryAt = 0;
    }
    for (const [sequence, frame] of lane.awaited) if (isOver(frame)) lane.awaited.delete(sequence);
  }

  #finish(ticket: Ticket, settle: () => void): void {
    if (ticket.isDone) return;
    ticket.isDone = true;
    this.#tickets.delete(ticket);
    this.#queuedBytes -= ticket.bytes;
    settle();
    if (this.#tickets.size === 0) this.#idle?.();
  }

  #lane(partition: number): Lane {
    let lane = this.#lanes.get(partition);
    if (!lane) {
      lane = {
        partition,
        entries: [],
        frame: undefined,
        sequence: 0,
        isSending: false,
        failures: 0,
        retryAt: 0,
        awaited: new Map(),
      };
      this.#lanes.set(partition, lane);
    }
    return lane;
  }

  #now(): number {
    return this.#options.api.clock.monotonicMs();
  }

  #closed(): AtalaiaError {
    return new AtalaiaError(
      'ATL_LOG_CLOSED',
      `The log on stream ${this.#options.stream} was closed. Open it again.`,
    );
  }
}
