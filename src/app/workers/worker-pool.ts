import type { Worker } from 'node:worker_threads';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { AtalaiaError, invariant } from '../../lib/errors.ts';
import type { Log } from '../../log/log.ts';
import { MINUTE_MS, SECOND_MS } from '../../model/time.ts';
import type { DocumentCache } from '../documents.ts';
import { Elastic } from './elastic.ts';
import { startThread, WorkerLink } from './worker-link.ts';

export type WorkerEvent =
  /** A thread ended by itself; another one took its place. */
  | { readonly kind: 'replaced'; readonly cause: unknown }
  | { readonly kind: 'scaled'; readonly from: number; readonly to: number };

export interface WorkersOptions {
  readonly min: number;
  /** 1: no worker at all. */
  readonly max: number;
  /** Default the system's. */
  readonly clock?: Clock;
  readonly onEvent?: (event: WorkerEvent) => void;
  /** Starts a thread; default {@link startThread}. */
  readonly startThread?: (latenessMs: number, hasQuality: boolean) => Worker;
}

interface PoolOptions extends WorkersOptions {
  readonly log: Log;
  readonly documents: DocumentCache;
  readonly latenessMs: number;
  readonly onFailure: (error: unknown) => void;
}

/** A place for a worker: the thread may be replaced, the place stays. */
export interface Slot {
  readonly link: WorkerLink;
  readonly members: Set<Member>;
}
type OwnSlot = { -readonly [K in keyof Slot]: Slot[K] };

/** A partition in the pool. */
export interface Member {
  /** The thread of its slot ended; the slot has a new one. */
  lost(): void;
  /** Goes to another slot; resolves when it is open there. */
  move(to: Slot): Promise<void>;
  failed(error: Error): void;
}

/** So many threads are replaced in a minute at most. */
const MAX_RESTARTS = 5;

/** Threads that fold, between a minimum and a maximum, by the lag; each has some of the partitions. */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #clock: Clock;
  readonly #slots: OwnSlot[] = [];
  readonly #elastic: Elastic;
  #restartedAt: number[] = [];
  #cancel: (() => void) | null = null;
  #isOver = false;
  #records = 0;
  #busyMs = 0;
  #scaling: Promise<void> = Promise.resolve();

  constructor(options: PoolOptions) {
    const { min, max } = options;
    invariant(min >= 1 && max >= min, `workers from ${min} to ${max}`);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#elastic = new Elastic(options);
  }

  /** Threads now. */
  get size(): number {
    return this.#slots.length;
  }

  async start(): Promise<void> {
    for (let i = 0; i < this.#options.min; i++) this.#grow();
    this.#next();
  }

  #grow(): void {
    const slot: { members: Set<Member>; link?: WorkerLink } = { members: new Set() };
    slot.link = this.#link(slot as OwnSlot);
    this.#slots.push(slot as OwnSlot);
  }

  #link(slot: OwnSlot): WorkerLink {
    const { latenessMs, documents, startThread: start = startThread } = this.#options;
    return new WorkerLink(start(latenessMs, documents.hasQuality), documents, (cause) =>
      this.#replace(slot, cause),
    );
  }

  #replace(slot: OwnSlot, cause: unknown): void {
    if (this.#isOver) return;
    const now = this.#clock.monotonicMs();
    this.#restartedAt = [...this.#restartedAt, now].filter((at) => at > now - MINUTE_MS);
    if (this.#restartedAt.length > MAX_RESTARTS) {
      this.#fail(tooOften(cause));
      return;
    }
    slot.link = this.#link(slot);
    this.#options.onEvent?.({ kind: 'replaced', cause });
    for (const member of slot.members) member.lost();
  }

  #fail(error: Error): void {
    this.#isOver = true;
    this.#cancel?.();
    for (const { members } of this.#slots) for (const member of members) member.failed(error);
    this.#options.onFailure(error);
  }

  /** Gives a partition its place: where there are fewest. */
  join(member: Member): Slot {
    const slot = this.#emptiest();
    slot.members.add(member);
    return slot;
  }

  #emptiest(): OwnSlot {
    return this.#slots.reduce((a, b) => (b.members.size < a.members.size ? b : a));
  }

  /** Work that was done. */
  note(records: number, busyMs: number): void {
    this.#records += records;
    this.#busyMs += busyMs;
  }

  #next(): void {
    if (this.#isOver) return;
    this.#cancel = this.#clock.after(SECOND_MS, () => {
      void this.#follow()
        .catch((error) => this.#isOver || this.#options.onFailure(error))
        .then(() => this.#next());
    });
  }

  /** Looks at the lag, and goes one worker up or down. */
  async #follow(): Promise<void> {
    const lagRecords = await this.#options.log.lag('processor');
    const wanted = this.#elastic.observe({
      atMs: this.#clock.monotonicMs(),
      lagRecords,
      records: this.#records,
      busyMs: this.#busyMs,
      workers: this.size,
    });
    if (wanted !== this.size) await this.scaleTo(wanted);
  }

  /** Starts or ends threads and moves partitions until they are spread evenly. */
  scaleTo(wanted: number): Promise<void> {
    this.#scaling = this.#scaling.then(() => this.#scale(wanted));
    return this.#scaling;
  }

  async #scale(wanted: number): Promise<void> {
    const from = this.size;
    if (this.#isOver || wanted === from || wanted < 1) return;
    while (this.size < wanted) this.#grow();
    const leaving = this.#slots.splice(wanted);
    this.#options.onEvent?.({ kind: 'scaled', from, to: wanted });
    for (const slot of leaving) {
      for (const member of [...slot.members]) await this.#move(member, slot, this.#emptiest());
      await slot.link.end();
    }
    for (;;) {
      const to = this.#emptiest();
      const fullest = this.#slots.reduce((a, b) => (b.members.size > a.members.size ? b : a));
      const [member] = fullest.members;
      if (!member || fullest.members.size <= to.members.size + 1 || this.#isOver) return;
      await this.#move(member, fullest, to);
    }
  }

  async #move(member: Member, from: OwnSlot, to: OwnSlot): Promise<void> {
    if (this.#isOver) return;
    await member.move(to);
    from.members.delete(member);
  }

  /** Ends all threads. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#cancel?.();
    await Promise.all(this.#slots.map(({ link }) => link.end()));
  }
}

const tooOften = (cause: unknown): AtalaiaError =>
  new AtalaiaError(
    'ATL_BUG',
    `A thread that folds ended ${MAX_RESTARTS + 1} times in a minute, the last time because: ${cause instanceof Error ? cause.message : String(cause)}. Nothing committed is lost. Start again, with pipeline.workers.max: 1 or more memory where memory ran out, and report it.`,
    { cause },
  );
