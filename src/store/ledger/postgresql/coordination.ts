import { AtalaiaError } from '../../../lib/errors.ts';
import { type Coordination, endOf, type LeaseTable, MAX_LEASES, type OffsetIndex } from '../coordination.ts';
import { type Database, openDatabase } from './database.ts';
import { migrations, type PostgresqlOptions, withDefaults } from './ledger.ts';
import { migrate } from './migrate.ts';

/** Few connections of its own: a renewal must not wait behind the ledger's work. */
const CONNECTIONS = 2;
/** A renewal that takes longer comes too late; the next one tries again. */
const ANSWER_MS = 5000;
const RETRY_MS = 2000;

/**
 * Opens leases and places of streams in the schema of the ledger; tables are migrated as the ledger does. Leases end by
 * the server's `clock_timestamp()`. Rejects as `openPostgresLedger`.
 */
export async function openPostgresCoordination(options: PostgresqlOptions): Promise<Coordination> {
  const settings = {
    ...withDefaults(options, 'atalaia_ledger'),
    connections: CONNECTIONS,
    statementTimeoutMs: ANSWER_MS,
    retryMs: options.retryMs ?? RETRY_MS,
  };
  const db = await openDatabase(settings);
  try {
    await migrate(db, settings.schema, 'ledger', migrations);
  } catch (error) {
    await db.close();
    throw error;
  }
  return { leases: leaseTable(db), index: offsetIndex(db), close: () => db.close() };
}

const UNTIL = "clock_timestamp() + $1::float8 * interval '1 millisecond'";

/** Rows are locked in the order of their names, so that two calls never wait for each other in a circle. */
function leaseTable(db: Database): LeaseTable {
  return {
    async list(prefix) {
      const rows = await db.all(
        `SELECT name, owner, epoch, expires_at > clock_timestamp() AS live FROM leases
         WHERE name >= $1 AND name < $2 ORDER BY name LIMIT $3`,
        prefix,
        endOf(prefix),
        MAX_LEASES + 1,
      );
      if (rows.length > MAX_LEASES)
        throw new AtalaiaError(
          'ATL_STORE',
          `${db.place} has over ${MAX_LEASES} leases of ${prefix}. Remove rows of the table leases that belong to no process.`,
        );
      return rows.map((row) => ({
        name: String(row.name),
        owner: String(row.owner),
        epoch: Number(row.epoch),
        isLive: row.live === true,
      }));
    },
    async take(owner, names, ttlMs) {
      const rows = await db.all(
        `INSERT INTO leases (name, owner, epoch, expires_at)
         SELECT name, $2, 1, ${UNTIL} FROM unnest($3::text[]) AS name ORDER BY name COLLATE "C"
         ON CONFLICT (name) DO UPDATE SET
           owner = excluded.owner, epoch = leases.epoch + 1, expires_at = excluded.expires_at
         WHERE leases.expires_at <= clock_timestamp() OR leases.owner = excluded.owner
         RETURNING name, epoch`,
        ttlMs,
        owner,
        names,
      );
      return rows.map((row) => ({ name: String(row.name), epoch: Number(row.epoch) }));
    },
    async renew(owner, held, ttlMs) {
      const rows = await db.all(
        `WITH own AS (${OWN})
         UPDATE leases SET expires_at = ${UNTIL} FROM own WHERE leases.name = own.name RETURNING leases.name`,
        ttlMs,
        owner,
        held.map(({ name }) => name),
        held.map(({ epoch }) => epoch),
      );
      return rows.map(({ name }) => String(name));
    },
    async release(owner, held) {
      await db.run(
        `WITH own AS (${OWN})
         UPDATE leases SET owner = '', expires_at = to_timestamp($1::float8) FROM own WHERE leases.name = own.name`,
        0,
        owner,
        held.map(({ name }) => name),
        held.map(({ epoch }) => epoch),
      );
    },
    async forget(prefix) {
      await db.run(
        'DELETE FROM leases WHERE name >= $1 AND name < $2 AND expires_at <= clock_timestamp()',
        prefix,
        endOf(prefix),
      );
    },
  };
}

/** $2 owner, $3 names, $4 epochs. */
const OWN = `SELECT leases.name FROM leases
  JOIN unnest($3::text[], $4::bigint[]) AS held (name, epoch) ON leases.name = held.name AND leases.epoch = held.epoch
  WHERE leases.owner = $2 ORDER BY leases.name FOR UPDATE OF leases`;

function offsetIndex(db: Database): OffsetIndex {
  return {
    async list(prefix) {
      const rows = await db.all(
        'SELECT key, value FROM offset_index WHERE key >= $1 AND key < $2 ORDER BY key',
        prefix,
        endOf(prefix),
      );
      return rows.map(({ key, value }) => [String(key), String(value)] as const);
    },
    async insert(key, value) {
      // The update that changes nothing makes the row that another one has just inserted visible here.
      const row = await db.get(
        `INSERT INTO offset_index AS kept (key, value) VALUES ($1, $2)
         ON CONFLICT (key) DO UPDATE SET value = kept.value RETURNING value`,
        key,
        value,
      );
      return String(row?.value);
    },
    async set(entries) {
      const sorted = [...new Map(entries)].sort(([a], [b]) => (a < b ? -1 : 1));
      await db.run(
        `INSERT INTO offset_index (key, value) SELECT * FROM unnest($1::text[], $2::text[])
         ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
        sorted.map(([key]) => key),
        sorted.map(([, value]) => value),
      );
    },
    async remove(keys) {
      await db.run('DELETE FROM offset_index WHERE key = ANY ($1::text[])', keys);
    },
  };
}
