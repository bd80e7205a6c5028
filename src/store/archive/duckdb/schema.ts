import type { DuckDBConnection } from '@duckdb/node-api';
import { AtalaiaError } from '../../../lib/errors.ts';

/** Version of the tables below; docs/formats/archive.md describes them. */
export const SCHEMA_VERSION = 5;

const newest = (column: string): string => `arg_max(${column}, seq) AS ${column}`;

/** One entry per version, applied in order inside one transaction each. Instants are epoch ms, values scaled integers. */
const migrations: readonly (readonly string[])[] = [
  [
    `CREATE TABLE observations (
      seq BIGINT NOT NULL, station VARCHAR NOT NULL, quantity VARCHAR NOT NULL, observed_at BIGINT NOT NULL,
      interval_ms BIGINT NOT NULL, received_at BIGINT NOT NULL, value BIGINT NOT NULL, flag VARCHAR NOT NULL,
      arrival VARCHAR NOT NULL)`,
    // Grouping by the key lets DuckDB push filters on it down to the scan.
    `CREATE VIEW readings AS SELECT station, quantity, observed_at, interval_ms, ${newest('received_at')},
      ${newest('value')}, ${newest('flag')}, ${newest('arrival')}
      FROM observations GROUP BY station, quantity, observed_at, interval_ms`,
    `CREATE TABLE latest (
      station VARCHAR, quantity VARCHAR, observed_at BIGINT NOT NULL, interval_ms BIGINT NOT NULL,
      received_at BIGINT NOT NULL, value BIGINT NOT NULL, flag VARCHAR NOT NULL, PRIMARY KEY (station, quantity))`,
    ...['hour', 'day'].map(
      (span) => `CREATE TABLE ${span === 'hour' ? 'hourly' : 'daily'} (
      station VARCHAR NOT NULL, quantity VARCHAR NOT NULL, ${span} BIGINT NOT NULL, sum BIGINT NOT NULL,
      min BIGINT NOT NULL, max BIGINT NOT NULL, count BIGINT NOT NULL, covered_ms BIGINT NOT NULL)`,
    ),
    'CREATE TABLE positions ("partition" BIGINT PRIMARY KEY, epoch BIGINT NOT NULL, "offset" BIGINT NOT NULL)',
  ],
  // Version 1 brought latest values, hours and days up with every commit.
  ['CREATE TABLE summarised AS SELECT (coalesce(max(seq), 0) + 1)::BIGINT AS up_to FROM observations'],
  // The check that flagged a reading; empty where it is good, for arg_max passes NULL over.
  [
    "ALTER TABLE observations ADD COLUMN flagged_by VARCHAR DEFAULT ''",
    "ALTER TABLE latest ADD COLUMN flagged_by VARCHAR DEFAULT ''",
    `CREATE OR REPLACE VIEW readings AS SELECT station, quantity, observed_at, interval_ms, ${newest('received_at')},
      ${newest('value')}, ${newest('flag')}, ${newest('arrival')}, ${newest('flagged_by')}
      FROM observations GROUP BY station, quantity, observed_at, interval_ms`,
  ],
  // Observations before this instant were dropped: their hours stand as they were and are not computed again.
  [`CREATE TABLE retention AS SELECT (${Number.MIN_SAFE_INTEGER})::BIGINT AS kept_from`],
  // What neighbours say of an hour, beside the readings that it is about (`from_at`, `to_at`].
  [
    `CREATE TABLE marks (
      station VARCHAR NOT NULL, quantity VARCHAR NOT NULL, from_at BIGINT NOT NULL, to_at BIGINT NOT NULL,
      "check" VARCHAR NOT NULL, value BIGINT NOT NULL)`,
  ],
];

/** Brings the schema to {@link SCHEMA_VERSION}. Rejects with ATL_STORE_VERSION when the file is newer than we are. */
export async function migrate(connection: DuckDBConnection, path: string): Promise<void> {
  await connection.run('CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)');
  const reader = await connection.runAndReadAll(
    'SELECT coalesce(max(version), 0)::DOUBLE FROM schema_version',
  );
  const version = Number(reader.getRows()[0]?.[0] ?? 0);
  if (version > SCHEMA_VERSION) {
    throw new AtalaiaError(
      'ATL_STORE_VERSION',
      `Archive ${path} has schema version ${version}, this Atalaia knows ${SCHEMA_VERSION}. Update Atalaia, or restore the backup made before the update.`,
    );
  }
  for (let next = version; next < SCHEMA_VERSION; next++) {
    await connection.run('BEGIN');
    for (const statement of migrations[next] ?? []) await connection.run(statement);
    await connection.run(`INSERT INTO schema_version VALUES (${next + 1})`);
    await connection.run('COMMIT');
  }
}
