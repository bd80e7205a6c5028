import type { z } from 'zod';
import { anomalies, completeness } from '../../src/api/statistics/climate.ts';
import { course, cycle } from '../../src/api/statistics/cycle.ts';
import { extremes } from '../../src/api/statistics/extremes.ts';
import type { Statistic } from '../../src/api/statistics/statistic.ts';
import { seededRandom } from '../../src/lib/random.ts';
import type { Station } from '../../src/model/station.ts';
import { DAY_MS, HOUR_MS } from '../../src/model/time.ts';
import type { Hours } from '../../src/statistics/hours.ts';
import { SPEED_CLASSES, windRose } from '../../src/statistics/wind-rose.ts';

/** The statistics of a station that has twelve years of hours of our own making: with a gap, and a wetter last year. */
const from = Date.UTC(2012, 6, 1);
const to = Date.UTC(2024, 3, 30);
const station = { id: 'A879', timeZone: 'America/Sao_Paulo' } as Station;

function madeHours(): Hours {
  const random = seededRandom(5);
  const rows: (readonly [number, number])[] = [];
  for (let at = from; at < to; at += HOUR_MS) {
    const date = new Date(at);
    const isGap = date.getUTCFullYear() === 2016 && date.getUTCMonth() === 2 && date.getUTCDate() < 9;
    const chance = 0.05 + 0.03 * Math.cos((2 * Math.PI * (at / DAY_MS - 210)) / 365.25);
    const isWet = random() < chance * (date.getUTCFullYear() === 2024 ? 2 : 1);
    const amount = Math.round((isWet ? -Math.log(1 - random()) * 4 : 0) * 5) / 5;
    if (!isGap) rows.push([at, amount]);
  }
  const column = (of: (row: readonly [number, number]) => number): Float64Array =>
    Float64Array.from(rows, of);
  const values = column(([, value]) => value);
  const one = column(() => 1);
  const coveredMs = column(() => HOUR_MS);
  return { at: column(([at]) => at), sum: values, min: values, max: values, count: one, coveredMs };
}

let hours: Hours | undefined;
const statistics = [anomalies, completeness, course, cycle, extremes] as unknown as Statistic<z.ZodObject>[];

/** The answer of the server's own code to `…/statistics/stations/{id}/{path}`; null where there is none. */
export async function answerStatistic(path: string, search: URLSearchParams): Promise<object | null> {
  if (path === 'wind-rose') return rose();
  const statistic = statistics.find((one) => one.path === path);
  if (!statistic) return null;
  hours ??= madeHours();
  const given = { station, hours: () => hours as Hours };
  return statistic.answer(given, statistic.query.parse(Object.fromEntries(search)));
}

function rose(): object {
  const random = seededRandom(6);
  const winds = Array.from({ length: 5000 }, () => ({
    direction: 110 + 60 * (random() + random() - 1),
    speed: 9 * random() * random(),
  }));
  const { n, calm, sectors } = windRose(winds, 16);
  return {
    basis: { n, from: new Date(from).toISOString(), to: new Date(to).toISOString(), missing: 0.1 },
    ...{ calm, calmBelow: 0.5, speedClasses: SPEED_CLASSES },
    sectors: sectors.map((counts, i) => ({ direction: i * 22.5, counts })),
  };
}
