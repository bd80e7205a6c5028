import { AtalaiaError } from '../../lib/errors.ts';
import { answer, failureOf } from './client.ts';
import type { Topic } from './topic.ts';

const FLUSH_EVERY_MS = 1000;
const RETRY_MS = 10_000;
const MAX_GROUPS = 1000;
/** Kafka forgets positions that nobody repeats (`offsets.retention.minutes`, a week). */
const REPEAT_EVERY_MS = 3_600_000;

interface Group {
  readonly positions: Map<number, number>;
  readonly changed: Set<number>;
  repeatedAt: number;
}

/**
 * Positions of reader groups as Kafka keeps them (OffsetCommit without members), for lag here and in other tools.
 * They are hints: written at most once a second, and a failure to write them is none of the log's.
 */
export class Positions {
  readonly #topic: Topic;
  readonly #groups = new Map<string, Group>();
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(topic: Topic) {
    this.#topic = topic;
  }

  set(name: string, partition: number, offset: number): void {
    const { clock } = this.#topic.cluster;
    let group = this.#groups.get(name);
    if (!group) {
      if (this.#groups.size >= MAX_GROUPS)
        throw new AtalaiaError(
          'ATL_USAGE',
          `The log knows ${MAX_GROUPS} reader groups already. Use one of those.`,
        );
      group = { positions: new Map(), changed: new Set(), repeatedAt: clock.monotonicMs() };
      this.#groups.set(name, group);
    }
    group.positions.set(partition, offset);
    group.changed.add(partition);
    this.#cancel ??= clock.after(FLUSH_EVERY_MS, () => void this.flush());
  }

  /** The group's positions: Kafka's, and those of this process that are not there yet. */
  async get(name: string): Promise<Map<number, number>> {
    await this.#writing;
    const { cluster } = this.#topic;
    const kept = await cluster.retry(RETRY_MS, async (n) => {
      const broker = await cluster.coordinator(name, n > 0);
      const found = await cluster.call(broker, 'control', (connection) =>
        answer(
          cluster.client.offsetFetchV8.api.async(
            connection,
            [{ groupId: name, memberId: null, memberEpoch: -1, topics: null }],
            false,
          ),
        ),
      );
      const failure = failureOf(cluster.client, found.groups[0]?.errorCode ?? 16);
      if (failure.id === 'GROUP_ID_NOT_FOUND') return new Map<number, number>();
      if (failure.id !== 'NONE') throw refused(name, failure);
      const topic = found.groups[0]?.topics.find((one) => one.name === this.#topic.name);
      return new Map(
        (topic?.partitions ?? [])
          .filter(({ errorCode, committedOffset }) => errorCode === 0 && committedOffset >= 0n)
          .map(({ partitionIndex, committedOffset }) => [partitionIndex, Number(committedOffset)]),
      );
    });
    for (const partition of this.#groups.get(name)?.changed ?? [])
      kept.set(partition, this.#groups.get(name)?.positions.get(partition) ?? 0);
    return kept;
  }

  /** Writes what changed. */
  flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#writing = this.#writing.then(async () => {
      for (const [name, group] of this.#groups) await this.#write(name, group).catch(() => undefined);
    });
    return this.#writing;
  }

  async #write(name: string, group: Group): Promise<void> {
    const { cluster } = this.#topic;
    const now = cluster.clock.monotonicMs();
    if (group.changed.size === 0) return;
    if (now - group.repeatedAt > REPEAT_EVERY_MS) {
      for (const partition of group.positions.keys()) group.changed.add(partition);
      group.repeatedAt = now;
    }
    const written = new Map([...group.changed].map((p) => [p, group.positions.get(p) as number]));
    await cluster.retry(2000, async (n) => {
      const broker = await cluster.coordinator(name, n > 0);
      const found = await cluster.call(broker, 'control', (connection) =>
        answer(
          cluster.client.offsetCommitV8.api.async(connection, name, -1, '', null, [
            {
              name: this.#topic.name,
              partitions: [...written].map(([partitionIndex, offset]) => ({
                partitionIndex,
                committedOffset: BigInt(offset),
                committedLeaderEpoch: -1,
                committedMetadata: null,
              })),
            },
          ]),
        ),
      );
      const code = found.topics[0]?.partitions.find(({ errorCode }) => errorCode !== 0)?.errorCode ?? 0;
      if (code !== 0) throw refused(name, failureOf(cluster.client, code));
    });
    for (const [partition, offset] of written)
      if (group.positions.get(partition) === offset) group.changed.delete(partition);
  }
}

const refused = (group: string, failure: { id: string; mayRetry: boolean }): AtalaiaError =>
  new AtalaiaError(
    failure.mayRetry ? 'ATL_BUSY' : 'ATL_CONFIG',
    `Kafka refuses the positions of group ${group}: ${failure.id}. Check the rights of this user for the group.`,
  );
