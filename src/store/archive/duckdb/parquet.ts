import { DuckDBInstance } from '@duckdb/node-api';
import { AtalaiaError } from '../../../lib/errors.ts';
import { quote } from './queries.ts';

/** One row of a Parquet file of readings, as it stands there. */
export interface ParquetRow {
  readonly station: string | null;
  /** RFC 3339. */
  readonly observedAt: string | null;
  readonly quantity: string | null;
  readonly value: number | null;
  readonly unit: string | null;
  readonly intervalMs: number | null;
  readonly receivedAt: string | null;
  readonly flag: string | null;
}

const required = ['station', 'observedAt', 'quantity', 'value'];
const DATABASE = { memory_limit: '512MB', threads: '2', autoinstall_known_extensions: 'false' };

/**
 * The rows of a Parquet file in the columns that `atalaia export --format parquet` writes: station, observedAt, quantity,
 * value and, where they are there, unit, intervalMs, receivedAt and flag; others are passed over. In the file's order.
 * @throws AtalaiaError ATL_INPUT when the file cannot be read, misses a column, or has times without a zone
 */
export async function* readParquet(path: string): AsyncGenerator<readonly ParquetRow[]> {
  const instance = await DuckDBInstance.create(':memory:', DATABASE);
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    const types = await columnTypes();
    const missing = required.filter((name) => !types.has(name));
    if (missing.length > 0)
      throw new AtalaiaError(
        'ATL_INPUT',
        `${path} has no column ${missing.join(', ')}; it has ${[...types.keys()].slice(0, 20).join(', ')}. Give it the columns station, observedAt, quantity, value, unit, intervalMs.`,
      );
    const text = (name: string): string => (types.has(name) ? `"${name}"::VARCHAR` : 'NULL::VARCHAR');
    const number = (name: string): string => (types.has(name) ? `"${name}"::DOUBLE` : 'NULL::DOUBLE');
    const columns = [
      text('station'),
      instant(path, 'observedAt', types.get('observedAt')),
      text('quantity'),
      number('value'),
      text('unit'),
      number('intervalMs'),
      instant(path, 'receivedAt', types.get('receivedAt')),
      text('flag'),
    ];
    const result = await connection.stream(`SELECT ${columns.join(', ')} FROM read_parquet(${quote(path)})`);
    for (;;) {
      const chunk = await result.fetchChunk();
      if (!chunk || chunk.rowCount === 0) return;
      yield chunk.getRows().map((cells) => rowOf(cells as readonly (string | number | null)[]));
    }
  } catch (cause) {
    if (cause instanceof AtalaiaError) throw cause;
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new AtalaiaError('ATL_INPUT', `${path} cannot be read as Parquet: ${reason}`, { cause });
  } finally {
    connection.closeSync();
    instance.closeSync();
  }

  async function columnTypes(): Promise<Map<string, string>> {
    const reader = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet(${quote(path)})`);
    return new Map(reader.getRows().map(([name, type]) => [String(name), String(type)]));
  }
}

/** A time as RFC 3339. One without a zone is refused: nobody knows which hour it means. */
function instant(path: string, name: string, type: string | undefined): string {
  if (type === undefined) return 'NULL::VARCHAR';
  if (type === 'VARCHAR') return `"${name}"`;
  if (type === 'TIMESTAMP WITH TIME ZONE') return `strftime("${name}", '%Y-%m-%dT%H:%M:%S.%gZ')`;
  throw new AtalaiaError(
    'ATL_INPUT',
    `${path}: the column ${name} is ${type}. Write it as a timestamp with time zone (adjusted to UTC), or as text like 2024-04-30T06:00:00Z.`,
  );
}

const rowOf = (cells: readonly (string | number | null)[]): ParquetRow => ({
  station: cells[0] as string | null,
  observedAt: cells[1] as string | null,
  quantity: cells[2] as string | null,
  value: cells[3] as number | null,
  unit: cells[4] as string | null,
  intervalMs: cells[5] as number | null,
  receivedAt: cells[6] as string | null,
  flag: cells[7] as string | null,
});
