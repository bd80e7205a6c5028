import { randomBytes } from 'node:crypto';
import { type Clock, sleep } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { LeaseTable } from '../../store/ledger/coordination.ts';
import { type Api, failureOf } from './client.ts';
import { Leases } from './leases.ts';

/** Consumers with enhanced fan-out that a stream may have (AWS, "Quotas and limits" of Kinesis Data Streams). */
export const MAX_CONSUMERS = 20;
const LEASE_MS = 30_000;
/** Renewals in the life of a lease. */
const ROUNDS = 3;
/** Looks for what nobody holds, and for our own, in lives of a lease. */
const SWEEP_EVERY = 2;
const REGISTER_TRIES = 150;
const REGISTER_EVERY_MS = 200;

export interface ConsumerOptions {
  readonly api: Api;
  readonly stream: string;
  readonly streamArn: string;
  /** Consumers are called this and `-1` to `-20`. */
  readonly name: string;
  /** Of the ledger, shared by all processes of the log: who has which name. */
  readonly leases: LeaseTable;
  /** A name is free when its process was silent for this long, ms; default 30 000. */
  readonly leaseMs?: number;
  /** Told with false when there is no consumer for this process, and with true when it has one again. */
  readonly onChange: (hasConsumer: boolean) => void;
  readonly onFailure: (failure: string) => void;
}

/**
 * This process's registered consumer for enhanced fan-out. Names are lent: who holds the lease of `NAME-3` reads as
 * `NAME-3`, so that no two processes ever share one, and one that was killed leaves a name that the next one takes up.
 * What is registered under a name that nobody holds is deregistered: it is paid for by the hour, and a stream has 20.
 */
export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #clock: Clock;
  readonly #leases: Leases;
  readonly #leaseMs: number;
  #number: number | undefined;
  #arn: string | undefined;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #isTold = true;
  #isClosed = false;
  #wake: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#clock = options.api.clock;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#leases = new Leases({
      table: options.leases,
      owner: randomBytes(9).toString('base64url'),
      ttlMs: this.#leaseMs,
      clock: this.#clock,
    });
  }

  /** Under which to subscribe at this moment; undefined while all names are taken: then the stream is polled. */
  get arn(): string | undefined {
    return this.#arn;
  }

  /** The service knows no consumer of this address any more: somebody else deregistered it. It is registered again. */
  gone(arn: string): void {
    if (arn !== this.#arn || this.#isClosed) return;
    this.#arn = undefined;
    this.#tell(false);
    this.#wake();
  }

  /** Rejects with ATL_CONFIG when the service refuses for good, ATL_STORE when the ledger is away. */
  async open(): Promise<void> {
    try {
      await this.#sweep();
      await this.#take();
    } catch (cause) {
      if (cause instanceof AtalaiaError) throw cause;
      const { id, mayRetry } = failureOf(cause);
      const { name, streamArn } = this.#options;
      if (!mayRetry)
        throw new AtalaiaError(
          'ATL_CONFIG',
          `No consumer ${name}-… of stream ${streamArn} can be had: ${id}. Check the rights (docs/kinesis.md lists them), or leave log.consumer out: the stream is polled then.`,
          { cause },
        );
      // Throttled, or away for a moment: polled until it can be had.
      this.#options.onFailure(id);
      this.#tell(false);
    }
    this.#running = this.#run();
  }

  /** Gives the name back. Nothing may be subscribed under it any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    await this.#running;
    const number = this.#number;
    this.#number = this.#arn = undefined;
    if (number === undefined || !this.#isHeld(number)) return;
    try {
      await this.#remove(number);
    } catch (error) {
      // Its lease ends by itself, and another process removes it then.
      this.#options.onFailure(failureOf(error).id);
    }
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      await this.#pause();
      if (this.#isClosed) return;
      // With the ledger away the name stays in use: nobody else can take it either.
      await this.#round().catch((error) => this.#options.onFailure(failureOf(error).id));
    }
  }

  #pause(): Promise<void> {
    return new Promise((done) => {
      const cancel = this.#clock.after(this.#leaseMs / ROUNDS, done);
      this.#wake = () => {
        cancel();
        done();
      };
    });
  }

  async #round(): Promise<void> {
    await this.#leases.renew();
    if (this.#clock.monotonicMs() - this.#sweptAt >= SWEEP_EVERY * this.#leaseMs) await this.#sweep();
    if (this.#arn === undefined || this.#number === undefined || !this.#isHeld(this.#number))
      await this.#take();
  }

  #tell(hasConsumer: boolean): void {
    if (hasConsumer === this.#isTold) return;
    this.#isTold = hasConsumer;
    this.#options.onChange(hasConsumer);
  }

  /** A free name, the one before if it can be, and the consumer registered under it. */
  async #take(): Promise<void> {
    const before = this.#number;
    const rows = await this.#options.leases.list(this.#prefix);
    const taken = new Set(rows.filter(({ isLive }) => isLive).map(({ name }) => name));
    const numbers = Array.from({ length: MAX_CONSUMERS }, (_, i) => i + 1);
    for (const number of before === undefined ? numbers : [before, ...numbers]) {
      if (taken.has(this.#lease(number)) && number !== before) continue;
      if ((await this.#leases.take([this.#lease(number)])).length === 0) continue;
      this.#number = number;
      try {
        // Removed meanwhile and made anew it has another address.
        this.#arn = await this.#register(this.#nameOf(number));
      } catch (error) {
        this.#number = this.#arn = undefined;
        await this.#leases.release([this.#lease(number)]);
        if (failureOf(error).id !== 'LimitExceededException') throw error;
        break;
      }
      return this.#tell(true);
    }
    this.#number = this.#arn = undefined;
    this.#tell(false);
  }

  /** Registers the consumer, or finds it, and waits until it is active. */
  async #register(name: string): Promise<string> {
    const { api, streamArn } = this.#options;
    for (let tries = 0; tries < REGISTER_TRIES && !this.#isClosed; tries++) {
      try {
        const { ConsumerDescription: found } = await api.send((client, options) =>
          client.send(
            new api.sdk.DescribeStreamConsumerCommand({ StreamARN: streamArn, ConsumerName: name }),
            options,
          ),
        );
        if (found?.ConsumerStatus === 'ACTIVE' && found.ConsumerARN) return found.ConsumerARN;
      } catch (error) {
        if (failureOf(error).id !== 'ResourceNotFoundException') throw error;
        await this.#create(name);
      }
      await sleep(this.#clock, REGISTER_EVERY_MS);
    }
    throw new AtalaiaError('ATL_BUSY', `Consumer ${name} of Kinesis did not become active. Try again.`);
  }

  async #create(name: string): Promise<void> {
    const { api, streamArn } = this.#options;
    try {
      await api.send((client, options) =>
        client.send(
          new api.sdk.RegisterStreamConsumerCommand({ StreamARN: streamArn, ConsumerName: name }),
          options,
        ),
      );
    } catch (cause) {
      // The one before is being deleted still, or the answer was lost: the next question tells.
      const { id, mayRetry } = failureOf(cause);
      if (id === 'LimitExceededException' || !mayRetry) throw cause;
    }
  }

  /** Deregisters what stands under a name that nobody holds, and sees whether our own stands still. */
  async #sweep(): Promise<void> {
    const { api, streamArn } = this.#options;
    const own = this.#arn;
    let isThere = own === undefined;
    let token: string | undefined;
    for (let page = 0; page < MAX_CONSUMERS; page++) {
      const asked = { StreamARN: streamArn, ...(token === undefined ? {} : { NextToken: token }) };
      const { Consumers = [], NextToken } = await api.send((client, options) =>
        client.send(new api.sdk.ListStreamConsumersCommand(asked), options),
      );
      for (const { ConsumerName = '', ConsumerStatus } of Consumers) {
        const number = this.#numberOf(ConsumerName);
        isThere ||= number === this.#number && ConsumerStatus !== 'DELETING';
        if (number === undefined || number === this.#number || ConsumerStatus === 'DELETING') continue;
        if ((await this.#leases.take([this.#lease(number)])).length > 0) await this.#remove(number);
      }
      token = NextToken;
      if (token === undefined) break;
    }
    this.#sweptAt = this.#clock.monotonicMs();
    // A subscription that stands may go on for minutes before it is told.
    if (own !== undefined && !isThere) this.gone(own);
  }

  /** With its lease in hand, which is given back. */
  async #remove(number: number): Promise<void> {
    const { api, streamArn } = this.#options;
    const asked = { StreamARN: streamArn, ConsumerName: this.#nameOf(number) };
    try {
      await api.send((client, options) =>
        client.send(new api.sdk.DeregisterStreamConsumerCommand(asked), options),
      );
    } finally {
      await this.#leases.release([this.#lease(number)]);
    }
  }

  #isHeld(number: number): boolean {
    return this.#leases.holds(this.#lease(number)) !== undefined;
  }

  #numberOf(name: string): number | undefined {
    const prefix = `${this.#options.name}-`;
    const number = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN;
    return number >= 1 && number <= MAX_CONSUMERS && name === this.#nameOf(number) ? number : undefined;
  }

  #nameOf(number: number): string {
    return `${this.#options.name}-${number}`;
  }

  #lease(number: number): string {
    return this.#prefix + number;
  }

  /** Beside the leases of groups, whose names have no colon (encodeURIComponent). */
  get #prefix(): string {
    return `${this.#options.stream}/:consumer/${this.#options.name}/`;
  }
}
