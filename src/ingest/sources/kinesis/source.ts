import { type Clock, sleep, systemClock } from '../../../lib/clock.ts';
import { AtalaiaError } from '../../../lib/errors.ts';
import { Api, failureOf, type KinesisAccess } from '../../../log/kinesis/client.ts';
import { listShards, type Shard } from '../../../log/kinesis/shards.ts';

/** Records of one shard that are handled at once. */
const IN_HAND = 200;
/** Of one question; a question brings 10 MiB at most. */
const MAX_RECORDS = 1000;
/** Kinesis answers five questions a second for each shard, whoever asks. */
const PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** How often splits and merges are looked for. */
const LIST_EVERY_MS = 10_000;
/** The mark of a shard that was read to its end. */
const END = 'end';
/** The mark of a shard of which no record came yet: this and the instant from which on it is read, epoch ms. */
const SINCE = 'since:';
/** How far our clock may be ahead of the service's, ms: what came before is no harm. */
const CLOCK_MARGIN_MS = 60_000;
/** Begins at what comes from now on. */
const NEWEST = 'newest';

export interface KinesisMessage {
  readonly body: Uint8Array;
  readonly shard: string;
  readonly sequence: string;
}

export interface KinesisSourceOptions extends KinesisAccess {
  /** A stream that is there; the source makes none. */
  readonly stream: string;
  /** Where to begin in a shard that has no mark yet and no parent that was read. */
  readonly from: 'oldest' | 'newest';
  /** How far a shard was read, by an earlier run: what `save` was given, or undefined. */
  readonly load: (shard: string) => Promise<string | undefined>;
  readonly save: (shard: string, mark: string) => Promise<void>;
  /** Its resolution lets the shard go on; while it rejects, the same record is brought again. */
  readonly onMessage: (message: KinesisMessage) => Promise<void>;
  readonly onEvent?: (event: KinesisSourceEvent) => void;
  readonly clock?: Clock;
}

export type KinesisSourceEvent =
  | { readonly kind: 'unreachable'; readonly failure: string }
  | { readonly kind: 'reachable' }
  | { readonly kind: 'failed'; readonly shard: string; readonly failure: string };

export interface KinesisSource {
  close(): Promise<void>;
}

/**
 * Takes in the records of a stream of AWS Kinesis Data Streams, at least once and in the order of each shard; children of a
 * split or merge when their parents are read. Several processes with one ledger each read the whole stream: repeats are
 * none. Rejects with ATL_CONFIG (no such stream, no rights, no client), ATL_BUSY when the service does not answer.
 */
export async function openKinesisSource(options: KinesisSourceOptions): Promise<KinesisSource> {
  const clock = options.clock ?? systemClock;
  const api = await Api.open(options, clock);
  try {
    const reader = new Reader(api, options, clock, await listShards(api, options.stream));
    reader.start();
    return reader;
  } catch (cause) {
    api.close();
    const { id, mayRetry } = failureOf(cause);
    throw new AtalaiaError(
      mayRetry ? 'ATL_BUSY' : 'ATL_CONFIG',
      `The stream ${options.stream} of Kinesis cannot be read: ${id}. Name a stream that is there, with the right to list and read it.`,
      { cause },
    );
  }
}

class Reader implements KinesisSource {
  readonly #api: Api;
  readonly #options: KinesisSourceOptions;
  readonly #clock: Clock;
  readonly #stop = Promise.withResolvers<void>();
  /** Ends when the shard was read to its end, or by closing. */
  readonly #running = new Map<string, Promise<void>>();
  readonly #ended = new Set<string>();
  readonly #away = new Set<string>();
  #shards: readonly Shard[];
  #listing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(api: Api, options: KinesisSourceOptions, clock: Clock, shards: readonly Shard[]) {
    this.#api = api;
    this.#options = options;
    this.#clock = clock;
    this.#shards = shards;
  }

  start(): void {
    this.#listing = this.#follow();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stop.resolve();
    await Promise.all([this.#listing, ...this.#running.values()]);
    this.#api.close();
  }

  /** Starts every shard whose parents are read, and looks for new ones. */
  async #follow(): Promise<void> {
    for (let isFirst = true; !this.#isClosed; isFirst = false) {
      try {
        if (!isFirst) this.#shards = await listShards(this.#api, this.#options.stream);
        this.#told('list');
      } catch (error) {
        this.#told('list', error);
      }
      this.#startReady(isFirst);
      await this.#pause(LIST_EVERY_MS);
    }
  }

  #startReady(isFirst: boolean): void {
    const there = new Set(this.#shards.map(({ id }) => id));
    for (const { id, parents } of this.#shards) {
      if (this.#running.has(id) || this.#isClosed) continue;
      // A parent that is no more listed went by retention.
      const waits = parents.filter((parent) => there.has(parent) && !this.#ended.has(parent));
      if (waits.length > 0) continue;
      const isNew = !isFirst || parents.some((parent) => this.#ended.has(parent));
      const run = this.#run(id, isNew).then((isAtEnd) => {
        if (!isAtEnd) return;
        this.#ended.add(id);
        this.#startReady(false);
      });
      this.#running.set(id, run);
    }
    for (const id of this.#ended) if (!there.has(id)) this.#ended.delete(id);
  }

  /** Reads a shard; true at its end. A failure is told and tried again, it never ends the reading. */
  async #run(shard: string, isNew: boolean): Promise<boolean> {
    let iterator: string | undefined;
    let mark: string | undefined;
    let isLoaded = false;
    for (let failures = 0; !this.#isClosed; ) {
      try {
        if (!isLoaded) mark = (await this.#options.load(shard)) ?? (await this.#begin(shard, isNew));
        isLoaded = true;
        if (mark === END) return true;
        iterator ??= await this.#iterator(shard, mark as string);
        const answer = await this.#records(iterator);
        this.#told(shard);
        for (let at = 0; at < answer.records.length; at += IN_HAND) {
          const part = answer.records.slice(at, at + IN_HAND);
          await Promise.all(part.map((record) => this.#options.onMessage({ ...record, shard })));
          mark = part.at(-1)?.sequence as string;
          await this.#options.save(shard, mark);
        }
        failures = 0;
        iterator = answer.next;
        if (iterator === undefined) {
          await this.#options.save(shard, END);
          return true;
        }
        if (answer.records.length === 0 || answer.behindMs === 0) await this.#pause(PAUSE_MS);
      } catch (error) {
        if (this.#isClosed) return false;
        // What is in hand and not taken comes again: reading begins anew behind the mark that is kept.
        iterator = undefined;
        isLoaded = false;
        this.#told(shard, error);
        await this.#pause(Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** Math.min(failures++, 10)));
      }
    }
    return false;
  }

  /**
   * Where to begin is kept before anything is read: who is stopped until the first record comes would begin at another
   * place. A shard that came by a split holds what came since: nothing of it may be passed over.
   */
  async #begin(shard: string, isNew: boolean): Promise<string> {
    const isWhole = this.#options.from === 'oldest' || isNew;
    await this.#options.save(shard, SINCE + (isWhole ? 0 : this.#clock.now() - CLOCK_MARGIN_MS));
    return isWhole ? `${SINCE}0` : NEWEST;
  }

  async #iterator(shard: string, mark: string): Promise<string> {
    const start = startAt(mark);
    const { sdk } = this.#api;
    const answer = await this.#api.send((client, options) =>
      client.send(
        new sdk.GetShardIteratorCommand({ StreamName: this.#options.stream, ShardId: shard, ...start }),
        options,
      ),
    );
    return answer.ShardIterator as string;
  }

  async #records(iterator: string) {
    const { sdk } = this.#api;
    const answer = await this.#api.send((client, options) =>
      client.send(new sdk.GetRecordsCommand({ ShardIterator: iterator, Limit: MAX_RECORDS }), options),
    );
    return {
      records: (answer.Records ?? []).map(({ Data, SequenceNumber }) => ({
        body: Data ?? new Uint8Array(),
        sequence: SequenceNumber as string,
      })),
      next: answer.NextShardIterator,
      behindMs: answer.MillisBehindLatest ?? 0,
    };
  }

  /** The service is away while any shard, or the list of them, says so. */
  #told(part: string, error?: unknown): void {
    const wasAway = this.#away.size > 0;
    if (error === undefined) this.#away.delete(part);
    else {
      this.#away.add(part);
      const failure = `${failureOf(error).id}: ${error instanceof Error ? error.message : String(error)}`;
      if (!wasAway) this.#options.onEvent?.({ kind: 'unreachable', failure });
      else this.#options.onEvent?.({ kind: 'failed', shard: part, failure });
    }
    if (wasAway && this.#away.size === 0) this.#options.onEvent?.({ kind: 'reachable' });
  }

  async #pause(ms: number): Promise<void> {
    await Promise.race([sleep(this.#clock, ms), this.#stop.promise]);
  }
}

function startAt(mark: string) {
  if (mark === NEWEST) return { ShardIteratorType: 'LATEST' } as const;
  if (!mark.startsWith(SINCE))
    return { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: mark } as const;
  const since = Number(mark.slice(SINCE.length));
  return since === 0
    ? ({ ShardIteratorType: 'TRIM_HORIZON' } as const)
    : ({ ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(since) } as const);
}
