import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { nodeDisk } from '../lib/disk.ts';
import { openEmbeddedLog } from '../log/embedded/embedded-log.ts';
import { decodeRecord } from '../log/record-codec.ts';
import type { Observation } from '../model/observation.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { DAY_MS, formatInstant } from '../model/time.ts';
import { loadRules } from '../rules/rule-set.ts';
import type { Archive } from '../store/archive/archive.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { openSqliteLedger } from '../store/ledger/sqlite/ledger.ts';
import type { Climatology } from '../stream/climatology-reader.ts';
import { buildClimatology, climateReads, keepClimatology } from './climatology.ts';
import { CommandRelay } from './relay.ts';
import { Replay } from './replay.ts';
import { openDuckdbArchive } from './stores/archive-file.ts';

const station = (id: string): Station => ({
  id,
  name: id,
  latitude: -30,
  longitude: -51,
  altitude: 40,
  region: '4314902',
  timeZone: 'UTC',
  intervalMs: DAY_MS,
});
const stations = [station('A'), station('B')];

const rules = (): readonly Rule[] => {
  const text = `rule: calor-raro
title: { pt-BR: Calor raro, en: Rare heat }
hazard: heat
levels:
  yellow: last(airTemperature, 24h) > percentile(airTemperature, 95, day-of-year) + 2 °C
  red: returnPeriod(max(airTemperature, 24h)) >= 50 years
clear: last(airTemperature, 24h) <= percentile(airTemperature, 95, day-of-year) for 24h
expires: 48h
`;
  const { rules: loaded, problems } = loadRules([{ path: 'calor-raro.yaml', text }]);
  expect(problems).toEqual([]);
  return loaded;
};

let folder: string;
let archive: Archive;
let ledger: Ledger;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atalaia-climatology-'));
  archive = await openDuckdbArchive({ path: join(folder, 'archive.duckdb') });
  ledger = await openSqliteLedger({ path: join(folder, 'ledger.sqlite') });
});
afterEach(async () => {
  await Promise.all([archive.close(), ledger.close()]);
  rmSync(folder, { recursive: true, force: true });
});

const FIRST = Date.UTC(2000, 0, 1);
const LAST = Date.UTC(2012, 0, 1);

/** A reading a day: a year's wave of 20 ± 10 °C with its warmest day in mid January, and days of 0 to 6 °C above it. */
const historyOf = (id: string, from: number): Observation[] =>
  Array.from({ length: (LAST - from) / DAY_MS }, (_, i): Observation => {
    const observedAt = from + (i + 1) * DAY_MS;
    const phase = (2 * Math.PI * ((observedAt / DAY_MS) % 365.25)) / 365.25;
    const value = Math.round((20 + 10 * Math.cos(phase - 0.26) + (((observedAt / DAY_MS) * 5) % 7)) * 1000);
    return {
      station: id,
      quantity: 'airTemperature',
      observedAt,
      intervalMs: DAY_MS,
      receivedAt: observedAt,
      value,
      flag: 'good',
      arrival: 'on-time',
    };
  });

const build = (leastYears = 10): Promise<Climatology> =>
  buildClimatology({
    archive,
    reads: climateReads(rules()),
    stations,
    from: Date.UTC(1990, 0, 1),
    to: LAST,
    options: { leastYears, halfWindow: 7 },
  });

test('a rule reads the climatology made of the archive: the same heat fires in winter and not in summer', async () => {
  const observations = [...historyOf('A', FIRST), ...historyOf('B', LAST - 3 * 365 * DAY_MS)];
  await archive.commit([{ partition: 0, epoch: 1, from: 0, to: 1, observations }]);
  const climatology = await build();
  // Three years are too few.
  expect(Object.keys(climatology.stations)).toEqual(['A']);

  const hash = await keepClimatology(ledger, climatology);
  const bytes = await ledger.document(hash);
  const kept = JSON.parse(Buffer.from(bytes as Uint8Array).toString('utf8')) as Climatology;
  expect(kept).toEqual(climatology);
  expect(await keepClimatology(ledger, await build())).toBe(hash);

  const raised = (known: Climatology | undefined): string[] => {
    const replay = new Replay({ rules: rules(), stations, ...(known ? { climatology: known } : {}) });
    const report = (day: number, value: number) => ({
      ...{ station: 'A', observedAt: day, intervalMs: DAY_MS, receivedAt: day },
      quantities: ['airTemperature'],
      values: [value * 1000],
    });
    // 30 °C: a summer's day in January, unheard of in July; 38 °C is neither.
    for (const [at, value] of [
      [Date.UTC(2013, 0, 15), 30],
      [Date.UTC(2013, 6, 15), 30],
      [Date.UTC(2013, 6, 20, 18), 38],
    ] as const)
      replay.feed(report(at, value));
    return replay
      .finish()
      .filter(({ event }) => event === 'raised' || event === 'escalated')
      .map(({ at, level, evidence }) => `${formatInstant(at).slice(0, 10)} ${level} ${evidence[0]?.unit}`);
  };
  expect(raised(kept)).toEqual(['2013-07-15 yellow °C', '2013-07-20 red years']);
  expect(raised(undefined)).toEqual([]);
});

test('it is put in force once, in every partition, and again when it is another', async () => {
  const log = await openEmbeddedLog({
    directory: join(folder, 'log'),
    partitions: 2,
    disk: nodeDisk,
    clock: systemClock,
  });
  const commands = async (): Promise<string[]> =>
    (await Promise.all([0, 1].map((partition) => log.read(partition, 0, 100))))
      .flat()
      .map(({ payload }) => decodeRecord(payload))
      .map((record) => (record.kind === 'command' && 'hash' in record.command ? record.command.hash : '?'));
  try {
    const relay = new CommandRelay(ledger, log, () => FIRST);
    await relay.putClimatology();
    expect(await commands()).toEqual([]);
    const table = { percentiles: [], extremes: [] };
    const first = await keepClimatology(ledger, { stations: { A: table } });
    await relay.putClimatology();
    await relay.putClimatology();
    expect(await commands()).toEqual([first, first]);
    const second = await keepClimatology(ledger, { stations: { B: table } });
    await relay.putClimatology();
    expect(await commands()).toEqual([first, second, first, second]);
  } finally {
    await log.close();
  }
  await expect(keepClimatology(ledger, { stations: {} })).rejects.toMatchObject({ code: 'ATL_INPUT' });
});

test('what rules read, each thing once; a span that is not of whole hours stays unknown', () => {
  const [rule] = rules() as [Rule];
  const reads = climateReads([rule, rule]);
  expect(reads).toEqual({
    percentiles: [{ quantity: 'airTemperature', percent: 95 }],
    returnPeriods: [{ quantity: 'airTemperature', aggregate: 'max', spanMs: DAY_MS }],
    unknown: [],
  });
  const text = `rule: rajada
title: { pt-BR: Rajada, en: Gust }
hazard: wind
levels:
  red: returnPeriod(max(windGust, 10m)) >= 10 years
expires: 3h
`;
  expect(climateReads(loadRules([{ path: 'rajada.yaml', text }]).rules).unknown).toEqual([
    'returnPeriod(max(windGust, 600000 ms))',
  ]);
});
