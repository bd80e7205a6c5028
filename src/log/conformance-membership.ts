import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Member, Membership, MembershipEvents } from './membership.ts';

export interface MembershipConformance {
  readonly partitions: number;
  /** The membership of another process of the same log. Members of one `beforeEach` share no group with earlier ones. */
  open(): Promise<Membership>;
  cleanup?(): Promise<void>;
  /** False when only one process can hold the log. */
  readonly isShared: boolean;
}

/** What one member was told, and that nobody was given what another still held. */
export class Watcher implements MembershipEvents {
  readonly held = new Set<number>();
  readonly conflicts: string[] = [];
  readonly reasons: string[] = [];
  readonly #name: string;
  readonly #others: readonly Watcher[];
  readonly #revokeMs: number;

  constructor(name: string, others: readonly Watcher[] = [], revokeMs = 0) {
    this.#name = name;
    this.#others = others;
    this.#revokeMs = revokeMs;
  }

  onAssigned(partitions: readonly number[]): void {
    for (const partition of partitions) {
      if (this.held.has(partition)) this.conflicts.push(`${this.#name} was given ${partition} twice`);
      for (const other of this.#others)
        if (other.held.has(partition)) this.conflicts.push(`${this.#name} was given ${partition} too early`);
      this.held.add(partition);
    }
  }

  async onRevoked(partitions: readonly number[], reason: 'revoked' | 'lost'): Promise<void> {
    if (this.#revokeMs > 0) await new Promise((done) => setTimeout(done, this.#revokeMs));
    this.reasons.push(reason);
    for (const partition of partitions) {
      if (!this.held.delete(partition))
        this.conflicts.push(`${this.#name} lost ${partition}, which it had not`);
    }
  }
}

/** Waits until something holds; fails with what is so instead. */
export async function eventually(what: () => unknown, wanted: unknown, forMs = 30_000): Promise<void> {
  const until = Date.now() + forMs;
  while (JSON.stringify(what()) !== JSON.stringify(wanted) && Date.now() < until)
    await new Promise((done) => setTimeout(done, 20));
  expect(what()).toEqual(wanted);
}

let groups = 0;

/** What every membership must do. */
export function membershipConformance(name: string, subject: MembershipConformance): void {
  describe(`membership conformance: ${name}`, () => {
    const all = Array.from({ length: subject.partitions }, (_, partition) => partition);
    let group = '';
    const opened: Membership[] = [];
    const join = async (events: MembershipEvents): Promise<Member> => {
      const membership = await subject.open();
      opened.push(membership);
      return membership.join(group, events);
    };
    beforeEach(() => {
      group = `g${process.pid}-${groups++}`;
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((membership) => membership.close()));
      await subject.cleanup?.();
    });

    test('one member gets every partition, and gives all back when it leaves', async () => {
      const watcher = new Watcher('a');
      const member = await join(watcher);
      await eventually(() => member.partitions, all);
      await eventually(() => watcher.held.size, all.length);
      await member.leave();
      expect([...watcher.held]).toEqual([]);
      expect(member.partitions).toEqual([]);
      expect(new Set(watcher.reasons)).toEqual(new Set(['revoked']));
      expect(watcher.conflicts).toEqual([]);
      await member.leave();
    });

    if (subject.isShared)
      test('two members split the partitions; when one leaves the other gets all', async () => {
        const a = new Watcher('a', [], 200);
        const b = new Watcher('b', [a]);
        const first = await join(a);
        await eventually(() => first.partitions, all);
        const second = await join(b);
        await eventually(
          () => a.held.size + b.held.size === all.length && a.held.size > 0 && b.held.size > 0,
          true,
        );
        expect(Math.abs(a.held.size - b.held.size)).toBeLessThanOrEqual(1);
        expect([...a.held, ...b.held].sort((x, y) => x - y)).toEqual(all);
        await first.leave();
        await eventually(() => second.partitions, all);
        expect([...a.conflicts, ...b.conflicts]).toEqual([]);
      });

    if (subject.isShared)
      test('members that come and go hold every partition once', async () => {
        const watchers: Watcher[] = [];
        const members: Member[] = [];
        for (const name of ['a', 'b', 'c']) {
          const watcher = new Watcher(name, [...watchers], 50);
          watchers.push(watcher);
          members.push(await join(watcher));
        }
        const held = (): number[] => watchers.flatMap((watcher) => [...watcher.held]).sort((x, y) => x - y);
        await eventually(() => held().length === all.length && watchers.every((w) => w.held.size > 0), true);
        expect(held()).toEqual(all);
        await members[1]!.leave();
        await eventually(held, all);
        await members[0]!.leave();
        await eventually(() => members[2]!.partitions, all);
        expect(watchers.flatMap(({ conflicts }) => conflicts)).toEqual([]);
      });
  });
}
