import { randomUUID } from 'node:crypto';
import { type Clock, sleep, systemClock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Member, Membership, MembershipEvents } from '../membership.ts';
import { answer, failureOf, type KafkaAccess, loadClient } from './client.ts';
import { Cluster } from './cluster.ts';
import { setGroupSession } from './group-session.ts';

export interface KafkaMembershipOptions extends KafkaAccess {
  readonly topic: string;
  /** Names of groups in Kafka are this, the name and `-members`; default `atalaia-`. */
  readonly groupPrefix?: string;
  /**
   * Without an answer for this long, ms, our partitions count as lost, and the cluster is asked to give the partitions of
   * a silent member away after the same time. Default 45 000, as the cluster's, which is then left as it is.
   */
  readonly sessionTimeoutMs?: number;
  /** The cluster keeps its own session for the group, and why. */
  readonly onSessionRefused?: (failure: string) => void;
  /** Longest time `onRevoked` may take before the cluster gives up on us, ms; default 60 000. */
  readonly rebalanceTimeoutMs?: number;
  readonly clock?: Clock;
  /** Told with the failure when the group no longer answers, and with undefined when it does again. */
  readonly onOutage?: (failure: string | undefined) => void;
}

const JOINING = 0;
const LEAVING = -1;
const FIRST_HEARTBEAT_MS = 100;
const LEAVE_WAIT_MS = 5000;
/** The cluster has given our partitions away, or soon will. */
const expelled = new Set(['FENCED_MEMBER_EPOCH', 'UNKNOWN_MEMBER_ID', 'STALE_MEMBER_EPOCH']);

/** Partitions of a topic by a consumer group of Kafka 4 (KIP-848: the broker assigns, members tell what they hold). */
export async function openKafkaMembership(options: KafkaMembershipOptions): Promise<Membership> {
  const cluster = new Cluster(await loadClient(), options, options.clock ?? systemClock);
  const members = new Set<GroupMember>();
  return {
    async join(group, events) {
      const name = `${options.groupPrefix ?? 'atalaia-'}${group}-members`;
      const member = new GroupMember(cluster, name, options, events);
      members.add(member);
      try {
        await member.join();
      } catch (error) {
        members.delete(member);
        throw error;
      }
      return member;
    },
    async close() {
      await Promise.all([...members].map((member) => member.leave()));
      await cluster.close();
    },
  };
}

class GroupMember implements Member {
  readonly #cluster: Cluster;
  readonly #group: string;
  readonly #options: KafkaMembershipOptions;
  readonly #events: MembershipEvents;
  readonly #id = randomUUID();
  /** What we hold: what `onAssigned` told and `onRevoked` did not yet take back. */
  #held = new Set<number>();
  /** What the cluster wants us to hold. */
  #target: ReadonlySet<number> = new Set();
  #reported: string | undefined;
  #epoch = JOINING;
  #everyMs = FIRST_HEARTBEAT_MS;
  #answeredAt: number;
  #mustFindCoordinator = false;
  #isAway = false;
  #reconciling: Promise<void> | undefined;
  #isLeaving = false;
  #loop: Promise<void> = Promise.resolve();
  #isDue = false;
  #endPause: () => void = () => undefined;

  constructor(cluster: Cluster, group: string, options: KafkaMembershipOptions, events: MembershipEvents) {
    this.#cluster = cluster;
    this.#group = group;
    this.#options = options;
    this.#events = events;
    this.#answeredAt = cluster.clock.monotonicMs();
  }

  get partitions(): readonly number[] {
    return [...this.#held].sort((a, b) => a - b);
  }

  async join(): Promise<void> {
    const { sessionTimeoutMs, onSessionRefused } = this.#options;
    const refused = sessionTimeoutMs && (await setGroupSession(this.#cluster, this.#group, sessionTimeoutMs));
    if (refused) onSessionRefused?.(refused);
    await this.#cluster.retry(30_000, () => this.#heartbeat());
    this.#loop = this.#run();
  }

  async leave(): Promise<void> {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#wake();
    await this.#loop;
    await this.#reconciling;
    await this.#giveBack([...this.#held], 'revoked');
    const leave = this.#send(LEAVING, []).catch(() => undefined);
    await Promise.race([leave, sleep(this.#cluster.clock, LEAVE_WAIT_MS)]);
  }

  async #run(): Promise<void> {
    const { clock } = this.#cluster;
    while (!this.#isLeaving) {
      try {
        await this.#heartbeat();
        this.#tellOutage(undefined);
      } catch (error) {
        this.#tellOutage(error instanceof Error ? error.message : String(error));
        const isLost = clock.monotonicMs() - this.#answeredAt > (this.#options.sessionTimeoutMs ?? 45_000);
        if (isLost || (error instanceof AtalaiaError && error.code !== 'ATL_BUSY')) await this.#loseAll();
        this.#mustFindCoordinator = true;
        await sleep(clock, FIRST_HEARTBEAT_MS);
      }
      await this.#pause(this.#epoch === JOINING ? FIRST_HEARTBEAT_MS : this.#everyMs);
    }
  }

  #tellOutage(failure: string | undefined): void {
    const isAway = failure !== undefined;
    if (isAway === this.#isAway || this.#isLeaving) return;
    this.#isAway = isAway;
    this.#options.onOutage?.(failure);
  }

  /** Until the next heartbeat is due, or there is something to report. */
  #pause(ms: number): Promise<void> {
    return new Promise((done) => {
      const cancel = this.#cluster.clock.after(this.#isDue ? 0 : ms, done);
      this.#isDue = false;
      this.#endPause = () => {
        cancel();
        done();
      };
    });
  }

  #wake(): void {
    this.#isDue = true;
    this.#endPause();
  }

  async #heartbeat(): Promise<void> {
    const topic = await this.#cluster.topic(this.#options.topic);
    if (!topic)
      throw new AtalaiaError(
        'ATL_CONFIG',
        `Kafka has no topic ${this.#options.topic}. Open the log before its membership.`,
      );
    const owned = [...this.#held].sort((a, b) => a - b);
    const text = owned.join();
    const isNews = this.#epoch === JOINING || this.#reported !== text;
    const found = await this.#send(
      this.#epoch,
      isNews ? (owned.length > 0 ? [{ topicId: topic.id, partitions: owned }] : []) : null,
    );
    const failure = failureOf(this.#cluster.client, found.errorCode);
    if (expelled.has(failure.id)) {
      await this.#loseAll();
      return;
    }
    if (failure.id !== 'NONE') {
      this.#mustFindCoordinator = true;
      throw new AtalaiaError(
        failure.mayRetry ? 'ATL_BUSY' : 'ATL_CONFIG',
        `Kafka does not take this process into group ${this.#group}: ${failure.id}${found.errorMessage ? ` (${found.errorMessage})` : ''}. The cluster must be of version 4.0 or later, and this user must have the right to read by the group.`,
      );
    }
    this.#answeredAt = this.#cluster.clock.monotonicMs();
    this.#reported = text;
    this.#epoch = found.memberEpoch;
    if (found.heartbeatIntervalMs > 0) this.#everyMs = found.heartbeatIntervalMs;
    if (found.assignment) {
      const own = found.assignment.topicPartitions.find(({ topicId }) => topicId === topic.id);
      this.#target = new Set(own?.partitions ?? []);
    }
    this.#reconcile();
  }

  async #send(epoch: number, owned: { topicId: string; partitions: number[] }[] | null) {
    const broker = await this.#cluster.coordinator(this.#group, this.#mustFindCoordinator);
    this.#mustFindCoordinator = false;
    const isJoining = epoch === JOINING;
    return this.#cluster.call(broker, 'group', (connection) =>
      answer(
        this.#cluster.client.consumerGroupHeartbeatV1.api.async(
          connection,
          this.#group,
          this.#id,
          epoch,
          null,
          null,
          isJoining ? (this.#options.rebalanceTimeoutMs ?? 60_000) : -1,
          isJoining ? [this.#options.topic] : null,
          null,
          null,
          owned,
        ),
      ),
    );
  }

  /** Goes from what we hold to what the cluster wants, beside the heartbeats: they must not wait for the owner's work. */
  #reconcile(): void {
    if (this.#reconciling || this.#isLeaving || this.#isSettled()) return;
    this.#reconciling = (async () => {
      while (!this.#isSettled() && !this.#isLeaving) {
        const surplus = [...this.#held].filter((partition) => !this.#target.has(partition));
        if (surplus.length > 0) await this.#giveBack(surplus, 'revoked');
        else {
          const added = [...this.#target]
            .filter((partition) => !this.#held.has(partition))
            .sort((a, b) => a - b);
          for (const partition of added) this.#held.add(partition);
          await this.#tell(() => this.#events.onAssigned(added));
        }
        this.#wake();
      }
    })().finally(() => {
      this.#reconciling = undefined;
    });
  }

  #isSettled(): boolean {
    return this.#target.size === this.#held.size && [...this.#target].every((one) => this.#held.has(one));
  }

  async #loseAll(): Promise<void> {
    this.#epoch = JOINING;
    this.#reported = undefined;
    this.#target = new Set();
    await this.#reconciling;
    await this.#giveBack([...this.#held], 'lost');
  }

  async #giveBack(partitions: readonly number[], reason: 'revoked' | 'lost'): Promise<void> {
    if (partitions.length === 0) return;
    const given = [...partitions].sort((a, b) => a - b);
    await this.#tell(() => this.#events.onRevoked(given, reason));
    for (const partition of given) this.#held.delete(partition);
  }

  /** The owner's failure is the owner's: the membership goes on, as its heartbeats must. */
  async #tell(call: () => void | Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
