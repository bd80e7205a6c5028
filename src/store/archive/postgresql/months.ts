import type { Database } from '../../ledger/postgresql/database.ts';
import { LOCK_SPACE } from '../../ledger/postgresql/migrate.ts';
import type { Session } from '../../ledger/postgresql/session.ts';
import type { ArchiveMonth, Dropped } from '../archive.ts';

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

  /** The months that hold readings, oldest first. */
  async list(): Promise<readonly ArchiveMonth[]> {
    const keptFrom = Number((await this.#db.get('SELECT kept_from FROM retention'))?.kept_from);
    const found: ArchiveMonth[] = [];
    for (const name of await tables(this.#db)) {
      const { rows, mark } = await markOf(this.#db, name);
      const month = monthStart(startOf(name));
      if (rows > 0) found.push({ month, mark, isWhole: month >= keptFrom });
    }
    return found;
  }

  /**
   * Drops the partitions that end at or before `instant`, with one transaction; their hours, days and latest values stay.
   * With `marks`, up to the first month whose mark is not the one given.
   */
  async dropBefore(instant: number, marks?: ReadonlyMap<number, string>): Promise<Dropped> {
    const dropped = await this.#db.transaction(async (session) => {
      await lock(session, this.#schema);
      const months: number[] = [];
      let rows = 0;
      let keptFrom = monthStart(monthOf(instant));
      for (const name of await tables(session)) {
        const start = monthStart(startOf(name));
        if (monthStart(startOf(name) + 1) > instant) break;
        // Readers go on; nobody writes between the count and the end.
        await session.run(`LOCK TABLE ${name} IN SHARE MODE`);
        const found = await markOf(session, name);
        if (found.rows > 0 && marks !== undefined && marks.get(start) !== found.mark) {
          keptFrom = start;
          break;
        }
        await session.run(`DROP TABLE ${name}`);
        if (found.rows > 0) months.push(start);
        rows += found.rows;
      }
      await session.run('UPDATE retention SET kept_from = greatest(kept_from, $1)', keptFrom);
      return { months, rows };
    });
    this.forget();
    return dropped;
  }
}

/** Our partitions, oldest first. */
async function tables(db: Pick<Session, 'all'>): Promise<readonly string[]> {
  const rows = await db.all(
    `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'observations'::regclass`,
  );
  return rows
    .map((row) => String(row.name))
    .filter((name) => Number.isFinite(startOf(name)))
    .sort((a, b) => startOf(a) - startOf(b));
}

/** The key is in every row's hash, so no two rows cancel. */
async function markOf(
  db: Pick<Session, 'get'>,
  table: string,
): Promise<{ readonly rows: number; readonly mark: string }> {
  const row = await db.get(
    `SELECT count(*) AS n, coalesce(bit_xor(hash_record_extended(o, 0)), 0)::text AS mark FROM ${table} AS o`,
  );
  return { rows: Number(row?.n), mark: `${row?.n}-${row?.mark}` };
}

/** Number of a partition's month by its name; not a number for a table that is not ours. */
function startOf(name: string): number {
  const match = /^observations_(\d{4,6})_(\d\d)$/.exec(name);
  return match ? Number(match[1]) * 12 + Number(match[2]) - 1 : Number.NaN;
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
