import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import type { AggregateName, Window } from '../../src/model/rule.ts';
import type { Station } from '../../src/model/station.ts';
import { InstantReader } from '../../src/stream/evaluation.ts';
import { StationState } from '../../src/stream/station-state.ts';
import { evaluateExpression } from '../../src/stream/truth.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Midnight in São Paulo, which is three hours behind UTC all year. */
const START = Date.UTC(2024, 3, 26, 3);
const station: Station = {
  id: 'A801',
  name: 'A801',
  latitude: -30,
  longitude: -51,
  altitude: 10,
  region: '4314902',
  timeZone: 'America/Sao_Paulo',
  intervalMs: 10 * MINUTE,
};

interface Row {
  readonly at: number;
  readonly value: number;
}

/** Ten minutes each for ten days with holes, of a plain generator; out of order, as the engine may get them. */
function rows(seed: number, least: number, most: number): Row[] {
  let x = seed;
  const next = (): number => {
    x = (x * 48_271) % 2_147_483_647;
    return x / 2_147_483_647;
  };
  const all: Row[] = [];
  for (let i = 1; i <= 1440; i++) {
    const value = Math.floor(least + next() * (most - least));
    if (next() < 0.9) all.push({ at: START + i * 10 * MINUTE, value });
  }
  return all.sort((a, b) => (a.value % 7) - (b.value % 7) || a.at - b.at);
}

const rain = rows(1, 0, 9000);
const level = rows(2, -2000, 8000);

const state = ((): StationState => {
  const made = new StationState(station, 0);
  for (const { at, value } of rain) made.seriesOf('rainfall').insert(at, 10 * MINUTE, 10 * MINUTE, value);
  for (const { at, value } of level) made.seriesOf('riverLevel').insert(at, 10 * MINUTE, 10 * MINUTE, value);
  return made;
})();

async function query(sql: string): Promise<Record<string, number>[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    await connection.run('CREATE TABLE rain (t BIGINT, v BIGINT); CREATE TABLE level (t BIGINT, v BIGINT)');
    for (const [table, all] of [['rain', rain] as const, ['level', level] as const])
      await connection.run(
        `INSERT INTO ${table} VALUES ${all.map((r) => `(${r.at}, ${r.value})`).join(', ')}`,
      );
    const found = (await connection.runAndReadAll(sql)).getRowObjectsJS();
    return found.map((row) =>
      Object.fromEntries(Object.entries(row).map(([key, value]) => [key, Number(value)])),
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/**
 * All aggregates as SQL says them, for groups of rows; time in hours for the slope. The rate of rain is what fell over the
 * time covered; in a window by count, over the time from the first reading's to the last.
 */
const columnsOf = (
  table: string,
  isCounted = false,
): string => `count(*) AS "count", sum(v) AS "sum", avg(v) AS "avg", min(v) AS "min", max(v) AS "max",
  median(v) AS "median", quantile_cont(v, 0.9) AS "percentile", stddev_samp(v) AS "stddev",
  regr_slope(v, (t - ${START}) / ${HOUR}.0) AS "trend", arg_max(v, t) AS "last",
  arg_max(v, t) - arg_min(v, t) AS "delta", arg_max(v, t) - min(v) AS "rise",
  ${
    table === 'level'
      ? `(arg_max(v, t) - arg_min(v, t)) / ((max(t) - min(t)) / ${HOUR}.0)`
      : `sum(v) / ((${isCounted ? `max(t) - min(t) + ${10 * MINUTE}` : `count(*) * ${10 * MINUTE}`}) / ${HOUR}.0)`
  } AS "rate"`;
const aggregates: readonly AggregateName[] = [
  'count',
  'sum',
  'avg',
  'min',
  'max',
  'median',
  'percentile',
  'stddev',
  'trend',
  'last',
  'delta',
  'rise',
  'rate',
];
/** What SQL gives as an integer or as the mean of few of them must be the same; the others to the last digits. */
const exact = new Set<AggregateName>(['count', 'sum', 'min', 'max', 'median', 'last', 'delta', 'rise']);

function expectAll(row: Record<string, number>, at: number, quantity: string, window: Window): number {
  const reader = new InstantReader(state, at, at, 0);
  reader.coverage = 0.5;
  for (const name of aggregates) {
    if (name === 'sum' && quantity === 'riverLevel') continue;
    const value = evaluateExpression(
      { kind: 'aggregate', name, quantity, window, percent: 90, text: '' },
      reader,
    );
    const label = `${name} at ${new Date(at).toISOString()}`;
    expect(value.known, label).toBe('exact');
    const found = value.numerator / value.denominator / (name === 'count' ? 1000 : 1);
    const wanted = row[name] as number;
    if (exact.has(name)) expect(found, label).toBe(wanted);
    else expect(Math.abs(found - wanted), label).toBeLessThan(1e-9 * Math.max(1, Math.abs(wanted)));
  }
  return 1;
}

const tables = [
  ['rain', 'rainfall'],
  ['level', 'riverLevel'],
] as const;

test.each(tables)('tumbling hours and local days of %s are those of SQL', async (table, quantity) => {
  for (const spanMs of [HOUR, 24 * HOUR]) {
    // (t0, t1]: a reading at the full hour ends the window. Days: local midnight is 03:00 UTC.
    const end = `${START} + ((t - ${START} + ${spanMs} - 1) // ${spanMs}) * ${spanMs}`;
    const found = await query(
      `SELECT ${end} AS "to", ${columnsOf(table)} FROM ${table} GROUP BY 1 HAVING count(*) > 3`,
    );
    let compared = 0;
    for (const row of found) {
      // Any instant until the next window ends sees this one.
      for (const at of [row.to as number, (row.to as number) + spanMs - 1])
        compared += expectAll(row, at, quantity, { kind: 'tumbling', spanMs });
    }
    expect(compared).toBeGreaterThan(spanMs === HOUR ? 400 : 19);
  }
});

test.each(tables)('hopping and sliding windows of %s are those of SQL', async (table, quantity) => {
  const found = await query(`SELECT "to", ${columnsOf(table)} FROM (SELECT e.t AS "to", r.t, r.v
    FROM (SELECT unnest(generate_series(${START + 6 * HOUR}, ${START + 239 * HOUR}, ${30 * MINUTE})) AS t) e
    JOIN ${table} r ON r.t > e.t - ${6 * HOUR} AND r.t <= e.t) GROUP BY 1`);
  expect(found.length).toBeGreaterThan(400);
  for (const row of found) {
    const at = row.to as number;
    expectAll(row, at, quantity, { kind: 'sliding', spanMs: 6 * HOUR });
    expectAll(row, at + 29 * MINUTE, quantity, { kind: 'hopping', spanMs: 6 * HOUR, everyMs: 30 * MINUTE });
  }
});

test.each(tables)('sessions and windows by count of %s are those of SQL', async (table, quantity) => {
  const sessions = await query(`SELECT max(t) AS "to", ${columnsOf(table)} FROM
    (SELECT t, v, sum(CASE WHEN gap > ${20 * MINUTE} THEN 1 ELSE 0 END) OVER (ORDER BY t) AS s FROM
      (SELECT t, v, t - lag(t) OVER (ORDER BY t) AS gap FROM ${table})) GROUP BY s HAVING count(*) > 1`);
  expect(sessions.length).toBeGreaterThan(5);
  for (const row of sessions)
    expectAll(row, (row.to as number) + 20 * MINUTE, quantity, { kind: 'session', gapMs: 20 * MINUTE });
  const counts = await query(`SELECT max(t) AS "to", ${columnsOf(table, true)} FROM
    (SELECT t, v, (row_number() OVER (ORDER BY t) - 1) // 12 AS s FROM ${table}) GROUP BY s HAVING count(*) = 12`);
  expect(counts.length).toBeGreaterThan(90);
  for (const row of counts) expectAll(row, row.to as number, quantity, { kind: 'count', reports: 12 });
});
