/**
 * Which process holds which partition of the log. The broker assigns them; the sinks' fences decide when two processes
 * believe that they hold the same one. Every implementation passes `conformance-membership.ts`.
 */
export interface MembershipEvents {
  /** These are ours from now on, beside those that we hold already. */
  onAssigned(partitions: readonly number[]): void | Promise<void>;
  /**
   * These go to another process once this resolves: commit what is folded, and read no more of them. With `lost` they
   * are another's already, and nothing of them may be committed any more.
   */
  onRevoked(partitions: readonly number[], reason: 'revoked' | 'lost'): void | Promise<void>;
}

export interface Member {
  /** What we hold, ascending. */
  readonly partitions: readonly number[];
  /** Gives everything back (`onRevoked`) and leaves the group. */
  leave(): Promise<void>;
}

export interface Membership {
  /** Resolves when the group has taken us in; the partitions come by `onAssigned`, one call at a time. */
  join(group: string, events: MembershipEvents): Promise<Member>;
  close(): Promise<void>;
}

/** The membership of a log that only one process can open: it gets every partition at once. */
export function soleMembership(partitions: number): Membership {
  const members = new Set<Member>();
  return {
    async join(_group, events) {
      let held: readonly number[] = Array.from({ length: partitions }, (_, partition) => partition);
      const member: Member = {
        get partitions() {
          return held;
        },
        async leave() {
          if (!members.delete(member)) return;
          const given = held;
          held = [];
          await events.onRevoked(given, 'revoked');
        },
      };
      members.add(member);
      await events.onAssigned(held);
      return member;
    },
    async close() {
      for (const member of [...members]) await member.leave();
    },
  };
}
