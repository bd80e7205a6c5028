import {
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBDoubleVector,
  VARCHAR,
} from '@duckdb/node-api';
import { invariant } from '../../../lib/errors.ts';
import type { PackedRows } from '../archive.ts';
import { arrivals, checks, flags, rowsIn, STRIDE } from '../packed.ts';
import { quote } from './queries.ts';

/** Rows of one DuckDB vector. */
const CHUNK_ROWS = 2048;
const columns = [
  'station',
  'quantity',
  'observed_at',
  'interval_ms',
  'received_at',
  'value',
  'flag',
  'arrival',
  'flagged_by',
];
const rowTypes = Array.from({ length: STRIDE + 1 }, () => DOUBLE);

/** The text of a small number, one of `words`. */
const word = (column: string, words: readonly string[]): string =>
  `CASE ${column} ${words.map((text, i) => `WHEN ${i} THEN ${quote(text)}`).join(' ')} END`;

/**
 * Adds the rows under `seq` from `firstSeq` on, inside the caller's transaction; returns the next free one. They come as
 * numbers and each name once: a text handed over for every row costs more than all else of a commit.
 */
export async function appendRows(
  connection: DuckDBConnection,
  parts: readonly PackedRows[],
  firstSeq: number,
): Promise<number> {
  const count = parts.reduce((sum, part) => sum + rowsIn(part), 0);
  if (count === 0) return firstSeq;
  await connection.run('CREATE OR REPLACE TEMP TABLE arrived_names (id DOUBLE, name VARCHAR)');
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE arrived (${['seq', ...columns].map((name) => `${name} DOUBLE`).join(', ')})`,
  );
  const bases = await appendNames(connection, parts);
  await appendNumbers(connection, parts, bases, firstSeq);
  await connection.run(`INSERT INTO observations
    SELECT seq, names[station::INTEGER + 1], names[quantity::INTEGER + 1], observed_at, interval_ms, received_at, value, ${word('flag', flags)}, ${word('arrival', arrivals)}, ${word('flagged_by', checks)}
    FROM arrived, (SELECT list(name ORDER BY id) AS names FROM arrived_names)`);
  await connection.run('DROP TABLE arrived');
  return firstSeq + count;
}

/** The names of all parts one after the other; returns where those of each part begin. */
async function appendNames(connection: DuckDBConnection, parts: readonly PackedRows[]): Promise<number[]> {
  const names: string[] = [];
  const bases = parts.map((part) => {
    const base = names.length;
    for (const name of part.names) names.push(name);
    return base;
  });
  const appender = await connection.createAppender('arrived_names');
  for (let from = 0; from < names.length; from += CHUNK_ROWS) {
    const some = names.slice(from, from + CHUNK_ROWS);
    const chunk = DuckDBDataChunk.create([DOUBLE, VARCHAR], some.length);
    chunk.setColumns([some.map((_, i) => from + i), some]);
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
  return bases;
}

/** Fills vector after vector: many small parts share one, a large one fills several. */
async function appendNumbers(
  connection: DuckDBConnection,
  parts: readonly PackedRows[],
  bases: readonly number[],
  firstSeq: number,
): Promise<void> {
  const appender = await connection.createAppender('arrived');
  const filled = Array.from({ length: STRIDE + 1 }, () => new Float64Array(CHUNK_ROWS));
  let rows = 0;
  let seq = firstSeq;
  const flush = (): void => {
    if (rows === 0) return;
    const chunk = DuckDBDataChunk.create(rowTypes, rows);
    filled.forEach((values, i) => {
      const vector = chunk.getColumnVector(i);
      invariant(vector instanceof DuckDBDoubleVector, 'a column of numbers is none');
      for (let row = 0; row < rows; row++) vector.setItem(row, values[row] as number);
      vector.flush();
    });
    appender.appendDataChunk(chunk);
    rows = 0;
  };
  for (const [index, { numbers }] of parts.entries()) {
    const base = bases[index] as number;
    for (let at = 0; at < numbers.length; at += STRIDE) {
      (filled[0] as Float64Array)[rows] = seq++;
      for (let field = 0; field < STRIDE; field++)
        (filled[field + 1] as Float64Array)[rows] = (numbers[at + field] as number) + (field < 2 ? base : 0);
      if (++rows === CHUNK_ROWS) flush();
    }
  }
  flush();
  appender.closeSync();
}
