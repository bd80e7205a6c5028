import { AtalaiaError } from '../../lib/errors.ts';
import type { AggregateQuery, Aggregates } from './archive.ts';

/** Rows of one answer at most: 2,000 stations for twenty days, or one for a century. */
export const MAX_AGGREGATES = 1_000_000;

export const aggregateColumns = ['station', 'at', 'sum', 'min', 'max', 'count', 'coveredMs'] as const;

/** Scaled integers in the store. */
const scaled: readonly string[] = ['sum', 'min', 'max'];

/** Checks a query; true when it asks for nothing. Throws ATL_USAGE. */
export function asksNothing({ stations, from, to, limit }: AggregateQuery): boolean {
  if (![from, to].every(Number.isSafeInteger))
    throw new AtalaiaError(
      'ATL_USAGE',
      `aggregates: from and to are ${from} and ${to}. Give instants in epoch ms.`,
    );
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_AGGREGATES)
    throw new AtalaiaError(
      'ATL_USAGE',
      `aggregates: limit is ${limit}. Give a whole number from 1 to ${MAX_AGGREGATES}.`,
    );
  return from >= to || stations.length === 0;
}

/** Columns of numbers as stored, in the order of {@link aggregateColumns}, to an answer. Throws ATL_USAGE beyond the limit. */
export function toAggregates(columns: readonly ArrayLike<unknown>[], limit: number): Aggregates {
  const rows = columns[0]?.length ?? 0;
  if (rows > limit)
    throw new AtalaiaError('ATL_USAGE', `More than ${limit} hours lie in this span. Shorten it.`);
  return Object.fromEntries(
    aggregateColumns.map((name, i) => {
      const from = columns[i] ?? [];
      const divisor = scaled.includes(name) ? 1000 : 1;
      const to = new Float64Array(rows);
      for (let row = 0; row < rows; row++) to[row] = Number(from[row]) / divisor;
      return [name, to];
    }),
  ) as unknown as Aggregates;
}

/**
 * One answer of several shards. A station lies in one of them; should two hold it, the row of more readings counts for an
 * hour, and a span takes both.
 */
export function mergeAggregates(parts: readonly Aggregates[], { by, limit }: AggregateQuery): Aggregates {
  type Row = number[];
  const rows = new Map<string, Row>();
  for (const part of parts) {
    for (let i = 0; i < part.at.length; i++) {
      const row = aggregateColumns.map((name) => part[name][i] as number);
      const key = by === 'hour' ? `${row[0]} ${row[1]}` : `${row[0]}`;
      const held = rows.get(key);
      rows.set(key, held ? combine(held, row, by) : row);
    }
  }
  const sorted = [...rows.values()].sort(
    (a, b) => (a[0] as number) - (b[0] as number) || (a[1] as number) - (b[1] as number),
  );
  if (sorted.length > limit)
    throw new AtalaiaError('ATL_USAGE', `More than ${limit} hours lie in this span. Shorten it.`);
  return Object.fromEntries(
    aggregateColumns.map((name, i) => [name, Float64Array.from(sorted, (row) => row[i] as number)]),
  ) as unknown as Aggregates;
}

function combine(a: number[], b: number[], by: AggregateQuery['by']): number[] {
  const at = (row: number[], name: (typeof aggregateColumns)[number]): number =>
    row[aggregateColumns.indexOf(name)] as number;
  if (by === 'hour') return at(b, 'count') > at(a, 'count') ? b : a;
  return aggregateColumns.map((name) => {
    const pair = [at(a, name), at(b, name)] as const;
    if (name === 'at' || name === 'min') return Math.min(...pair);
    if (name === 'station' || name === 'max') return Math.max(...pair);
    return pair[0] + pair[1];
  });
}

/** The rows of one station of an answer, as views of its columns. */
export function rowsOf(found: Aggregates, place: number): Omit<Aggregates, 'station'> {
  const from = firstNotBelow(found.station, place);
  const to = firstNotBelow(found.station, place + 1);
  const cut = (name: Exclude<keyof Aggregates, 'station'>): Float64Array => found[name].subarray(from, to);
  return {
    at: cut('at'),
    sum: cut('sum'),
    min: cut('min'),
    max: cut('max'),
    count: cut('count'),
    coveredMs: cut('coveredMs'),
  };
}

function firstNotBelow(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
