import { AtalaiaError } from '../../lib/errors.ts';
import { answer, failureOf } from './client.ts';
import { type Broker, type Cluster, place, type TopicView } from './cluster.ts';

/** Largest batch of records the topic takes, bytes. */
export const MAX_MESSAGE_BYTES = 16 << 20;

export interface TopicSettings {
  readonly name: string;
  readonly partitions: number;
  /** Copies of each record; default the cluster's `default.replication.factor`. */
  readonly replication?: number | undefined;
  /** Copies that must have a record before it is acknowledged; default the cluster's. */
  readonly minInSyncReplicas?: number | undefined;
  /** Time records are kept at least, ms; default without limit, since `trim` removes what no reader needs. */
  readonly retentionMs?: number | undefined;
}

/**
 * Finds the topic, or creates it when the cluster has none.
 * @throws AtalaiaError ATL_CONFIG for another number of partitions, ATL_BUSY when the cluster does not answer
 */
export async function ensureTopic(
  cluster: Cluster,
  settings: TopicSettings,
  waitMs: number,
): Promise<TopicView> {
  const { name, partitions } = settings;
  if (!/^(?!\.{1,2}$)[\w.-]{1,249}$/.test(name)) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      `log.topic is "${name}". Kafka takes letters, digits, ".", "_" and "-", at most 249 of them.`,
    );
  }
  const view = await cluster.retry(waitMs, async () => {
    const found = await cluster.topic(name, true);
    if (found?.leaders.every((leader) => leader !== undefined)) return found;
    if (!found) await create(cluster, settings);
    throw new AtalaiaError(
      'ATL_BUSY',
      `Topic ${name} of Kafka has partitions without a leader. Check its brokers.`,
    );
  });
  if (view.leaders.length !== partitions) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      `Topic ${name} of Kafka has ${view.leaders.length} partitions; the configuration says ${partitions}. Their number is fixed when the topic is created, since another one breaks the order per key: set pipeline.partitions to ${view.leaders.length}, or name another topic.`,
    );
  }
  return view;
}

async function create(cluster: Cluster, settings: TopicSettings): Promise<void> {
  const { name, partitions, replication, minInSyncReplicas, retentionMs } = settings;
  const configs = [
    { name: 'cleanup.policy', value: 'delete' },
    { name: 'retention.ms', value: String(retentionMs ?? -1) },
    { name: 'retention.bytes', value: '-1' },
    { name: 'max.message.bytes', value: String(MAX_MESSAGE_BYTES) },
    ...(minInSyncReplicas === undefined
      ? []
      : [{ name: 'min.insync.replicas', value: String(minInSyncReplicas) }]),
  ];
  const found = await cluster.ask((connection) =>
    answer(
      cluster.client.createTopicsV7.api.async(
        connection,
        [{ name, numPartitions: partitions, replicationFactor: replication ?? -1, assignments: [], configs }],
        4000,
        false,
      ),
    ),
  );
  const topic = found.topics[0];
  const failure = failureOf(cluster.client, topic?.errorCode ?? 7);
  if (failure.id === 'NONE' || failure.id === 'TOPIC_ALREADY_EXISTS') return;
  throw new AtalaiaError(
    failure.mayRetry ? 'ATL_BUSY' : 'ATL_CONFIG',
    `Kafka does not create topic ${name}: ${failure.id}${topic?.errorMessage ? ` (${topic.errorMessage})` : ''}. Create it with ${partitions} partitions, or give this user the right to.`,
  );
}

const TOPIC_RESOURCE = 2;

/** What an open topic promises. */
export interface Durability {
  readonly replicas: number;
  readonly minInSyncReplicas: number;
}

/**
 * Looks at the settings of a topic, also of one that was here before us.
 * @returns undefined when this user may not see them
 * @throws AtalaiaError ATL_CONFIG when the topic is compacted: older records of a key would go without a gap
 */
export async function checkSettings(
  cluster: Cluster,
  name: string,
  view: TopicView,
): Promise<Durability | undefined> {
  const found = await cluster.ask((connection) =>
    answer(
      cluster.client.describeConfigsV4.api.async(
        connection,
        [
          {
            resourceType: TOPIC_RESOURCE,
            resourceName: name,
            configurationKeys: ['cleanup.policy', 'min.insync.replicas'],
          },
        ],
        false,
        false,
      ),
    ),
  );
  const result = found.results[0];
  if (result?.errorCode !== 0) return undefined;
  const setting = (key: string): string => result.configs.find((config) => config.name === key)?.value ?? '';
  if (setting('cleanup.policy').includes('compact')) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      `Topic ${name} of Kafka is compacted (cleanup.policy=${setting('cleanup.policy')}): it forgets the older records of each station, and nothing would tell. Set cleanup.policy=delete, or name another topic.`,
    );
  }
  return { replicas: view.replicas, minInSyncReplicas: Number(setting('min.insync.replicas')) };
}

/** One open topic: its leaders as last seen, and that it is still the topic that was opened. */
export class Topic {
  readonly cluster: Cluster;
  readonly name: string;
  #view: TopicView;

  constructor(cluster: Cluster, name: string, view: TopicView) {
    this.cluster = cluster;
    this.name = name;
    this.#view = view;
  }

  get id(): string {
    return this.#view.id;
  }

  leader(partition: number): Broker | undefined {
    return this.#view.leaders[partition];
  }

  /** Asks for the leaders again. @throws AtalaiaError ATL_LOG_DAMAGED when the topic was deleted or made anew */
  async refresh(): Promise<void> {
    const view = await this.cluster.topic(this.name, true);
    if (view?.id !== this.#view.id) {
      throw new AtalaiaError(
        'ATL_LOG_DAMAGED',
        `Topic ${this.name} of Kafka was ${view ? 'deleted and made anew' : 'deleted'} while it was open; its records are gone. Stop, and restore from a backup or begin with an empty store.`,
      );
    }
    this.#view = view;
  }

  /** Partitions by the broker that leads them; those without a leader are left out. */
  byLeader(partitions: readonly number[]): Map<Broker, number[]> {
    const groups = new Map<string, { broker: Broker; partitions: number[] }>();
    for (const partition of partitions) {
      const broker = this.leader(partition);
      if (!broker) continue;
      const group = groups.get(place(broker));
      if (group) group.partitions.push(partition);
      else groups.set(place(broker), { broker, partitions: [partition] });
    }
    return new Map([...groups.values()].map((group) => [group.broker, group.partitions]));
  }
}
