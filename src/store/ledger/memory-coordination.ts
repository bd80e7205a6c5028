import type { Clock } from '../../lib/clock.ts';
import type { Coordination, HeldLease, LeaseTable, OffsetIndex } from './coordination.ts';

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

/** Leases and places that end with the process, for simulations and tests; `clock` stands for the database's. */
export function memoryCoordination(clock: Pick<Clock, 'now'>): Coordination {
  return { leases: memoryLeases(clock), index: memoryIndex(), close: async () => undefined };
}

function memoryLeases(clock: Pick<Clock, 'now'>): LeaseTable {
  const rows = new Map<string, { readonly owner: string; readonly epoch: number; readonly until: number }>();
  const isLive = ({ until }: { readonly until: number }): boolean => until > clock.now();
  const own = (owner: string, { name, epoch }: HeldLease): boolean => {
    const row = rows.get(name);
    return row?.owner === owner && row.epoch === epoch;
  };
  return {
    list: async (prefix) =>
      [...rows]
        .filter(([name]) => name.startsWith(prefix))
        .sort(byKey)
        .map(([name, row]) => ({ name, owner: row.owner, epoch: row.epoch, isLive: isLive(row) })),
    async take(owner, names, ttlMs) {
      const got: HeldLease[] = [];
      for (const name of names) {
        const row = rows.get(name);
        if (row && isLive(row) && row.owner !== owner) continue;
        const epoch = (row?.epoch ?? 0) + 1;
        rows.set(name, { owner, epoch, until: clock.now() + ttlMs });
        got.push({ name, epoch });
      }
      return got;
    },
    async renew(owner, held, ttlMs) {
      const kept = held.filter((lease) => own(owner, lease));
      for (const { name, epoch } of kept) rows.set(name, { owner, epoch, until: clock.now() + ttlMs });
      return kept.map(({ name }) => name);
    },
    async release(owner, held) {
      for (const lease of held)
        if (own(owner, lease))
          rows.set(lease.name, { owner: '', epoch: lease.epoch, until: Number.NEGATIVE_INFINITY });
    },
    async forget(prefix) {
      for (const [name, row] of rows) if (name.startsWith(prefix) && !isLive(row)) rows.delete(name);
    },
  };
}

function memoryIndex(): OffsetIndex {
  const map = new Map<string, string>();
  return {
    list: async (prefix) => [...map].filter(([key]) => key.startsWith(prefix)).sort(byKey),
    async insert(key, value) {
      const kept = map.get(key) ?? value;
      map.set(key, kept);
      return kept;
    },
    async set(entries) {
      for (const [key, value] of entries) map.set(key, value);
    },
    async remove(keys) {
      for (const key of keys) map.delete(key);
    },
  };
}
