import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { LeaseRow, LeaseTable } from '../../store/ledger/coordination.ts';
import type { Member, Membership, MembershipEvents } from '../membership.ts';
import { Leases } from './leases.ts';
import { nextMove } from './shares.ts';

const TTL_MS = 10_000;
/** Rounds and renewals in the life of a lease: one that fails costs nothing. */
const ROUNDS = 6;
const MAX_MEMBERS = 1000;

export interface KinesisMembershipOptions {
  /** The leases of the ledger, shared by all processes of the log; the caller closes them. */
  readonly leases: LeaseTable;
  readonly stream: string;
  readonly partitions: number;
  /** What a member holds goes to the others when it was silent for this long, ms; default 10 000. */
  readonly ttlMs?: number;
  readonly clock?: Clock;
  /** A round failed; what is held stays until its time is over. */
  readonly onFailure?: (error: unknown) => void;
}

/**
 * Partitions of a stream by leases in the ledger: one of each partition and group, and one of each member, which says who
 * is there. A partition lies in one open shard at a time and takes its count of records along when that is split or
 * merged, so that a lease outlives its shards: docs/kinesis.md.
 */
export async function openKinesisMembership(options: KinesisMembershipOptions): Promise<Membership> {
  const ttlMs = options.ttlMs ?? TTL_MS;
  if (!(ttlMs >= 100))
    throw new AtalaiaError('ATL_CONFIG', `Leases of ${ttlMs} ms are too short. Give 100 ms or more.`);
  const members = new Set<GroupMember>();
  return {
    async join(group, events) {
      const member = new GroupMember(group, { ...options, ttlMs }, events);
      await member.join();
      members.add(member);
      return member;
    },
    async close() {
      await Promise.all([...members].map((member) => member.leave()));
      members.clear();
    },
  };
}

class GroupMember implements Member {
  readonly #id = randomBytes(9).toString('base64url');
  readonly #options: KinesisMembershipOptions & { readonly ttlMs: number };
  readonly #clock: Clock;
  readonly #events: MembershipEvents;
  readonly #prefix: string;
  readonly #leases: Leases;
  /** Partitions that our owner was told of, and not that they are gone. */
  readonly #told = new Set<number>();
  #rounds: Promise<void> = Promise.resolve();
  #renewals: Promise<void> = Promise.resolve();
  #isLeaving = false;
  #hasLeft = false;
  #left: Promise<void> | undefined;
  readonly #wakes = new Set<() => void>();

  constructor(
    group: string,
    options: KinesisMembershipOptions & { readonly ttlMs: number },
    events: MembershipEvents,
  ) {
    this.#options = options;
    this.#events = events;
    this.#clock = options.clock ?? systemClock;
    this.#prefix = `${options.stream}/${encodeURIComponent(group)}/`;
    const { leases: table, ttlMs } = options;
    this.#leases = new Leases({ table, owner: this.#id, ttlMs, clock: this.#clock });
  }

  get partitions(): readonly number[] {
    return [...this.#told].filter((p) => this.#holds(p)).sort((a, b) => a - b);
  }

  async join(): Promise<void> {
    const members = await this.#options.leases.list(this.#memberPrefix);
    if (members.filter(({ isLive }) => isLive).length >= MAX_MEMBERS)
      throw new AtalaiaError(
        'ATL_CONFIG',
        `${MAX_MEMBERS} processes hold partitions of ${this.#prefix} already. Start no more of them.`,
      );
    await this.#leases.take([this.#memberPrefix + this.#id]);
    this.#rounds = this.#repeat(
      () => this.#isLeaving,
      () => this.#round(),
    );
    // Renewals wait for nobody: what is told may take long, a commit above all.
    this.#renewals = this.#repeat(
      () => this.#hasLeft,
      () => this.#leases.renew(),
    );
  }

  leave(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  async #leave(): Promise<void> {
    this.#isLeaving = true;
    this.#wake();
    try {
      await this.#rounds;
      await this.#lose();
      await this.#giveBack([...this.#told]);
      await this.#leases.release([this.#memberPrefix + this.#id]);
    } catch (error) {
      // The leases end by themselves.
      this.#options.onFailure?.(error);
    } finally {
      this.#hasLeft = true;
      this.#wake();
      await this.#renewals;
    }
  }

  async #repeat(isOver: () => boolean, work: () => Promise<void>): Promise<void> {
    while (!isOver()) {
      await work().catch((error) => this.#options.onFailure?.(error));
      if (!isOver()) await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return new Promise((done) => {
      const wake = (): void => {
        cancel();
        this.#wakes.delete(wake);
        done();
      };
      const cancel = this.#clock.after(this.#options.ttlMs / ROUNDS, wake);
      this.#wakes.add(wake);
    });
  }

  #wake(): void {
    for (const wake of [...this.#wakes]) wake();
  }

  async #round(): Promise<void> {
    await this.#lose();
    const { leases: table, partitions } = this.#options;
    // Cut off for too long, we are no member any more: the others share without us.
    if ((await this.#leases.take([this.#memberPrefix + this.#id])).length === 0) return;
    const rows = await table.list(this.#prefix);
    const members = await this.#members(rows);
    if (!members.includes(this.#id)) return;
    const byPartition = new Map(
      rows
        .filter(({ name }) => name.startsWith(this.#partitionPrefix))
        .map((row) => [Number(row.name.slice(this.#partitionPrefix.length)), row]),
    );
    const held = new Set([...this.#told].filter((p) => this.#holds(p)));
    const { giveBack, take } = nextMove(this.#id, members, partitions, byPartition, held);
    await this.#giveBack(giveBack);
    if (!this.#isLeaving) await this.#take(take);
  }

  /** Ids of the live members; those that are over are removed. */
  async #members(rows: readonly LeaseRow[]): Promise<readonly string[]> {
    const members = rows.filter(({ name }) => name.startsWith(this.#memberPrefix));
    if (members.some(({ isLive }) => !isLive)) await this.#options.leases.forget(this.#memberPrefix);
    return members.filter(({ isLive }) => isLive).map(({ owner }) => owner);
  }

  /** What ran out, or another one has: it is told, and nothing of it may be committed. */
  async #lose(): Promise<void> {
    const lost = [...this.#told].filter((p) => !this.#holds(p)).sort((a, b) => a - b);
    if (lost.length === 0) return;
    for (const partition of lost) this.#told.delete(partition);
    await this.#events.onRevoked(lost, 'lost');
  }

  async #giveBack(partitions: readonly number[]): Promise<void> {
    const own = [...partitions].sort((a, b) => a - b);
    if (own.length === 0) return;
    try {
      await this.#events.onRevoked(own, 'revoked');
    } finally {
      for (const partition of own) this.#told.delete(partition);
      await this.#leases.release(own.map((p) => this.#partitionPrefix + p));
    }
  }

  async #take(partitions: readonly number[]): Promise<void> {
    if (partitions.length === 0) return;
    const names = new Map(partitions.map((p) => [this.#partitionPrefix + p, p]));
    const got = await this.#leases.take([...names.keys()]);
    const own = got.map((name) => names.get(name) as number).sort((a, b) => a - b);
    if (own.length === 0) return;
    for (const partition of own) this.#told.add(partition);
    try {
      await this.#events.onAssigned(own);
    } catch (error) {
      // They could not be taken up here: another one may try.
      await this.#giveBack(own);
      throw error;
    }
  }

  #holds(partition: number): boolean {
    return this.#leases.holds(this.#partitionPrefix + partition) !== undefined;
  }

  get #memberPrefix(): string {
    return `${this.#prefix}member/`;
  }

  get #partitionPrefix(): string {
    return `${this.#prefix}partition/`;
  }
}
