import type { Log } from '../../log/log.ts';
import { type Effect, observationsIn } from '../../model/effect.ts';
import type { Observation } from '../../model/observation.ts';
import type { Archive, PackedRows } from '../../store/archive/archive.ts';
import type { Ledger, LedgerBatch } from '../../store/ledger/ledger.ts';
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
  /** Hears of a partition that another process took over, where there can be others. */
  readonly onFenced?: ((partition: number, epoch: number, error: unknown) => void) | undefined;
}

/** A partition that was taken over in the ledger: under which epoch, and where the ledger goes on. */
export interface Taken {
  readonly partition: number;
  readonly epoch: number;
  readonly offset: number;
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
  readonly acts: NonNullable<LedgerBatch['acts']>[number][];
  readonly observations: { readonly offset: number; readonly observation: Observation }[];
  /** Observations that a worker packed; those below the archive's start are left out there. */
  readonly packed: PackedRows[];
}

/** What was folded and is not handed over yet. */
export interface Owned extends Gathered {
  readonly partition: number;
  readonly epoch: number;
}

export const sizeOf = ({ revisions, acts, observations, packed }: Gathered): number =>
  revisions.length + acts.length + observations.length + countOf({ observations: [], packed });

/** Takes the effects of one record up; what is only counted is not. */
export function gather(into: Gathered, offset: number, effects: readonly Effect[]): void {
  let index = 0;
  for (const effect of effects) {
    if (effect.kind === 'alert') into.revisions.push({ offset, index: index++, revision: effect.revision });
    else if (effect.kind === 'act') into.acts.push({ offset, outcome: effect.outcome });
    else for (const observation of observationsIn(effect)) into.observations.push({ offset, observation });
  }
}

/** Takes the effects of the records that come next up. */
export function append(into: Gathered, next: Gathered): void {
  for (const revision of next.revisions) into.revisions.push(revision);
  for (const act of next.acts) into.acts.push(act);
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
  readonly #durable = new Map<number, number>();

  constructor(options: SinksOptions) {
    this.#options = options;
    const { ledger, archive, topic, guarantees, probe, onCommitted, onFailure } = options;
    this.#ledgerSink = new LedgerSink({
      ledger,
      guarantee: guarantees.ledger,
      onCommitted,
      onFailure,
      onFenced: options.onFenced,
      probe,
    });
    this.#archiveSink = new ArchiveSink({
      archive,
      guarantee: guarantees.archive,
      everyMs: options.archiveEveryMs,
      onOutage: options.onArchiveOutage,
      onFailure,
      onFenced: options.onFenced,
      probe,
    });
    this.#topicSink = topic
      ? new TopicSink({
          topic: topic.log,
          name: topic.name,
          ledger,
          guarantee: guarantees.topic,
          isShared: options.onFenced !== undefined,
          probe,
        })
      : null;
  }

  get archiveLagMs(): number {
    return this.#archiveSink.lagMs;
  }

  async start(): Promise<void> {
    const { log } = this.#options;
    const partitions = Array.from({ length: log.partitions }, (_, partition) => partition);
    await this.#ledgerSink.start(() =>
      Promise.all(partitions.map(async (partition) => (await log.bounds(partition)).next)),
    );
  }

  /** Positions that the archive falls back to when its newest commits are lost. */
  noteDurable(positions: readonly { readonly partition: number; readonly offset: number }[]): void {
    for (const { partition, offset } of positions) this.#durable.set(partition, offset);
  }

  /** Where the sinks of partitions that were just taken over go on, in their order. */
  async begin(taken: readonly Taken[]): Promise<readonly Starts[]> {
    const { archive, onFenced } = this.#options;
    const before = new Map((await archive.positions()).map((held) => [held.partition, held.offset]));
    if (onFenced && taken.length > 0) await this.#fenceArchive(taken, before);
    this.noteDurable(await archive.durablePositions());
    await this.#topicSink?.begin(taken);
    return taken.map(({ partition, offset }) => {
      this.#ledgerSink.committedTo.delete(partition);
      this.#archiveSink.committedTo.delete(partition);
      return {
        ledger: offset,
        archive: before.get(partition) ?? 0,
        topic: this.#topicSink?.positionOf(partition) ?? Number.POSITIVE_INFINITY,
      };
    });
  }

  /** From here on no write of an earlier holder moves the archive; `positions` is brought to what stands then. */
  async #fenceArchive(taken: readonly Taken[], positions: Map<number, number>): Promise<void> {
    const { archive } = this.#options;
    const fences = taken.map(({ partition, epoch }) => {
      const at = positions.get(partition) ?? 0;
      return { partition, epoch, from: at, to: at, observations: [] };
    });
    await archive.commit(fences);
    for (const { partition, offset } of await archive.positions()) positions.set(partition, offset);
  }

  /** Waits, at most `limitMs`, until what was handed over of these partitions stands; what does not is their next holder's. */
  async release(partitions: readonly number[], limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((done) => {
      timer = setTimeout(done, limitMs);
    });
    await Promise.race([Promise.all([this.#ledgerSink.flush(), this.#archiveSink.flush()]), late]);
    clearTimeout(timer);
    this.drop(partitions);
  }

  /** Forgets what waits of partitions that are another's. */
  drop(partitions: readonly number[]): void {
    for (const partition of partitions) {
      this.#ledgerSink.drop(partition);
      this.#archiveSink.drop(partition);
    }
  }

  /** Positions from which a recovery of the partition could have to go on, as far as this process moved them. */
  positions(partition: number, starts: Starts): number[] {
    const ledger = this.#ledgerSink.committedTo.get(partition) ?? starts.ledger;
    const archive = this.#archiveSink.committedTo.get(partition) ?? starts.archive;
    const topic = this.#topicSink?.positionOf(partition) ?? starts.topic;
    return [Math.min(ledger, archive, topic)];
  }

  /** Where a recovery of the partition would begin if the archive lost what is not durable in it yet. */
  durable(partition: number): number {
    return this.#durable.get(partition) ?? 0;
  }

  /** Hands over; resolves when ledger and topic have the revisions, positions and the archive may lag. Effects below a sink's start are left out. */
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
      ...(gathered.acts.length > 0 ? { acts: gathered.acts.filter(({ offset }) => offset >= start) } : {}),
    });
    if (to > starts.topic) await this.#topicSink?.put(batch(starts.topic));
    if (to > starts.ledger) await this.#ledgerSink.put(batch(starts.ledger));
  }

  /** The end is near: an archive that is away must not hold it up. */
  halt(): void {
    this.#archiveSink.halt();
  }

  /** Commits what waits. */
  async stop(): Promise<void> {
    await this.#ledgerSink.stop();
    await this.#archiveSink.stop();
  }
}
