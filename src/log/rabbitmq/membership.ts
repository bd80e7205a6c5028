import { randomBytes } from 'node:crypto';
import { type Clock, sleep, systemClock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Member, Membership, MembershipEvents } from '../membership.ts';
import {
  type Channel,
  type ChannelModel,
  closeQuietly,
  loadClient,
  messageOf,
  type RabbitmqAccess,
} from './client.ts';
import { Link } from './link.ts';
import { Roster } from './roster.ts';

const JOIN_MS = 30_000;
const STEP_MS = 250;
/** Processes that start at once make the queues at once: what the server refuses meanwhile is tried again so often. */
const MAX_TRIES = 40;
/** The server takes back what nobody acknowledges for 30 minutes (`consumer_timeout`): batons are renewed before. */
const RENEW_EVERY_MS = 300_000;
/** A baton goes from hand to hand as often as it likes; without a limit of ours RabbitMQ 4 drops it after 20 times. */
const DELIVERY_LIMIT = 1_000_000_000;

export interface RabbitmqMembershipOptions extends RabbitmqAccess {
  /** Name of the log. */
  readonly name: string;
  readonly partitions: number;
  readonly clock?: Clock;
}

/**
 * Partitions by batons: each partition of a group is a quorum queue with one message, and who holds it unacknowledged
 * holds the partition; the server passes it on when its holder goes. Who asks for which baton follows from the roster.
 */
export async function openRabbitmqMembership(options: RabbitmqMembershipOptions): Promise<Membership> {
  const client = await loadClient();
  const members = new Set<GroupMember>();
  return {
    async join(group, events) {
      const link = new Link(client, options, options.clock ?? systemClock);
      try {
        const connection = await link.open(JOIN_MS);
        for (let p = 0; p < options.partitions; p++)
          await persist(options.clock ?? systemClock, () =>
            ensureBaton(connection, batonQueue(options.name, group, p)),
          );
      } catch (error) {
        await link.close();
        throw error;
      }
      const member = new GroupMember(link, group, options, events);
      members.add(member);
      return member;
    },
    async close() {
      await Promise.all([...members].map((member) => member.leave()));
    },
  };
}

const batonQueue = (name: string, group: string, partition: number): string =>
  `${name}-${group}-baton-${partition}`;

/** Tries until it is done; the last refusal is told. */
async function persist(clock: Clock, work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries === MAX_TRIES) throw error;
      await sleep(clock, STEP_MS);
    }
  }
}

/** Creates the queue with its one message when it is not there, or nobody came to put it in. */
async function ensureBaton(connection: ChannelModel, queue: string): Promise<void> {
  const asking = await connection.createChannel();
  asking.on('error', () => undefined);
  const isThere = await asking.checkQueue(queue).then(
    ({ messageCount, consumerCount }) => messageCount + consumerCount > 0,
    () => false,
  );
  await closeQuietly(asking);
  if (isThere) return;
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => undefined);
  try {
    await channel.assertQueue(queue, {
      durable: true,
      arguments: {
        'x-queue-type': 'quorum',
        'x-single-active-consumer': true,
        'x-delivery-limit': DELIVERY_LIMIT,
      },
    });
    // Two that come first at once make two batons: the holder takes the second one out.
    channel.publish('', queue, Buffer.from('baton'), { persistent: true, mandatory: true });
    await channel.waitForConfirms();
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      `RabbitMQ refuses queue ${queue}: ${messageOf(cause)}. Check the rights of this user.`,
      { cause },
    );
  } finally {
    await closeQuietly(channel);
  }
}

/** One partition that we hold, or ask for: a channel of its own, whose end gives the baton back. */
interface Claim {
  readonly partition: number;
  readonly connection: ChannelModel;
  channel: Channel | undefined;
  hasBaton: boolean;
  isTold: boolean;
  heldSince: number;
}

class GroupMember implements Member {
  readonly #link: Link;
  readonly #group: string;
  readonly #options: RabbitmqMembershipOptions;
  readonly #events: MembershipEvents;
  readonly #clock: Clock;
  readonly #id = randomBytes(9).toString('base64url');
  readonly #claims = new Map<number, Claim>();
  readonly #roster: Roster;
  readonly #loop: Promise<void>;
  #isLeaving = false;
  #left: Promise<void> | undefined;
  #wake: () => void = () => undefined;

  constructor(link: Link, group: string, options: RabbitmqMembershipOptions, events: MembershipEvents) {
    this.#link = link;
    this.#group = group;
    this.#options = options;
    this.#events = events;
    this.#clock = options.clock ?? systemClock;
    this.#roster = new Roster(link, `${options.name}-${group}-roster`, this.#id, this.#clock, () =>
      this.#wake(),
    );
    this.#loop = this.#run();
  }

  get partitions(): readonly number[] {
    return [...this.#claims.values()]
      .filter(({ isTold }) => isTold)
      .map(({ partition }) => partition)
      .sort((a, b) => a - b);
  }

  leave(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  async #leave(): Promise<void> {
    this.#isLeaving = true;
    this.#wake();
    await this.#loop;
    await this.#giveBack([...this.#claims.values()]);
    await this.#roster.close();
    await this.#link.close();
  }

  /** One step after another: what was lost, what is another's, what is ours now, what is to be asked for. */
  async #run(): Promise<void> {
    while (!this.#isLeaving) {
      try {
        await this.#lose();
        const members = this.#roster.members;
        const place = members.indexOf(this.#id);
        if (place >= 0) {
          const isOurs = (p: number): boolean => p % members.length === place;
          await this.#giveBack([...this.#claims.values()].filter(({ partition }) => !isOurs(partition)));
          for (let p = 0; p < this.#options.partitions; p++) if (isOurs(p)) await this.#claim(p);
        }
        await this.#tell();
        this.#renew();
      } catch {
        // The connection goes; the next round sees it.
      }
      await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return new Promise((done) => {
      const cancel = this.#clock.after(this.#isLeaving ? 0 : STEP_MS, done);
      this.#wake = () => {
        cancel();
        done();
      };
    });
  }

  async #lose(): Promise<void> {
    const gone = [...this.#claims.values()].filter(
      ({ channel, connection }) => !channel || connection !== this.#link.connection,
    );
    for (const { partition } of gone) this.#claims.delete(partition);
    const told = gone.filter(({ isTold }) => isTold).map(({ partition }) => partition);
    for (const claim of gone) claim.isTold = false;
    if (told.length > 0) await this.#events.onRevoked(told, 'lost');
  }

  async #giveBack(claims: readonly Claim[]): Promise<void> {
    const told = claims.filter(({ isTold }) => isTold).map(({ partition }) => partition);
    if (told.length > 0) await this.#events.onRevoked(told, 'revoked');
    await Promise.all(
      claims.map(async (claim) => {
        this.#claims.delete(claim.partition);
        claim.isTold = false;
        const { channel } = claim;
        claim.channel = undefined;
        // With the channel goes the consumer, and the baton goes back into the queue.
        await closeQuietly(channel);
      }),
    );
  }

  async #claim(partition: number): Promise<void> {
    const { connection } = this.#link;
    if (!connection || this.#claims.has(partition)) return;
    const channel = await connection.createChannel();
    const claim: Claim = { partition, connection, channel, hasBaton: false, isTold: false, heldSince: 0 };
    channel.on('error', () => undefined);
    channel.on('close', () => {
      claim.channel = undefined;
      this.#wake();
    });
    this.#claims.set(partition, claim);
    await channel.prefetch(2);
    await channel.consume(batonQueue(this.#options.name, this.#group, partition), (message) => {
      if (!message) return void closeQuietly(channel);
      if (claim.hasBaton) return channel.ack(message);
      claim.hasBaton = true;
      claim.heldSince = this.#clock.monotonicMs();
      this.#wake();
    });
  }

  async #tell(): Promise<void> {
    const ours = [...this.#claims.values()].filter(
      (claim) => claim.hasBaton && !claim.isTold && claim.channel,
    );
    if (ours.length === 0) return;
    for (const claim of ours) claim.isTold = true;
    await this.#events.onAssigned(ours.map(({ partition }) => partition).sort((a, b) => a - b));
  }

  /** The single active consumer gets back at once what it gives back. */
  #renew(): void {
    const before = this.#clock.monotonicMs() - RENEW_EVERY_MS;
    for (const claim of this.#claims.values()) {
      if (!claim.hasBaton || claim.heldSince > before) continue;
      claim.hasBaton = false;
      claim.channel?.nackAll(true);
    }
  }
}
