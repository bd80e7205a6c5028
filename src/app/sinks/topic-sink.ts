import { formatAlertEvent } from '../../alerts/event-json.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Append, Log } from '../../log/log.ts';
import type { Ledger, LedgerBatch } from '../../store/ledger/ledger.ts';
import { type Guarantee, type Probe, writeBy } from './guarantee.ts';

/** Where the fold made an alert event: partition and offset of the record, and which of its revisions. */
export interface TopicPosition {
  readonly partition: number;
  readonly offset: number;
  readonly index: number;
}

export interface TopicSinkOptions {
  /** The topic; it has as many partitions as the log that is folded, and each takes the events of its own. */
  readonly topic: Log;
  readonly name: string;
  readonly ledger: Ledger;
  readonly guarantee: Guarantee;
  /** Other processes may take partitions over. */
  readonly isShared: boolean;
  readonly probe?: Probe | undefined;
  readonly clock?: Pick<Clock, 'monotonicMs'>;
}

/** An answer of the ledger that is older says nothing: sessions last three seconds at least, and others may have taken over. */
const FRESH_MS = 1000;
/** Without a fresh answer after so many questions the ledger is too slow to be believed. */
const MOST_ASKED = 20;
/** Without events the stored position follows the fold only so often, in records. */
const MOVE_EVERY = 1000;

/** One record of the topic: its position, and the alert event as in every other place (docs/formats/topic.md). */
export function encodeTopicRecord(
  { partition, offset, index }: TopicPosition,
  revision: LedgerBatch['revisions'][number]['revision'],
): Uint8Array {
  return Buffer.from(
    `{"partition":${partition},"offset":${offset},"index":${index},"event":${formatAlertEvent(revision.event)}}`,
  );
}

/** The position inside a record of the topic. Throws ATL_LOG_DAMAGED. */
export function topicPositionOf(payload: Uint8Array): TopicPosition {
  try {
    const { partition, offset, index } = JSON.parse(Buffer.from(payload).toString('utf8')) as TopicPosition;
    if ([partition, offset, index].every(Number.isSafeInteger)) return { partition, offset, index };
  } catch {
    // Told below.
  }
  throw new AtalaiaError(
    'ATL_LOG_DAMAGED',
    'A record of the topic is not one of Atalaia. Give the topic a name that nothing else writes to.',
  );
}

/**
 * Appends the alert events to a topic. Its position lies in the ledger, fenced there by the epoch. Exactly once is the
 * order of at least once and one thing more: the topic's own last record says what a crash left behind the position,
 * and that is not appended again.
 */
export class TopicSink {
  readonly #options: TopicSinkOptions;
  /** Last event in the topic by partition. */
  readonly #tails = new Map<number, TopicPosition>();
  /** Stored position by partition. */
  readonly #positions = new Map<number, number>();

  constructor(options: TopicSinkOptions) {
    this.#options = options;
  }

  /**
   * Reads positions and tails of partitions that were just taken over, each with where its ledger stands: a topic that is
   * new begins there, and says so before it takes anything.
   */
  async begin(
    taken: readonly { readonly partition: number; readonly epoch: number; readonly offset: number }[],
  ): Promise<void> {
    const { topic, ledger, name, guarantee } = this.#options;
    const stored = new Map(
      (await ledger.sinkPositions(this.#sink)).map(({ partition, offset }) => [partition, offset]),
    );
    for (const { partition, epoch, offset } of taken) {
      const known = stored.get(partition);
      if (known === undefined) await ledger.moveSink(this.#sink, [{ partition, epoch, from: 0, to: offset }]);
      this.#positions.set(partition, known ?? offset);
      this.#tails.delete(partition);
      if (guarantee !== 'exactly-once') continue;
      const { oldest, next } = await topic.bounds(partition);
      if (next <= oldest) continue;
      const [last] = await topic.read(partition, next - 1, 1, 0);
      if (!last) throw unreadable(name, partition);
      this.#tails.set(partition, topicPositionOf(last.payload));
    }
  }

  /** The stored position of a partition. */
  positionOf(partition: number): number | undefined {
    return this.#positions.get(partition);
  }

  get #sink(): string {
    return `topic:${this.#options.name}`;
  }

  async put(batch: LedgerBatch): Promise<void> {
    const { partition, epoch, to } = batch;
    const from = this.#positions.get(partition) ?? 0;
    const records = this.#recordsOf(batch);
    if (records.length === 0 && to - from < MOVE_EVERY) return;
    const move = (end: number): Promise<void> =>
      this.#options.ledger.moveSink(this.#sink, [{ partition, epoch, from, to: end }]);
    const effects = async (): Promise<void> => {
      if (records.length === 0) return;
      if (this.#options.isShared) await this.#assertHeld(() => move(from));
      await this.#options.topic.append(records);
    };
    const position = (): Promise<void> => move(to);
    const order = this.#options.guarantee === 'at-most-once' ? 'at-most-once' : 'at-least-once';
    await writeBy(order, 'topic', { both: effects, effects, position }, this.#options.probe);
    this.#positions.set(partition, to);
  }

  /**
   * The topic knows no epochs: one that was replaced hears of it here, before it appends. One that stood still while the
   * ledger answered asks again.
   */
  async #assertHeld(ask: () => Promise<void>): Promise<void> {
    const { clock = systemClock, name } = this.#options;
    for (let asked = 0; asked < MOST_ASKED; asked++) {
      const askedAt = clock.monotonicMs();
      await ask();
      if (clock.monotonicMs() - askedAt < FRESH_MS) return;
    }
    throw new AtalaiaError(
      'ATL_BUSY',
      `The ledger takes over ${FRESH_MS} ms to say who holds a partition: nothing was written to the topic ${name}. See that the database keeps up.`,
    );
  }

  #recordsOf({ partition, revisions }: LedgerBatch): Append[] {
    const tail = this.#tails.get(partition);
    return revisions
      .filter(
        ({ offset, index, revision }) =>
          // What waits for approval is no event to those who read the topic.
          !revision.draft &&
          (!tail || offset > tail.offset || (offset === tail.offset && index > tail.index)),
      )
      .map(({ offset, index, revision }) => ({
        partition,
        key: revision.event.alert,
        payload: encodeTopicRecord({ partition, offset, index }, revision),
      }));
  }
}

const unreadable = (name: string, partition: number): AtalaiaError =>
  new AtalaiaError(
    'ATL_LOG_DAMAGED',
    `The last record of partition ${partition} of the topic ${name} cannot be read. Restore data/topics/${name} from a backup, or give the topic another name.`,
  );
