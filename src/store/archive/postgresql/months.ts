import type { Database } from '../../ledger/postgresql/database.ts';
import { LOCK_SPACE } from '../../ledger/postgresql/migrate.ts';
import type { Session } from '../../ledger/postgresql/session.ts';

/** A month in UTC as the number of months since January of year 0. */
export const monthOf = (at: number): number => {
  const date = new Date(at);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
};

/** First instant of the month, epoch ms. */
const monthStart = (month: number): number =>
  new Date(0).setUTCFullYear(Math.floor(month / 12), month % 12, 1);

const tableOf = (month: number): string => {
  const year = Math.floor(month / 12);
  return `observations_${String(year).padStart(4, '0')}_${String((month % 12) + 1).padStart(2, '0')}`;
};

/** Months made before they are needed, so that no commit at midnight waits for a table. */
const MONTHS_AHEAD = 2;

/** Makes the partitions of `observations`, one per month in UTC. There is no default partition: nothing strays into it. */
export class Months {
  readonly #db: Database;
  readonly #schema: string;
  readonly #known = new Set<number>();

  constructor(db: Database, schema: string) {
    this.#db = db;
    this.#schema = schema;
  }

  /** Another process dropped or made partitions. */
  forget(): void {
    this.#known.clear();
  }

  /** The months of `instants`, and the present one and those after it. */
  async ensure(instants: Iterable<number>, now: number): Promise<void> {
    const wanted = new Set<number>();
    for (let ahead = 0; ahead <= MONTHS_AHEAD; ahead++) wanted.add(monthOf(now) + ahead);
    for (const at of instants) wanted.add(monthOf(at));
    const missing = [...wanted].filter((month) => !this.#known.has(month)).sort((a, b) => a - b);
    if (missing.length === 0) return;
    await this.#db.transaction(async (session) => {
      await lock(session, this.#schema);
      for (const month of missing) await make(session, month);
    });
    for (const month of missing) this.#known.add(month);
  }

  /**
   * Drops the partitions that end at or before `instant`, with one transaction; their hours, days and latest values stay.
   * Returns the names of the tables dropped.
   */
  async dropBefore(instant: number): Promise<readonly string[]> {
    const keptFrom = monthStart(monthOf(instant));
    const dropped = await this.#db.transaction(async (session) => {
      await lock(session, this.#schema);
      const tables = (
        await session.all(
          `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
           WHERE i.inhparent = 'observations'::regclass ORDER BY c.relname`,
        )
      ).map((row) => String(row.name));
      const old = tables.filter((name) => endOf(name) <= instant);
      await session.run('UPDATE retention SET kept_from = greatest(kept_from, $1)', keptFrom);
      for (const name of old) await session.run(`DROP TABLE ${name}`);
      return old;
    });
    this.forget();
    return dropped;
  }
}

/** End of a partition by its name; never for a table that is not ours. */
function endOf(name: string): number {
  const match = /^observations_(\d{4,6})_(\d\d)$/.exec(name);
  return match ? monthStart(Number(match[1]) * 12 + Number(match[2])) : Number.POSITIVE_INFINITY;
}

const lock = (session: Session, schema: string): Promise<unknown> =>
  session.run('SELECT pg_advisory_xact_lock($1, hashtext($2))', LOCK_SPACE, schema);

/** Attaching an empty table takes a lock that neither readers nor writers wait for; CREATE … PARTITION OF would stop both. */
async function make(session: Session, month: number): Promise<void> {
  const name = tableOf(month);
  const row = await session.get('SELECT to_regclass($1) IS NOT NULL AS there', name);
  if (row?.there) return;
  await session.run(`CREATE TABLE ${name} (LIKE observations INCLUDING ALL)`);
  await session.run(
    `ALTER TABLE observations ATTACH PARTITION ${name}
     FOR VALUES FROM (${monthStart(month)}) TO (${monthStart(month + 1)})`,
  );
}
