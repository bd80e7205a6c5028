import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Observation } from '../../model/observation.ts';
import { DAY_MS, HOUR_MS } from '../../model/time.ts';
import { gevByLMoments, gevReturnLevel } from '../../statistics/gev.ts';
import type { Archive } from '../../store/archive/archive.ts';
import { openDuckdbArchive } from '../../store/archive/duckdb/archive.ts';
import { RowPacker } from '../../store/archive/packed.ts';
import { type Fixture, openFixture } from '../fixture.ts';
import { buildServer } from '../server.ts';

const FIRST = Date.UTC(2000, 0, 1);
const YEARS = 14;
const END = Date.UTC(2000 + YEARS, 0, 1);

let folder: string;
let archive: Archive;
let fixture: Fixture;
let app: FastifyInstance;
let next = 1;

const row = (
  station: string,
  quantity: string,
  observedAt: number,
  value: number,
  intervalMs = DAY_MS,
): Observation => ({
  ...{ station, quantity, observedAt, intervalMs, receivedAt: observedAt },
  value: Math.round(value * 1000),
  flag: 'good',
  arrival: 'on-time',
});

/** The greatest day of each year, mm, on 10 June; every tenth day has 5 mm and every year's August none. */
const peakOf = (year: number): number => 60 + ((year * 37) % 50);
const rainOf = (at: number): number => {
  const date = new Date(at);
  if (date.getUTCMonth() === 5 && date.getUTCDate() === 10) return peakOf(date.getUTCFullYear());
  return date.getUTCMonth() === 7 ? 0 : Math.floor(at / DAY_MS) % 10 === 0 ? 5 : 0;
};
const warmthOf = (at: number): number =>
  20 +
  8 * Math.cos((2 * Math.PI * (at / DAY_MS)) / 365.25) +
  0.1 * ((at - FIRST) / (365.25 * DAY_MS)) +
  (Math.floor(at / DAY_MS) % 3);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atalaia-statistics-'));
  archive = await openDuckdbArchive({ path: join(folder, 'archive.duckdb') });
  const observations: Observation[] = [];
  for (let at = FIRST + 15 * HOUR_MS; at < END; at += DAY_MS) {
    for (const [i, station] of ['A801', 'S1', 'S2', 'S3', 'S4'].entries())
      observations.push(row(station, 'rainfall', at, rainOf(at) * (1 + i / 10)));
    observations.push(row('A801', 'airTemperature', at, warmthOf(at)));
  }
  for (let hour = 1; hour <= 4; hour++) {
    observations.push(row('A801', 'windDirection', END - hour * HOUR_MS, 90 * hour, HOUR_MS));
    observations.push(row('A801', 'windSpeed', END - hour * HOUR_MS, hour === 1 ? 0.2 : 5, HOUR_MS));
  }
  await archive.commit([{ partition: 0, epoch: 1, from: 0, to: next, observations }]);
  fixture = await openFixture({ archive, now: () => END });
  const [first] = fixture.stations;
  for (const id of ['S1', 'S2', 'S3', 'S4'])
    fixture.stations.push({ ...(first as NonNullable<typeof first>), id });
  app = (await buildServer(fixture.deps)).app;
});
afterAll(async () => {
  await app.close();
  await fixture.remove();
  await archive.close();
  rmSync(folder, { recursive: true, force: true });
});

const ask = (path: string, headers: Record<string, string> = {}) =>
  app.inject({ url: `/api/v1/statistics/${path}`, headers: { host: '127.0.0.1', ...headers } });
// biome-ignore lint/suspicious/noExplicitAny: the shape is what is tested.
const body = async (path: string): Promise<any> => {
  const answer = await ask(path);
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json();
};

test('extremes: maxima, the four fits and their intervals; the level is that of the maxima', async () => {
  const found = await body(
    'stations/A801/extremes?quantity=rainfall&span=24h&returnPeriods=10,100&threshold=4',
  );
  const peaks = Array.from({ length: YEARS }, (_, i) => peakOf(2000 + i));
  expect(found.maxima.map((one: { value: number }) => one.value)).toEqual(peaks);
  expect(found.maxima[3].at).toBe('2003-06-10T15:00:00Z');
  expect(found).toMatchObject({ years: YEARS, aggregate: 'sum', span: '24h' });
  const fit = gevByLMoments(peaks) as NonNullable<ReturnType<typeof gevByLMoments>>;
  expect(found.fits.gevByLMoments.returnLevels[1].level).toBeCloseTo(gevReturnLevel(fit, 100), 3);
  for (const one of Object.values<{ returnLevels: { level: number; interval: [number, number] }[] }>(
    found.fits,
  )) {
    for (const { level, interval } of one.returnLevels) {
      expect(interval[0]).toBeLessThan(level);
      expect(interval[1]).toBeGreaterThan(level);
    }
  }
  expect(found.overThreshold.excesses).toBeGreaterThan(100);
  expect(found.basis).toMatchObject({ quantity: 'rainfall', unit: 'mm', missing: 0 });
  expect(found.basis.n).toBe(Math.round((END - FIRST) / DAY_MS));
});

test('an unchanged answer is 304 and kept; another one comes when the data change', async () => {
  const path = 'stations/A801/summary?quantity=rainfall';
  const first = await ask(path);
  const etag = first.headers.etag as string;
  expect((await ask(path, { 'if-none-match': etag })).statusCode).toBe(304);
  expect((await ask(path)).headers.etag).toBe(etag);
  expect((await ask(`${path}&measure=max`)).headers.etag).not.toBe(etag);
  // A day of another station changes nothing here.
  const late = Date.UTC(2005, 2, 3, 15);
  const put = async (observations: Observation[]): Promise<void> => {
    await archive.commit([{ partition: 0, epoch: 1, from: next, to: next + 1, observations }]);
    next++;
  };
  await put([row('S9', 'rainfall', late, 500)]);
  expect((await ask(path)).headers.etag).toBe(etag);
  await put([{ ...row('A801', 'rainfall', late, 130), arrival: 'correction' }]);
  const second = await ask(path);
  expect(second.headers.etag).not.toBe(etag);
  expect(second.json().greatest).toEqual({ value: 130, at: '2005-03-03T15:00:00Z' });
  await put([{ ...row('A801', 'rainfall', late, rainOf(late)), arrival: 'correction' }]);
  expect((await ask(path)).headers.etag).toBe(etag);
});

test('climatology: normals, records, percentiles by day', async () => {
  const found = await body('stations/A801/climatology?quantity=rainfall&percents=50,100');
  const june = found.months[5];
  expect(june).toMatchObject({ month: 6, years: YEARS, missing: 0 });
  expect(june.recordHigh.value).toBe(Math.max(...Array.from({ length: YEARS }, (_, i) => peakOf(2000 + i))));
  expect(found.months[7]).toMatchObject({ normal: 0, recordHigh: { value: 0 } });
  expect(found.percentiles[1].byDay).toHaveLength(366);
  expect(found.percentiles[1].byDay[161]).toBe(june.recordHigh.value);
  expect(found.percentiles[0].byDay[230]).toBe(0);
});

test('trend, anomalies, completeness', async () => {
  const { trend, years } = await body('stations/A801/trend?quantity=airTemperature');
  expect(years).toHaveLength(YEARS);
  expect(trend.slope).toBeCloseTo(0.1, 2);
  expect(trend.p).toBeLessThan(0.01);
  const { months } = await body('stations/A801/anomalies?quantity=airTemperature');
  expect(months).toHaveLength(12 * YEARS);
  expect(months[0].anomaly).toBeLessThan(0);
  const complete = await body(
    'stations/A801/completeness?quantity=rainfall&from=2004-02-01T00:00:00-02:00&to=2004-04-01T00:00:00-03:00',
  );
  expect(complete.months).toEqual([
    { month: '2004-02', n: 29, coverage: 1 },
    { month: '2004-03', n: 31, coverage: 1 },
  ]);
});

test('spells, waves, drought, intensities', async () => {
  const dry = await body('stations/A801/spells?limit=1');
  // From the last wet day of July to the first of September.
  expect(dry.longest[0].days).toBeGreaterThanOrEqual(31);
  expect(dry.longest[0].open).toBe(false);
  const waves = await body('stations/A801/waves?days=2');
  expect(waves.basis.quantity).toBe('airTemperature');
  expect(waves.days).toMatchObject({ missing: 0 });
  const { months } = await body('stations/A801/drought?months=3');
  expect(months).toHaveLength(12 * YEARS);
  expect(months[1].spi).toBeNull();
  const known = months.filter((one: { spei: number | null }) => one.spei !== null);
  expect(known.length).toBeGreaterThan(100);
  const idf = await body('stations/A801/idf?hours=24,48,72&returnPeriods=2,10');
  expect(idf.curves.map((curve: { hours: number }) => curve.hours)).toEqual([24, 48, 72]);
  expect(idf.curves[0].intensities[1]).toBeGreaterThan(idf.curves[0].intensities[0]);
});

test('wind rose: hours by sector, calm apart, missing told', async () => {
  const rose = await body('stations/A801/wind-rose?from=2013-12-31T12:00:00Z');
  expect(rose).toMatchObject({ calm: 1, basis: { n: 4 } });
  const blown = rose.sectors.filter(({ counts }: { counts: number[] }) => counts.some((count) => count > 0));
  expect(blown.map(({ direction }: { direction: number }) => direction)).toEqual([0, 180, 270]);
  expect(rose.basis.missing).toBeCloseTo(1 - 4 / 12, 5);
  // The span of five years is longer than the station is old: nothing is missing from before.
  const { basis } = await body('stations/A801/wind-rose');
  expect(basis).toMatchObject({ n: 4, missing: 0 });
  expect(Date.parse(basis.from)).toBe(END - 4 * HOUR_MS);
});

test('a region: totals of a span, and regional extremes in which equal stations are homogeneous', async () => {
  const region = 'areas/4314902';
  const totals = await body(
    `${region}/totals?quantity=rainfall&from=2003-06-10T00:00:00Z&to=2003-06-11T00:00:00Z`,
  );
  expect(totals.stations).toEqual({ asked: 5, known: 5 });
  expect(totals.items.map((one: { sum: number }) => one.sum)).toEqual(
    [1, 1.1, 1.2, 1.3, 1.4].map((factor) => Number((factor * peakOf(2003)).toFixed(3))),
  );
  expect(totals.greatestSum).toBeCloseTo(1.4 * peakOf(2003), 3);
  const found = await body(`${region}/extremes?quantity=rainfall`);
  expect(found.stations).toEqual({ asked: 5, used: 5, leastYears: 10 });
  expect(found.test.h[0]).toBeLessThan(1);
  const level = (i: number): number => found.sites[i].returnLevels[3].level;
  expect(level(4) / level(0)).toBeCloseTo(1.4, 3);
});

test('what is asked wrong is told as a problem', async () => {
  const problem = async (path: string, status: number): Promise<string> => {
    const answer = await ask(path);
    expect(answer.statusCode, path).toBe(status);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    return answer.json().detail;
  };
  expect(await problem('stations/nobody/summary?quantity=rainfall', 404)).toContain('nobody');
  expect(await problem('stations/A801/summary', 400)).toContain('quantity');
  expect(await problem('stations/A801/summary?quantity=windDirection', 400)).toContain('wind-rose');
  expect(await problem('stations/A801/extremes?quantity=rainfall&span=90m', 400)).toContain('span');
  expect(await problem('stations/A801/extremes?quantity=rainfall&returnPeriods=0.5', 400)).toContain(
    'returnPeriods',
  );
  expect(await problem('stations/A801/spells?colour=red', 400)).toContain('colour');
  await problem(
    'stations/A801/trend?quantity=rainfall&from=2020-01-01T00:00:00Z&to=2019-01-01T00:00:00Z',
    400,
  );
  await problem('areas/none/totals?quantity=rainfall', 404);
});

test('a series without readings says so instead of failing', async () => {
  for (const path of [
    'summary?quantity=airTemperature',
    'climatology?quantity=relativeHumidity',
    'extremes?quantity=windGust&threshold=10',
    'trend?quantity=windGust',
    'anomalies?quantity=windGust',
    'completeness?quantity=windGust',
    'spells?quantity=windGust',
  ]) {
    const answer = await ask(`stations/S1/${path}`);
    expect(answer.statusCode, `${path} ${answer.body}`).toBe(200);
    expect(answer.json().basis).toMatchObject({ n: 0, missing: null });
  }
  for (const path of ['waves', 'drought', 'idf', 'wind-rose'])
    expect((await ask(`stations/S1/${path}`)).statusCode).toBe(200);
});

test('a series longer than one answer goes on where it ended, without a gap or a repeat; spans say how full they are', async () => {
  const packer = new RowPacker(45_000);
  const begin = Date.UTC(2013, 0, 1);
  for (let i = 1; i <= 45_000; i++) packer.add(row('S4', 'windGust', begin + i * 60_000, i % 30, 60_000));
  await archive.commit([
    { partition: 0, epoch: 1, from: next, to: next + 1, observations: [], packed: [packer.rows()] },
  ]);
  next++;
  const pages = async (query: string): Promise<string[]> => {
    const times: string[] = [];
    let cursor = '';
    do {
      const url = `/api/v1/stations/S4/observations?from=2013-01-01T00:00:01Z&to=2013-03-01T00:00:00Z${query}${cursor}`;
      const answer = (await app.inject({ url, headers: { host: '127.0.0.1' } })).json();
      const gusts = answer.items.filter(({ values }: { values: object }) => 'windGust' in values);
      times.push(...gusts.map(({ at }: { at: string }) => at));
      cursor = answer.next === null ? '' : `&cursor=${answer.next}`;
    } while (cursor !== '');
    return times;
  };
  for (const query of ['', '&every=1m']) {
    const times = await pages(query);
    expect(times).toHaveLength(45_000);
    expect(new Set(times).size).toBe(45_000);
    expect(times).toEqual(times.toSorted());
  }
  const url = '/api/v1/stations/S1/observations?from=2013-01-01T00:00:00Z&to=2013-01-03T00:00:00Z&every=1d';
  const [day] = (await app.inject({ url, headers: { host: '127.0.0.1' } })).json().items;
  // One reading of the 24 that an hourly station has.
  expect(day.values.rainfall).toMatchObject({ count: 1, completeness: 0.042, unit: 'mm' });
});
