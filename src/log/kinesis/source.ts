import type { _Record as SdkRecord } from '@aws-sdk/client-kinesis';
import { sleep } from '../../lib/clock.ts';
import { type Api, failureOf } from './client.ts';

/** Where to read on in a shard. */
export type Position = 'oldest' | { readonly at: string } | { readonly after: string };

/** A record as it lies in a shard. */
export interface Raw {
  readonly sequence: string;
  readonly arrivedAt: number;
  readonly data: Uint8Array;
}

export interface Page {
  readonly records: readonly Raw[];
  /** How far behind the newest record, ms; 0 = nothing more was there. */
  readonly behindMs: number;
  /** The shard is closed and was read to its end. */
  readonly isEnd: boolean;
  /** Monotonic ms: what was put before this is in the page or in an earlier one, when `behindMs` is 0. */
  readonly askedAt: number;
}

/** Reads one shard forwards. `next` rejects as the SDK does; the call after it goes on where the last page ended. */
export interface Source {
  next(): Promise<Page>;
  close(): void;
}

const MAX_RECORDS = 10_000;

const rawOf = ({ SequenceNumber, ApproximateArrivalTimestamp, Data }: SdkRecord): Raw => ({
  sequence: SequenceNumber ?? '',
  arrivedAt: ApproximateArrivalTimestamp?.getTime() ?? 0,
  data: Data ?? new Uint8Array(0),
});

/**
 * Reads by GetRecords, at most once in `everyMs`: a shard allows 5 calls and 2 MB a second, to all its readers together.
 * Iterators end after 5 minutes; then, and after any failure, another one is taken behind the last record seen.
 */
export class PollingSource implements Source {
  readonly #api: Api;
  readonly #stream: string;
  readonly #shard: string;
  readonly #everyMs: number;
  #position: Position;
  #iterator: string | undefined;
  #calledAt = Number.NEGATIVE_INFINITY;

  constructor(api: Api, stream: string, shard: string, position: Position, everyMs: number) {
    this.#api = api;
    this.#stream = stream;
    this.#shard = shard;
    this.#position = position;
    this.#everyMs = everyMs;
  }

  async next(): Promise<Page> {
    const { clock, sdk } = this.#api;
    const waitMs = this.#everyMs - (clock.monotonicMs() - this.#calledAt);
    if (waitMs > 0) await sleep(clock, waitMs);
    try {
      this.#iterator ??= await this.#take();
      const askedAt = clock.monotonicMs();
      this.#calledAt = askedAt;
      const iterator = this.#iterator;
      const answer = await this.#api.send((client, options) =>
        client.send(new sdk.GetRecordsCommand({ ShardIterator: iterator, Limit: MAX_RECORDS }), options),
      );
      const records = (answer.Records ?? []).map(rawOf);
      const last = records.at(-1);
      if (last) this.#position = { after: last.sequence };
      this.#iterator = answer.NextShardIterator ?? undefined;
      return {
        records,
        behindMs: answer.MillisBehindLatest ?? 0,
        isEnd: answer.NextShardIterator === undefined || answer.NextShardIterator === null,
        askedAt,
      };
    } catch (error) {
      this.#calledAt = clock.monotonicMs();
      // A throttled call leaves the iterator as it was.
      if (failureOf(error).id !== 'ProvisionedThroughputExceededException') this.#iterator = undefined;
      throw error;
    }
  }

  close(): void {}

  async #take(): Promise<string | undefined> {
    const position = this.#position;
    const { ShardIterator } = await this.#api.send((client, options) =>
      client.send(
        new this.#api.sdk.GetShardIteratorCommand({
          StreamName: this.#stream,
          ShardId: this.#shard,
          ...iteratorOf(position),
        }),
        options,
      ),
    );
    return ShardIterator;
  }
}

function iteratorOf(position: Position) {
  if (position === 'oldest') return { ShardIteratorType: 'TRIM_HORIZON' } as const;
  return 'at' in position
    ? ({ ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: position.at } as const)
    : ({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: position.after } as const);
}

/** Ask again when AWS has not ended a subscription itself; it does after 5 minutes. */
const MAX_SILENCE_MS = 30_000;

export interface SubscribedOptions {
  readonly api: Api;
  readonly stream: string;
  readonly shard: string;
  readonly position: Position;
  /** The registered consumer just now; while there is none the shard is polled. */
  readonly consumerArn: () => string | undefined;
  /** The service knows no consumer of this address. */
  readonly onConsumerGone: (arn: string) => void;
  /** Between two subscriptions, ms: a shard allows one of a consumer in 5 seconds. */
  readonly everyMs: number;
  /** Between two calls while it is polled, ms. */
  readonly pollMs: number;
}

/**
 * Reads by a registered consumer (enhanced fan-out): 2 MB a second of its own for each shard, pushed. After the end of
 * a subscription or a failure another one begins behind the last record seen.
 */
export class SubscribedSource implements Source {
  readonly #options: SubscribedOptions;
  readonly #api: Api;
  #position: Position;
  #polling: PollingSource | undefined;
  #events: AsyncIterator<Page> | undefined;
  /** By which the shard was subscribed last. */
  #arn = '';
  #end: () => void = () => undefined;
  #subscribedAt = Number.NEGATIVE_INFINITY;
  #endAskedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: SubscribedOptions) {
    this.#options = options;
    this.#api = options.api;
    this.#position = options.position;
  }

  async next(): Promise<Page> {
    const { clock } = this.#api;
    for (;;) {
      if (!this.#events) {
        const waitMs = this.#options.everyMs - (clock.monotonicMs() - this.#subscribedAt);
        if (waitMs > 0 && this.#options.consumerArn()) await sleep(clock, waitMs);
        const consumerArn = this.#options.consumerArn();
        if (consumerArn === undefined) return this.#poll();
        this.#polling = undefined;
        this.#subscribedAt = clock.monotonicMs();
        this.#arn = consumerArn;
        this.#events = this.#subscribe(consumerArn);
      }
      let cancel = (): void => undefined;
      try {
        cancel = clock.after(MAX_SILENCE_MS, () => this.#end());
        const { value, done } = await this.#events.next();
        if (done) this.#events = undefined;
        const isIdle = done || (value.records.length === 0 && value.behindMs === 0 && !value.isEnd);
        if (isIdle && (await this.#isAtEnd()))
          return { records: [], behindMs: 0, isEnd: true, askedAt: clock.monotonicMs() };
        if (!done) return value;
      } catch (error) {
        // The service may think that it goes on, and would refuse the next one.
        this.#end();
        this.#events = undefined;
        // Somebody deregistered it. Until there is another one the shard is polled, which fails if it is the stream that is gone.
        if (failureOf(error).id === 'ResourceNotFoundException') this.#options.onConsumerGone(this.#arn);
        else throw error;
      } finally {
        cancel();
      }
      if (this.#isClosed) throw new Error('The subscription was closed.');
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#end();
  }

  async #poll(): Promise<Page> {
    const { stream, shard, pollMs } = this.#options;
    this.#polling ??= new PollingSource(this.#api, stream, shard, this.#position, pollMs);
    const page = await this.#polling.next();
    const last = page.records.at(-1);
    if (last) this.#position = { after: last.sequence };
    return page;
  }

  /** Not every end of a shard is told by a last event: what says nothing is asked now and then. */
  async #isAtEnd(): Promise<boolean> {
    const { clock } = this.#api;
    if (clock.monotonicMs() - this.#endAskedAt < this.#options.everyMs) return false;
    this.#endAskedAt = clock.monotonicMs();
    const poll = new PollingSource(this.#api, this.#options.stream, this.#options.shard, this.#position, 0);
    try {
      const page = await poll.next();
      return page.isEnd && page.records.length === 0;
    } catch {
      // Throttled, or away for a moment: no reason to give up a subscription that may be in order. It is asked again.
      return false;
    }
  }

  async *#subscribe(consumerArn: string): AsyncGenerator<Page, void> {
    const { clock, sdk } = this.#api;
    const position = this.#position;
    const StartingPosition =
      position === 'oldest'
        ? ({ Type: 'TRIM_HORIZON' } as const)
        : 'at' in position
          ? ({ Type: 'AT_SEQUENCE_NUMBER', SequenceNumber: position.at } as const)
          : ({ Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: position.after } as const);
    const { answer, end } = this.#api.open((client, options) =>
      client.send(
        new sdk.SubscribeToShardCommand({
          ConsumerARN: consumerArn,
          ShardId: this.#options.shard,
          StartingPosition,
        }),
        options,
      ),
    );
    this.#end = end;
    try {
      const { EventStream = [] } = await answer;
      for await (const { SubscribeToShardEvent: event } of EventStream) {
        if (!event) continue;
        const records = (event.Records ?? []).map(rawOf);
        const last = records.at(-1);
        if (last) this.#position = { after: last.sequence };
        const isEnd = (event.ChildShards?.length ?? 0) > 0;
        yield { records, behindMs: event.MillisBehindLatest ?? 0, isEnd, askedAt: clock.monotonicMs() };
        if (isEnd) return;
      }
    } finally {
      end();
    }
  }
}
