import type { ConnectionPool } from '@platformatic/kafka';
import type { Clock } from '../../lib/clock.ts';
import { sleep } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import {
  answer,
  type Connection,
  failureOf,
  isUserRefused,
  type KafkaAccess,
  type KafkaClient,
  type Request,
} from './client.ts';

export interface Broker {
  readonly host: string;
  readonly port: number;
}

export interface TopicView {
  readonly id: string;
  /** Broker of the leader by partition; undefined while there is none. */
  readonly leaders: readonly (Broker | undefined)[];
  readonly replicas: number;
}

const REFRESH_EVERY_MS = 100;
const VIEW_MAX_AGE_MS = 60_000;
const COORDINATOR_OF_GROUP = 0;

export const place = (broker: Broker): string => `${broker.host}:${broker.port}`;

function parseBroker(text: string): Broker {
  const found = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text.trim());
  if (!found)
    throw new AtalaiaError('ATL_CONFIG', `log.brokers has "${text}". Write each broker as host:port.`);
  return { host: found[1] as string, port: Number(found[2]) };
}

/** Connections to the brokers of one cluster, and what is known of topics and coordinators. */
export class Cluster {
  readonly client: KafkaClient;
  readonly clock: Clock;
  readonly #access: KafkaAccess;
  readonly #bootstrap: readonly Broker[];
  readonly #pools = new Map<string, ConnectionPool>();
  readonly #views = new Map<string, { view: TopicView; at: number }>();
  readonly #refreshing = new Map<string, Promise<TopicView | undefined>>();
  readonly #coordinators = new Map<string, Broker>();
  #brokers: readonly Broker[];
  #isClosed = false;

  constructor(client: KafkaClient, access: KafkaAccess, clock: Clock) {
    this.client = client;
    this.clock = clock;
    this.#access = access;
    if (access.brokers.length === 0)
      throw new AtalaiaError('ATL_CONFIG', 'log.brokers is empty. Give at least one host:port.');
    this.#bootstrap = access.brokers.map(parseBroker);
    this.#brokers = this.#bootstrap;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * One request on the lane's own connection to a broker. A broker answers the requests of a connection one after
   * another, so what may wait there (reads) has lanes of its own. Rejects when no answer came; the connection is
   * then dropped, since a late answer would be taken for the next one's.
   */
  async call<Response>(
    broker: Broker,
    lane: string,
    request: Request<Response>,
    timeoutMs = this.#access.requestTimeoutMs ?? 10_000,
  ): Promise<Response> {
    if (this.#isClosed) throw new AtalaiaError('ATL_LOG_CLOSED', 'The Kafka client was closed.');
    let connection: Connection | undefined;
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = this.clock.after(timeoutMs, () => {
        reject(
          new AtalaiaError('ATL_BUSY', `Broker ${place(broker)} did not answer within ${timeoutMs} ms.`),
        );
        connection?.socket?.destroy();
      });
    });
    const work = this.#pool(lane)
      .get({ ...broker })
      .then((found) => {
        connection = found;
        return request(found);
      });
    work.catch(() => undefined);
    try {
      return await Promise.race([work, late]);
    } finally {
      cancel();
    }
  }

  /** One request to any broker that answers. */
  async ask<Response>(request: Request<Response>): Promise<Response> {
    const candidates = [...this.#brokers, ...this.#bootstrap];
    const seen = new Set<string>();
    let last: unknown;
    for (const broker of candidates) {
      if (seen.has(place(broker))) continue;
      seen.add(place(broker));
      try {
        return await this.call(broker, 'control', request, 5000);
      } catch (error) {
        if (this.#isClosed) throw error;
        last = error;
      }
    }
    if (isUserRefused(last)) {
      throw new AtalaiaError(
        'ATL_CONFIG',
        `Kafka at ${[...seen].join(', ')} does not accept this user. Check log.sasl: mechanism, user name and password.`,
        { cause: last },
      );
    }
    throw new AtalaiaError(
      'ATL_BUSY',
      `None of the Kafka brokers ${[...seen].join(', ')} answers. Check log.brokers and that the cluster runs.`,
      { cause: last },
    );
  }

  /** The topic as last seen, undefined when the cluster has none of that name; `fresh` asks again. */
  async topic(name: string, fresh = false): Promise<TopicView | undefined> {
    const known = this.#views.get(name);
    const age = known ? this.clock.monotonicMs() - known.at : Number.POSITIVE_INFINITY;
    if (known && (fresh ? age < REFRESH_EVERY_MS : age < VIEW_MAX_AGE_MS)) return known.view;
    let refresh = this.#refreshing.get(name);
    if (!refresh) {
      refresh = this.#refresh(name).finally(() => this.#refreshing.delete(name));
      this.#refreshing.set(name, refresh);
    }
    return refresh;
  }

  async #refresh(name: string): Promise<TopicView | undefined> {
    const found = await this.ask((connection) =>
      answer(this.client.metadataV12.api.async(connection, [name], false, false)),
    );
    const brokers = new Map(found.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    // Kept in the order of the answer: the first that answers serves all questions.
    if (brokers.size > 0) this.#brokers = [...brokers.values()];
    const topic = found.topics[0];
    const failure = failureOf(this.client, topic?.errorCode ?? 3);
    if (!topic || (failure.id !== 'NONE' && failure.id !== 'LEADER_NOT_AVAILABLE')) {
      if (failure.id === 'UNKNOWN_TOPIC_OR_PARTITION') return undefined;
      throw new AtalaiaError(
        failure.mayRetry ? 'ATL_BUSY' : 'ATL_CONFIG',
        `Kafka refuses to describe topic ${name}: ${failure.id}. Check the name and the rights of this user.`,
      );
    }
    const leaders: (Broker | undefined)[] = [];
    for (const { partitionIndex, leaderId } of topic.partitions)
      leaders[partitionIndex] = brokers.get(leaderId);
    const view = { id: topic.topicId, leaders, replicas: topic.partitions[0]?.replicaNodes.length ?? 0 };
    this.#views.set(name, { view, at: this.clock.monotonicMs() });
    return view;
  }

  /** The broker that keeps a group; `fresh` after it answered that it does not. */
  async coordinator(group: string, fresh = false): Promise<Broker> {
    const known = this.#coordinators.get(group);
    if (known && !fresh) return known;
    const found = await this.ask((connection) =>
      answer(this.client.findCoordinatorV4.api.async(connection, COORDINATOR_OF_GROUP, [group])),
    );
    const coordinator = found.coordinators[0];
    const failure = failureOf(this.client, coordinator?.errorCode ?? 15);
    if (!coordinator || failure.id !== 'NONE') {
      throw new AtalaiaError(
        failure.mayRetry ? 'ATL_BUSY' : 'ATL_CONFIG',
        `Kafka names no coordinator for group ${group}: ${failure.id}. Check the rights of this user.`,
      );
    }
    const broker = { host: coordinator.host, port: coordinator.port };
    this.#coordinators.set(group, broker);
    return broker;
  }

  /** Calls until it goes well or `forMs` are over; the last error is thrown. For what may be repeated without harm. */
  async retry<Result>(forMs: number, attempt: (n: number) => Promise<Result>): Promise<Result> {
    const until = this.clock.monotonicMs() + forMs;
    for (let n = 0; ; n++) {
      try {
        return await attempt(n);
      } catch (error) {
        const isFinal = error instanceof AtalaiaError && error.code !== 'ATL_BUSY';
        if (isFinal || this.#isClosed || this.clock.monotonicMs() >= until) throw error;
        await sleep(this.clock, Math.min(500, 50 * 2 ** Math.min(n, 4)));
      }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const pool of this.#pools.values()) {
      for (const [, connection] of pool) connection.socket?.destroy();
      await pool.close().catch(() => undefined);
    }
  }

  #pool(lane: string): ConnectionPool {
    let pool = this.#pools.get(lane);
    if (!pool) {
      const { clientId = 'atalaia', tls, sasl } = this.#access;
      pool = new this.client.ConnectionPool(clientId, {
        connectTimeout: 3000,
        requestTimeout: 3_600_000,
        ...(tls && { tls }),
        ...(sasl && { sasl }),
      });
      // The pool listens to the first error of a connection only; a second one without a listener would be thrown.
      pool.on('connecting', ({ connection }) => connection.on('error', () => undefined));
      this.#pools.set(lane, pool);
    }
    return pool;
  }
}
