import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, LIST, listValue, VARCHAR } from '@duckdb/node-api';
import { AtalaiaError } from '../../../lib/errors.ts';
import { quote } from './queries.ts';

export interface LakeCut {
  /** What {@link import('../archive.ts').Archive.export} wrote of one month. */
  readonly source: string;
  readonly format: 'parquet' | 'csv';
  /** Parquet files of the lake whose rows stay unless the source has their key, as retention took those of the archive. */
  readonly earlier: readonly string[];
  /** Region of each station; one that is not here has none. */
  readonly regions: ReadonlyMap<string, string>;
  /** An existing folder for the files made and what does not fit in memory. */
  readonly folder: string;
}
export interface LakePart {
  /** Null for stations that the registry does not know. */
  readonly region: string | null;
  readonly path: string;
  readonly rows: number;
}

const columns = {
  station: 'VARCHAR',
  quantity: 'VARCHAR',
  observedAt: 'TIMESTAMPTZ',
  intervalMs: 'BIGINT',
  receivedAt: 'TIMESTAMPTZ',
  value: 'DOUBLE',
  unit: 'VARCHAR',
  flag: 'VARCHAR',
  arrival: 'VARCHAR',
  check: 'VARCHAR',
};
const names = Object.keys(columns)
  .map((name) => `"${name}"`)
  .join(', ');
const key = 'station, quantity, "observedAt", "intervalMs"';

/**
 * Cuts the export of a month into one Parquet file per region, sorted by station, quantity and time. One thread and a whole
 * order: the same rows make the same bytes.
 */
export async function cutByRegion(cut: LakeCut): Promise<readonly LakePart[]> {
  const { folder } = cut;
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: '512MB',
    threads: '1',
    temp_directory: join(folder, 'spill'),
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    await loadMonth(connection, cut);
    const found = await connection.runAndReadAll('SELECT DISTINCT region FROM month ORDER BY region');
    const parts: LakePart[] = [];
    for (const [index, [region]] of (found.getRows() as [string | null][]).entries()) {
      const path = join(folder, `${index}.parquet`);
      const here = region === null ? 'region IS NULL' : `region = ${quote(region)}`;
      const { rowsChanged } = await connection.run(
        `COPY (SELECT ${names} FROM month WHERE ${here} ORDER BY ${key}) TO ${quote(path)} (FORMAT parquet, COMPRESSION zstd)`,
      );
      parts.push({ region, path, rows: rowsChanged });
    }
    return parts;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new AtalaiaError(
      'ATL_STORE',
      `A month of the lake cannot be written in ${folder}: ${reason}. Check that it is writable and has space.`,
      { cause },
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** The table `month`, region by region. */
async function loadMonth(
  connection: DuckDBConnection,
  { source, format, earlier, regions }: LakeCut,
): Promise<void> {
  await connection.run(
    'CREATE TABLE places AS SELECT unnest($ids) AS station, unnest($regions) AS region',
    { ids: listValue([...regions.keys()]), regions: listValue([...regions.values()]) },
    { ids: LIST(VARCHAR), regions: LIST(VARCHAR) },
  );
  const types = Object.entries(columns)
    .map(([name, type]) => `'${name}': '${type}'`)
    .join(', ');
  const read =
    format === 'parquet'
      ? `read_parquet(${quote(source)})`
      : `read_csv(${quote(source)}, header = true, delim = ',', quote = '"', escape = '"', columns = {${types}})`;
  const files = earlier.map(quote).join(', ');
  const rows =
    earlier.length === 0
      ? `SELECT ${names} FROM ${read}`
      : `SELECT ${names} FROM (SELECT ${names}, 1 AS age FROM ${read}
          UNION ALL SELECT ${names}, 2 FROM read_parquet([${files}], hive_partitioning = false))
        QUALIFY row_number() OVER (PARTITION BY ${key} ORDER BY age) = 1`;
  await connection.run(
    `CREATE TABLE month AS SELECT r.*, p.region FROM (${rows}) AS r LEFT JOIN places AS p USING (station) ORDER BY p.region`,
  );
}
