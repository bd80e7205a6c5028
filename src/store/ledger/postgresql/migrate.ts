import { AtalaiaError } from '../../../lib/errors.ts';
import type { Database } from './database.ts';
import type { Session } from './session.ts';

/** First key of our advisory locks ("Atal" in ASCII); the second is the hash of the schema's name. */
export const LOCK_SPACE = 0x4174616c;
/** Another process may be building an index. */
const MIGRATION_LOCK_MS = 120_000;
const OLDEST_SERVER = 150_000;

/**
 * Brings the tables of `schema` to the newest version: each migration in a transaction of its own together with its
 * number, one process at a time by an advisory lock. Rejects with ATL_STORE_VERSION when the tables are newer than we
 * are, ATL_CONFIG when the server is too old or set to lose what it acknowledged.
 */
export async function migrate(
  db: Database,
  schema: string,
  what: 'ledger' | 'archive',
  migrations: readonly string[],
): Promise<void> {
  await checkServer(db);
  let version = await versionOf(db);
  refuseNewer(version, migrations.length, db.place, what);
  while (version < migrations.length) {
    version = await db.transaction(async (session) => {
      await session.run(`SET LOCAL lock_timeout = ${MIGRATION_LOCK_MS}`);
      await session.run('SET LOCAL statement_timeout = 0');
      await session.run('SELECT pg_advisory_xact_lock($1, hashtext($2))', LOCK_SPACE, schema);
      await session.run(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
      await session.run(
        'CREATE TABLE IF NOT EXISTS schema_version (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
      );
      // Read again under the lock: another process may have migrated meanwhile.
      const held = await versionOf(session);
      refuseNewer(held, migrations.length, db.place, what);
      const sql = migrations[held];
      if (sql === undefined) return held;
      await session.run(sql);
      await session.run('INSERT INTO schema_version (version) VALUES ($1)', held + 1);
      return held + 1;
    });
  }
}

async function checkServer(db: Database): Promise<void> {
  const row = await db.get(`SELECT current_setting('server_version_num')::int AS version,
    current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit, current_setting('server_encoding') AS encoding`);
  const refuse = (text: string): never => {
    throw new AtalaiaError('ATL_CONFIG', `${db.place}: ${text}`);
  };
  if (Number(row?.version) < OLDEST_SERVER) refuse('PostgreSQL 15 or newer is needed. Update the server.');
  if (row?.encoding !== 'UTF8')
    refuse(`the database is encoded in ${row?.encoding}. Create it with ENCODING 'UTF8'.`);
  for (const [name, value] of [
    ['fsync', row?.fsync],
    ['synchronous_commit', row?.commit],
  ]) {
    if (value === 'off')
      refuse(
        `${name} is off: a crash would lose alerts that were acknowledged. Set it on for this database.`,
      );
  }
}

async function versionOf(session: Pick<Session, 'get'>): Promise<number> {
  const there = await session.get("SELECT to_regclass('schema_version') IS NOT NULL AS there");
  if (!there?.there) return 0;
  const row = await session.get('SELECT coalesce(max(version), 0) AS version FROM schema_version');
  return Number(row?.version);
}

function refuseNewer(version: number, known: number, place: string, what: string): void {
  if (version <= known) return;
  throw new AtalaiaError(
    'ATL_STORE_VERSION',
    `The ${what} in ${place} has schema version ${version}; this program knows versions up to ${known}. ` +
      'Start the newer program, or restore a backup made by this version.',
  );
}
