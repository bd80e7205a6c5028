import { BIGINT, type DuckDBConnection, DuckDBDataChunk, VARCHAR } from '@duckdb/node-api';
import { AtalaiaError, invariant } from '../../../lib/errors.ts';
import { DAY_MS, HOUR_MS } from '../../../model/time.ts';
import { arrivals, flags, type PackedRows, rowsIn, STRIDE } from '../packed.ts';
import type { PackedBatch } from './protocol.ts';

export interface Position {
  readonly partition: number;
  readonly epoch: number;
  readonly offset: number;
}
export interface CommitPlan {
  readonly positions: readonly Position[];
  readonly batches: readonly PackedBatch[];
}

/** Rows of one DuckDB vector. */
const CHUNK_ROWS = 2048;
/** Runs of hours recomputed one by one; more are recomputed as one range. */
const MAX_RUNS = 8;
const columnTypes = [BIGINT, VARCHAR, VARCHAR, BIGINT, BIGINT, BIGINT, BIGINT, VARCHAR, VARCHAR];

/**
 * Decides what of the batches is new, before anything is written. Throws ATL_FENCED when a batch has an older epoch than
 * the partition, or does not start exactly at its position (batches wholly at or below it are skipped).
 */
export function planCommit(
  stored: ReadonlyMap<number, Position>,
  batches: readonly PackedBatch[],
): CommitPlan {
  const positions = new Map<number, Position>();
  const accepted: PackedBatch[] = [];
  for (const batch of batches) {
    const { partition, epoch, from, to } = batch;
    invariant(
      [partition, epoch, from, to].every(Number.isSafeInteger) && from <= to,
      `archive batch [${from}, ${to}) of partition ${partition} is no range`,
    );
    const held = positions.get(partition) ?? stored.get(partition) ?? { partition, epoch, offset: 0 };
    refuseOlder(held, epoch);
    if (to <= held.offset) {
      if (epoch > held.epoch) positions.set(partition, { ...held, epoch });
      continue;
    }
    if (from !== held.offset) {
      throw new AtalaiaError(
        'ATL_FENCED',
        `The archive holds partition ${partition} up to ${held.offset}; batch [${from}, ${to}) does not start there. Fold again from ${held.offset}.`,
      );
    }
    positions.set(partition, { partition, epoch, offset: to });
    if (hasRows(batch)) accepted.push(batch);
  }
  return { positions: [...positions.values()], batches: accepted };
}

/** Decides what a commit of effects alone writes: everything, when no batch has an older epoch than its partition. */
export function planEffects(
  stored: ReadonlyMap<number, Position>,
  batches: readonly PackedBatch[],
): CommitPlan {
  for (const { partition, epoch } of batches) {
    const held = stored.get(partition);
    if (held) refuseOlder(held, epoch);
  }
  return { positions: [], batches: batches.filter(hasRows) };
}

const hasRows = ({ parts }: PackedBatch): boolean => parts.some((part) => rowsIn(part) > 0);

function refuseOlder(held: Position, epoch: number): void {
  if (epoch >= held.epoch) return;
  throw new AtalaiaError(
    'ATL_FENCED',
    `Partition ${held.partition} of the archive is held under epoch ${held.epoch}; a batch of epoch ${epoch} is refused. Stop folding it here: another worker took it over.`,
  );
}

/** Writes rows, latest values, aggregates and positions inside the caller's transaction; returns the next free `seq`. */
export async function writeCommit(
  connection: DuckDBConnection,
  plan: CommitPlan,
  firstSeq: number,
): Promise<number> {
  const nextSeq = await append(connection, plan.batches, firstSeq);
  if (nextSeq > firstSeq) {
    await upsertLatest(connection, firstSeq);
    for (const run of await touchedRuns(connection, firstSeq)) await recompute(connection, run);
  }
  if (plan.positions.length === 0) return nextSeq;
  const rows = plan.positions.map((p) => `(${p.partition}, ${p.epoch}, ${p.offset})`).join(', ');
  await connection.run(
    `INSERT INTO positions VALUES ${rows} ON CONFLICT ("partition") DO UPDATE SET epoch = excluded.epoch, "offset" = excluded."offset"`,
  );
  return nextSeq;
}

async function append(
  connection: DuckDBConnection,
  batches: readonly PackedBatch[],
  firstSeq: number,
): Promise<number> {
  let seq = firstSeq;
  if (batches.length === 0) return seq;
  const appender = await connection.createAppender('observations');
  for (const slices of chunksOf(batches.flatMap(({ parts }) => parts))) {
    const count = slices.reduce((sum, slice) => sum + slice.count, 0);
    const chunk = DuckDBDataChunk.create(columnTypes, count);
    chunk.setColumns(columnsOf(slices, count, seq));
    appender.appendDataChunk(chunk);
    seq += count;
  }
  appender.closeSync();
  return seq;
}

/** Rows of one part, from `start` on. */
interface Slice {
  readonly part: PackedRows;
  readonly start: number;
  readonly count: number;
}

/** Cuts the rows into full vectors: many small parts share one, a large one fills several. */
function chunksOf(parts: readonly PackedRows[]): Slice[][] {
  const chunks: Slice[][] = [];
  let room = 0;
  for (const part of parts) {
    const rows = rowsIn(part);
    for (let start = 0; start < rows; ) {
      if (room === 0) {
        chunks.push([]);
        room = CHUNK_ROWS;
      }
      const count = Math.min(room, rows - start);
      chunks.at(-1)?.push({ part, start, count });
      start += count;
      room -= count;
    }
  }
  return chunks;
}

function columnsOf(slices: readonly Slice[], count: number, seq: number): (bigint | string)[][] {
  const column = <T>(value: (part: PackedRows, at: number) => T, field: number): T[] => {
    const values = new Array<T>(count);
    let row = 0;
    for (const { part, start, count: rows } of slices)
      for (let i = 0; i < rows; i++) values[row++] = value(part, (start + i) * STRIDE + field);
    return values;
  };
  const integers = (field: number): bigint[] =>
    column(({ numbers }, at) => BigInt(numbers[at] as number), field);
  const texts = (field: number, words?: readonly string[]): string[] =>
    column(({ names, numbers }, at) => (words ?? names)[numbers[at] as number] as string, field);
  return [
    Array.from({ length: count }, (_, row) => BigInt(seq + row)),
    texts(0),
    texts(1),
    integers(2),
    integers(3),
    integers(4),
    integers(5),
    texts(6, flags),
    texts(7, arrivals),
  ];
}

/** The newest by `observedAt`, then by arrival; a stored value gives way to one as new or newer. */
const upsertLatest = (connection: DuckDBConnection, firstSeq: number): Promise<unknown> =>
  connection.run(`INSERT INTO latest
    SELECT station, quantity, observed_at, interval_ms, received_at, value, flag FROM observations WHERE seq >= ${firstSeq}
    QUALIFY row_number() OVER (PARTITION BY station, quantity ORDER BY observed_at DESC, seq DESC) = 1
    ON CONFLICT (station, quantity) DO UPDATE SET observed_at = excluded.observed_at, interval_ms = excluded.interval_ms,
      received_at = excluded.received_at, value = excluded.value, flag = excluded.flag
    WHERE excluded.observed_at >= latest.observed_at`);

interface Run {
  readonly from: number;
  readonly to: number;
}

/** Rounds down in integers, before 1970 too (`%` keeps the sign). */
const floorTo = (column: string, ms: number): string => `(${column} - (${column} % ${ms} + ${ms}) % ${ms})`;

/** A reading belongs to the span (start, start + length] that holds its `observedAt`, the end of its interval. */
const spanStart = (column: string, ms: number): string => floorTo(`(${column} - 1)`, ms);

/** The touched hours as runs without a break, so that one late report does not make us scan all time since. */
async function touchedRuns(connection: DuckDBConnection, firstSeq: number): Promise<readonly Run[]> {
  await connection.run(`CREATE OR REPLACE TEMP TABLE touched AS
    SELECT DISTINCT station, quantity, ${spanStart('observed_at', HOUR_MS)} AS hour FROM observations WHERE seq >= ${firstSeq}`);
  const reader = await connection.runAndReadAll(
    'SELECT DISTINCT hour::DOUBLE AS hour FROM touched ORDER BY hour',
  );
  const runs: { from: number; to: number }[] = [];
  for (const [hour] of reader.getRows() as [number][]) {
    const last = runs.at(-1);
    if (last && (hour === last.to || runs.length >= MAX_RUNS)) last.to = hour + HOUR_MS;
    else runs.push({ from: hour, to: hour + HOUR_MS });
  }
  return runs;
}

/** Recomputes the touched (station, quantity, hour) from the observations and the touched days from the hours. */
async function recompute(connection: DuckDBConnection, run: Run): Promise<void> {
  const inRun = `observed_at > ${run.from} AND observed_at <= ${run.to}`;
  const touched = `SELECT station, quantity, hour FROM touched WHERE hour >= ${run.from} AND hour < ${run.to}`;
  await connection.run(`MERGE INTO hourly AS target USING (
      SELECT r.station, r.quantity, ${spanStart('r.observed_at', HOUR_MS)} AS hour,
        coalesce(sum(r.value) FILTER (r.flag <> 'bad'), 0)::BIGINT AS sum,
        min(r.value) FILTER (r.flag <> 'bad') AS min, max(r.value) FILTER (r.flag <> 'bad') AS max,
        count(*) FILTER (r.flag <> 'bad') AS count,
        coalesce(sum(r.interval_ms) FILTER (r.flag <> 'bad'), 0)::BIGINT AS covered_ms
      FROM (SELECT * FROM readings WHERE ${inRun}) AS r
      SEMI JOIN (${touched}) AS t
        ON t.station = r.station AND t.quantity = r.quantity AND t.hour = ${spanStart('r.observed_at', HOUR_MS)}
      GROUP BY ALL) AS source
    ON target.station = source.station AND target.quantity = source.quantity AND target.hour = source.hour
      AND target.hour >= ${run.from} AND target.hour < ${run.to}
    ${mergeActions('hour')}`);
  const day = (column: string): string => floorTo(column, DAY_MS);
  const fromDay = Math.floor(run.from / DAY_MS) * DAY_MS;
  const toDay = Math.ceil(run.to / DAY_MS) * DAY_MS;
  await connection.run(`MERGE INTO daily AS target USING (
      SELECT t.station, t.quantity, t.day, coalesce(sum(h.sum), 0)::BIGINT AS sum, min(h.min) AS min, max(h.max) AS max,
        coalesce(sum(h.count), 0)::BIGINT AS count, coalesce(sum(h.covered_ms), 0)::BIGINT AS covered_ms
      FROM (SELECT DISTINCT station, quantity, ${day('hour')} AS day FROM (${touched})) AS t
      LEFT JOIN (SELECT * FROM hourly WHERE hour >= ${fromDay} AND hour < ${toDay}) AS h
        ON h.station = t.station AND h.quantity = t.quantity AND ${day('h.hour')} = t.day
      GROUP BY ALL) AS source
    ON target.station = source.station AND target.quantity = source.quantity AND target.day = source.day
      AND target.day >= ${fromDay} AND target.day < ${toDay}
    ${mergeActions('day')}`);
}

/** A span whose usable readings were all withdrawn loses its row. */
const mergeActions = (span: string): string => `
    WHEN MATCHED AND source.count = 0 THEN DELETE
    WHEN MATCHED THEN UPDATE SET sum = source.sum, min = source.min, max = source.max, count = source.count, covered_ms = source.covered_ms
    WHEN NOT MATCHED AND source.count > 0 THEN INSERT (station, quantity, ${span}, sum, min, max, count, covered_ms)
      VALUES (source.station, source.quantity, source.${span}, source.sum, source.min, source.max, source.count, source.covered_ms)`;
