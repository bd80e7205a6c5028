import type { Log } from '../log/log.ts';
import type { Effect } from '../model/effect.ts';
import type { Observation } from '../model/observation.ts';
import type { Archive } from '../store/archive/archive.ts';
import type { PackedRows } from '../store/archive/packed.ts';
import type { Ledger, LedgerBatch } from '../store/ledger/ledger.ts';
import { ArchiveSink, countOf } from './archive-sink.ts';
import type { Guarantees, Probe } from './guarantee.ts';
import { LedgerSink } from './ledger-sink.ts';
import { TopicSink } from './topic-sink.ts';

export interface SinksOptions {
  readonly log: Log;
  readonly ledger: Ledger;
  readonly archive: Archive;
  /** A topic that takes the alert events too. */
  readonly topic?: { readonly log: Log; readonly name: string } | undefined;
  readonly guarantees: Guarantees;
  /** How long observations wait to be committed together at most, ms. */
  readonly archiveEveryMs?: number | undefined;
  readonly probe?: Probe | undefined;
  readonly onCommitted: () => void;
  /** Hears once of an outage of the archive, and with null of its end. */
  readonly onArchiveOutage?: ((error: unknown) => void) | undefined;
  readonly onFailure: (error: unknown) => void;
}

/** Where each sink of a partition goes on; the topic stands at infinity when there is none. */
export interface Starts {
  readonly ledger: number;
  readonly archive: number;
  readonly topic: number;
}

/** Effects of the records from `from` to `to`, and the partition clock after them, epoch ms. */
export interface Gathered {
  readonly from: number;
  to: number;
  clockAt: number;
  readonly revisions: LedgerBatch['revisions'][number][];
  readonly observations: { readonly offset: number; readonly observation: Observation }[];
  /** Observations that a worker packed; those below the archive's start are left out there. */
  readonly packed: PackedRows[];
}

/** What was folded and is not handed over yet. */
export interface Owned extends Gathered {
  readonly partition: number;
  readonly epoch: number;
}

export const sizeOf = ({ revisions, observations, packed }: Gathered): number =>
  revisions.length + observations.length + countOf({ observations: [], packed });

/** Takes the effects of one record up; what is only counted is not. */
export function gather(into: Gathered, offset: number, effects: readonly Effect[]): void {
  let index = 0;
  for (const effect of effects) {
    if (effect.kind === 'alert') into.revisions.push({ offset, index: index++, revision: effect.revision });
    else if (effect.kind === 'observation')
      into.observations.push({ offset, observation: effect.observation });
  }
}

/** Takes the effects of the records that come next up. */
export function append(into: Gathered, next: Gathered): void {
  for (const revision of next.revisions) into.revisions.push(revision);
  for (const observation of next.observations) into.observations.push(observation);
  for (const rows of next.packed) into.packed.push(rows);
  into.to = next.to;
  into.clockAt = next.clockAt;
}

/** All sinks of a process, each with its own position and guarantee. */
export class Sinks {
  readonly #ledgerSink: LedgerSink;
  readonly #archiveSink: ArchiveSink;
  readonly #topicSink: TopicSink | null;
  readonly #options: SinksOptions;
  readonly #ledgerTo = new Map<number, number>();
  #archived = new Map<number, number>();
  readonly #durable = new Map<number, number>();

  constructor(options: SinksOptions) {
    this.#options = options;
    const { ledger, archive, topic, guarantees, probe, onCommitted, onFailure } = options;
    this.#ledgerSink = new LedgerSink({ ledger, guarantee: guarantees.ledger, onCommitted, probe });
    this.#archiveSink = new ArchiveSink({
      archive,
      guarantee: guarantees.archive,
      everyMs: options.archiveEveryMs,
      onOutage: options.onArchiveOutage,
      onFailure,
      probe,
    });
    this.#topicSink = topic
      ? new TopicSink({ topic: topic.log, name: topic.name, ledger, guarantee: guarantees.topic, probe })
      : null;
  }

  get archiveLagMs(): number {
    return this.#archiveSink.lagMs;
  }

  async start(): Promise<void> {
    const { log, archive } = this.#options;
    const next: number[] = [];
    for (let partition = 0; partition < log.partitions; partition++)
      next.push((await log.bounds(partition)).next);
    await this.#ledgerSink.start(next);
    await this.#topicSink?.start();
    this.#archived = new Map((await archive.positions()).map((p) => [p.partition, p.offset]));
    this.noteDurable(await archive.durablePositions());
  }

  /** Positions that the archive falls back to when its newest commits are lost. */
  noteDurable(positions: readonly { readonly partition: number; readonly offset: number }[]): void {
    for (const { partition, offset } of positions) this.#durable.set(partition, offset);
  }

  /** Where the sinks of a partition, taken over under `epoch`, go on. */
  async startsOf(partition: number, epoch: number, ledgerFrom: number): Promise<Starts> {
    const topic = await this.#topicSink?.begin(partition, epoch, ledgerFrom);
    return {
      ledger: ledgerFrom,
      archive: this.#archived.get(partition) ?? 0,
      topic: topic ?? Number.POSITIVE_INFINITY,
    };
  }

  /** Positions from which a recovery of the partition could have to go on, as far as this process moved them. */
  positions(partition: number, starts: Starts): number[] {
    const ledger = this.#ledgerTo.get(partition) ?? starts.ledger;
    const archive = this.#archiveSink.committedTo.get(partition) ?? starts.archive;
    const topic = this.#topicSink?.positionOf(partition) ?? starts.topic;
    return [Math.min(ledger, archive, topic)];
  }

  /** Where a recovery of the partition would begin if the archive lost what is not durable in it yet. */
  durable(partition: number): number {
    return this.#durable.get(partition) ?? 0;
  }

  /** Hands over; resolves when ledger and topic have it, the archive may lag. Effects below a sink's start are left out. */
  async put(gathered: Owned, starts: Starts): Promise<void> {
    const { partition, epoch, to, clockAt } = gathered;
    const from = (start: number): number => Math.max(gathered.from, start);
    if (to > starts.archive) {
      const observations = gathered.observations
        .filter(({ offset }) => offset >= starts.archive)
        .map(({ observation }) => observation);
      const { packed } = gathered;
      await this.#archiveSink.put({ partition, epoch, from: from(starts.archive), to, observations, packed });
    }
    const batch = (start: number): LedgerBatch => ({
      partition,
      epoch,
      from: from(start),
      to,
      clockAt,
      revisions:
        gathered.from >= start
          ? gathered.revisions
          : gathered.revisions.filter(({ offset }) => offset >= start),
    });
    if (to > starts.topic) await this.#topicSink?.put(batch(starts.topic));
    if (to > starts.ledger) {
      await this.#ledgerSink.put(batch(starts.ledger));
      this.#ledgerTo.set(partition, to);
    }
  }

  /** Commits what waits. */
  async stop(): Promise<void> {
    await this.#ledgerSink.stop();
    await this.#archiveSink.stop();
  }
}
