import type { MessageRecord } from '@platformatic/kafka';
import type { AtalaiaError } from '../../lib/errors.ts';

/** A producer as the brokers know it: they drop a batch whose (id, epoch, sequence) they have already. */
export interface Identity {
  readonly id: bigint;
  readonly epoch: number;
}

/** What one call of `append` waits for. */
export interface Ticket {
  readonly offsets: number[];
  left: number;
  /** Some of it was sent: it may be kept by the brokers whatever becomes of the call. */
  isSent: boolean;
  isDone: boolean;
  readonly resolve: (offsets: readonly number[]) => void;
  readonly reject: (error: AtalaiaError) => void;
}

export interface Item {
  readonly message: MessageRecord;
  readonly bytes: number;
  readonly ticket: Ticket;
  readonly index: number;
  /** Monotonic ms. */
  readonly deadline: number;
}

/** Records on their way. Never changed once sent, so that a repeat is recognised by its sequence. */
export interface Batch {
  readonly items: readonly Item[];
  identity: Identity;
  sequence: number;
  /** An earlier attempt may have been written. */
  isDoubtful: boolean;
}

/** Kafka's sequence numbers run from 0 to 2^31 - 1 and begin again. */
export const sequenceAfter = (sequence: number, records: number): number => (sequence + records) % 2 ** 31;

/** What is to be written to one partition. At most one batch is on its way, so no retry can change the order. */
export class Lane {
  readonly partition: number;
  batch: Batch | undefined;
  isSending = false;
  failures = 0;
  /** Monotonic ms; not before this. */
  retryAt = 0;
  lastOffset = -1;
  #identity: Identity | undefined;
  #sequence = 0;
  #items: Item[] = [];
  #head = 0;

  constructor(partition: number) {
    this.partition = partition;
  }

  get isIdle(): boolean {
    return this.batch === undefined && this.#head >= this.#items.length;
  }

  add(item: Item): void {
    this.#items.push(item);
  }

  /** The batch that is next to be sent; undefined when there is nothing. `drop` gets what nobody waits for any more. */
  next(identity: Identity, maxBytes: number, drop: (item: Item) => void): Batch | undefined {
    if (this.batch) return this.batch;
    const items: Item[] = [];
    let bytes = 0;
    for (; this.#head < this.#items.length; this.#head++) {
      const item = this.#items[this.#head] as Item;
      if (item.ticket.isDone) {
        drop(item);
        continue;
      }
      if (items.length > 0 && bytes + item.bytes > maxBytes) break;
      items.push(item);
      bytes += item.bytes;
    }
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    if (items.length === 0) return undefined;
    if (!this.#identity) this.renew(identity);
    this.batch = {
      items,
      identity: this.#identity as Identity,
      sequence: this.#sequence,
      isDoubtful: false,
    };
    return this.batch;
  }

  /** The batch is written. */
  done(): void {
    if (this.batch) this.#sequence = sequenceAfter(this.#sequence, this.batch.items.length);
    this.batch = undefined;
    this.failures = 0;
  }

  /** The brokers know nothing of this producer here any more: begin again with another. */
  renew(identity: Identity | undefined): void {
    this.#identity = identity;
    this.#sequence = 0;
    if (this.batch && identity) {
      this.batch.identity = identity;
      this.batch.sequence = 0;
    }
  }

  /** Takes a batch that was surely not written apart, to be sent in smaller ones. */
  putBack(): void {
    if (!this.batch) return;
    this.#items = [...this.batch.items, ...this.#items.slice(this.#head)];
    this.#head = 0;
    this.batch = undefined;
  }

  /** The first that waits and was not sent yet. */
  *waiting(): Iterable<Item> {
    for (let i = this.#head; i < this.#items.length; i++) yield this.#items[i] as Item;
  }

  clear(): Item[] {
    const items = [...(this.batch?.items ?? []), ...this.#items.slice(this.#head)];
    this.#items = [];
    this.#head = 0;
    this.batch = undefined;
    return items;
  }
}
