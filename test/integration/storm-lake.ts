import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLake } from '../../src/app/lake/open.ts';
import { regionsOf } from '../../src/app/lake/upkeep.ts';
import { writeLake } from '../../src/app/lake/write.ts';
import { openScenario } from '../../src/ingest/scenario.ts';
import type { Observation } from '../../src/model/observation.ts';
import { DAY_MS, HOUR_MS } from '../../src/model/time.ts';
import { openDuckdbArchive } from '../../src/store/archive/duckdb/archive.ts';
import { STORM } from './storm.ts';

// The recorded storm as a lake, and what its examples must find there, computed without any of them.

const examples = join(import.meta.dirname, '../../examples/lake');
export const exampleFile = (name: string): string => join(examples, name);
export const exampleText = (name: string): string => readFileSync(exampleFile(name), 'utf8');

/** Writes archive and lake below the folder; returns the lake's folder and the lines that every example prints, as CSV. */
export async function stormLake(folder: string): Promise<{ lake: string; expected: string }> {
  const { stations, reports } = openScenario(STORM);
  const rows: Observation[] = [...reports()].flatMap(
    ({ station, observedAt, intervalMs, receivedAt, quantities, values }) =>
      quantities.map((quantity, i) => ({
        ...{ station, quantity, observedAt, intervalMs, receivedAt, value: values[i] as number },
        ...{ flag: 'good' as const, arrival: 'on-time' as const },
      })),
  );
  // Each example must pass over a bad reading, and take a corrected one for the first.
  const wettest = wettestDays(rows, regionsOf(stations))[0] as Day;
  const spoiled = rows.find(
    (row) =>
      row.station === wettest.station && row.quantity === 'rainfall' && dayOf(row.observedAt) === wettest.day,
  ) as Observation;
  rows.push({ ...spoiled, flag: 'bad', check: 'range', arrival: 'correction' });
  const archive = await openDuckdbArchive({ path: join(folder, 'archive.duckdb') });
  const lake = join(folder, 'lake');
  const regions = regionsOf(stations);
  const medium = await openLake({ to: lake });
  try {
    await archive.commit([{ partition: 0, epoch: 1, from: 0, to: 1, observations: rows }]);
    await writeLake({
      ...{ archive, format: 'parquet', regions, medium, server: 'storm', work: join(folder, 'work'), now: 0 },
    });
  } finally {
    await archive.close();
  }
  const found = new Map(rows.map((row) => [`${row.station} ${row.quantity} ${row.observedAt}`, row]));
  const lines = topThree(wettestDays([...found.values()], regions));
  return { lake, expected: ['region,station,day,mm', ...lines, ''].join('\n') };
}

interface Day {
  readonly region: string;
  readonly station: string;
  readonly day: string;
  /** Thousandths of a millimetre. */
  readonly sum: number;
  readonly hours: number;
}

const dayOf = (observedAt: number): string =>
  new Date(Math.ceil(observedAt / DAY_MS) * DAY_MS - DAY_MS).toISOString().slice(0, 10);

/** Whole days with their rain, region by region, the wettest first. */
function wettestDays(rows: readonly Observation[], regions: ReadonlyMap<string, string>): Day[] {
  const days = new Map<string, Day>();
  for (const { station, quantity, observedAt, intervalMs, value, flag } of rows) {
    if (quantity !== 'rainfall' || flag === 'bad') continue;
    const day = dayOf(observedAt);
    const key = `${station} ${day}`;
    const held = days.get(key) ?? { region: regions.get(station) ?? '', station, day, sum: 0, hours: 0 };
    days.set(key, { ...held, sum: held.sum + value, hours: held.hours + intervalMs / HOUR_MS });
  }
  const order = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
  return [...days.values()]
    .filter(({ hours }) => hours === 24)
    .sort(
      (a, b) =>
        order(a.region, b.region) || b.sum - a.sum || order(a.station, b.station) || order(a.day, b.day),
    );
}

function topThree(days: readonly Day[]): string[] {
  const taken = new Map<string, number>();
  return days
    .filter(({ region }) => {
      taken.set(region, (taken.get(region) ?? 0) + 1);
      return (taken.get(region) as number) <= 3;
    })
    .map(({ region, station, day, sum }) => `${region},${station},${day},${(sum / 1000).toFixed(1)}`);
}

/** Lines of CSV whose last column is a number, each number in one form. */
export const inOneForm = (csv: string): string =>
  csv
    .split('\n')
    .map((line) => line.replace(/,(-?[\d.]+)$/, (_, number) => `,${Number(number).toFixed(1)}`))
    .join('\n');
