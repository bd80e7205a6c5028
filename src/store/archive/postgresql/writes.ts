import type { Observation } from '../../../model/observation.ts';
import { sqlStateOf } from '../../ledger/postgresql/failures.ts';
import { type Row, type Session, withoutNul } from '../../ledger/postgresql/session.ts';
import type { ArchiveBatch } from '../archive.ts';
import { type ArchivePosition, fenceEffects, planBatches } from '../fence.ts';
import { updateHours } from './hours.ts';

const UNIQUE_VIOLATION = '23505';
const LINES_BYTES = 1 << 16;
const columns = 'station, quantity, observed_at, interval_ms, received_at, value, flag, arrival, flagged_by';

/** Writes what is new of the batches: rows, latest values, aggregates and positions, inside the caller's transaction. */
export async function writeBatches(session: Session, batches: readonly ArchiveBatch[]): Promise<void> {
  const { stored, keptFrom } = await lockPositions(session, batches);
  const { positions, accepted } = planBatches(stored, batches);
  if (positions.length === 0) return;
  await writeObservations(session, accepted, keptFrom);
  await session.run(
    `UPDATE positions AS p SET epoch = m.epoch, "offset" = m."offset"
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS m (partition, epoch, "offset")
     WHERE p.partition = m.partition`,
    positions.map(({ partition }) => partition),
    positions.map(({ epoch }) => epoch),
    positions.map(({ offset }) => offset),
  );
}

/** The same without positions, fenced by the epoch alone. Given again, a row takes the place of its like. */
export async function writeEffects(session: Session, batches: readonly ArchiveBatch[]): Promise<void> {
  const { stored, keptFrom } = await lockPositions(session, batches);
  fenceEffects(stored, batches);
  await writeObservations(session, batches, keptFrom);
}

async function writeObservations(
  session: Session,
  accepted: readonly ArchiveBatch[],
  keptFrom: number,
): Promise<void> {
  // Of several values of one key the last counts.
  const byKey = new Map<string, Observation>();
  for (const { observations } of accepted) {
    for (const o of observations)
      byKey.set(`${o.station}\t${o.quantity}\t${o.observedAt}\t${o.intervalMs}`, o);
  }
  if (byKey.size > 0) {
    const rows = [...byKey.values()];
    const mayReplace = await writeRows(session, rows);
    await upsertLatest(session, accepted);
    await updateHours(session, rows, { keptFrom, mayReplace });
  }
}

/** Row locks in the order of partitions: two commits never wait for each other in a ring. */
async function lockPositions(
  session: Session,
  batches: readonly ArchiveBatch[],
): Promise<{ stored: ReadonlyMap<number, ArchivePosition>; keptFrom: number }> {
  const partitions = [...new Set(batches.map(({ partition }) => partition))].sort((a, b) => a - b);
  await session.run(
    `INSERT INTO positions (partition, epoch, "offset") SELECT partition, 0, 0
     FROM unnest($1::bigint[]) AS t (partition) ORDER BY partition ON CONFLICT DO NOTHING`,
    partitions,
  );
  const rows = await session.all(
    `SELECT *, (SELECT kept_from FROM retention) AS kept_from FROM positions
     WHERE partition = ANY($1::bigint[]) ORDER BY partition FOR UPDATE`,
    partitions,
  );
  const stored = new Map(rows.map((row) => [Number(row.partition), toPosition(row)]));
  return { stored, keptFrom: Number(rows[0]?.kept_from) };
}

export const toPosition = (row: Row): ArchivePosition => ({
  partition: Number(row.partition),
  epoch: Number(row.epoch),
  offset: Number(row.offset),
});

/**
 * What arrived on time is new (the fold takes out repeats) and goes straight in; corrections and late arrivals, which may
 * replace a row, go by a temporary table. Returns whether a row may have been replaced.
 */
async function writeRows(session: Session, rows: readonly Observation[]): Promise<boolean> {
  const onTime = rows.filter(({ arrival }) => arrival === 'on-time');
  const others = rows.filter(({ arrival }) => arrival !== 'on-time');
  if (onTime.length > 0 && !(await tryCopy(session, onTime))) others.push(...onTime);
  if (others.length === 0) return false;
  await session.run('CREATE TEMP TABLE IF NOT EXISTS incoming (LIKE observations) ON COMMIT DELETE ROWS');
  await session.copyIn(`COPY incoming (${columns}) FROM STDIN`, copyLines(others));
  await session.run(
    `INSERT INTO observations SELECT * FROM incoming
     ON CONFLICT (station, observed_at, quantity, interval_ms) DO UPDATE SET received_at = excluded.received_at,
       value = excluded.value, flag = excluded.flag, arrival = excluded.arrival,
       flagged_by = excluded.flagged_by`,
  );
  return true;
}

/** False when one of the rows is there already; then none was written. */
async function tryCopy(session: Session, rows: readonly Observation[]): Promise<boolean> {
  await session.run('SAVEPOINT rows');
  try {
    await session.copyIn(`COPY observations (${columns}) FROM STDIN`, copyLines(rows));
    await session.run('RELEASE SAVEPOINT rows');
    return true;
  } catch (error) {
    if (sqlStateOf(error) !== UNIQUE_VIOLATION) throw error;
    await session.run('ROLLBACK TO SAVEPOINT rows');
    return false;
  }
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };
/** A text in the text format of COPY. */
export const copyText = (text: string): string =>
  withoutNul(text).replace(/[\\\t\n\r]/g, (character) => escapes[character] as string);

/** The rows in the text format of COPY, in pieces of about 64 KiB. */
export function* copyLines(rows: readonly Observation[]): Generator<string> {
  let text = '';
  for (const o of rows) {
    text += `${copyText(o.station)}\t${copyText(o.quantity)}\t${o.observedAt}\t${o.intervalMs}\t${o.receivedAt}\t${o.value}\t${o.flag}\t${o.arrival}\t${o.check ?? ''}\n`;
    if (text.length < LINES_BYTES) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

/** The newest by `observedAt`, then by arrival; a stored value gives way to one as new or newer. */
async function upsertLatest(session: Session, batches: readonly ArchiveBatch[]): Promise<void> {
  const newest = new Map<string, Observation>();
  for (const { observations } of batches) {
    for (const o of observations) {
      const key = `${o.station}\t${o.quantity}`;
      const held = newest.get(key);
      if (!held || o.observedAt >= held.observedAt) newest.set(key, o);
    }
  }
  // Sorted, so that two writers take their row locks in one order.
  const rows = [...newest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, o]) => o);
  await session.run(
    `INSERT INTO latest AS l (station, quantity, observed_at, interval_ms, received_at, value, flag, flagged_by)
     SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[],
       $8::text[])
     ON CONFLICT (station, quantity) DO UPDATE SET observed_at = excluded.observed_at,
       interval_ms = excluded.interval_ms, received_at = excluded.received_at, value = excluded.value,
       flag = excluded.flag, flagged_by = excluded.flagged_by
     WHERE excluded.observed_at >= l.observed_at`,
    rows.map(({ station }) => station),
    rows.map(({ quantity }) => quantity),
    rows.map(({ observedAt }) => observedAt),
    rows.map(({ intervalMs }) => intervalMs),
    rows.map(({ receivedAt }) => receivedAt),
    rows.map(({ value }) => value),
    rows.map(({ flag }) => flag),
    rows.map(({ check }) => check ?? ''),
  );
}
