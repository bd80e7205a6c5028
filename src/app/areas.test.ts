import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AreaNetwork, areaRule } from '../../test/oracle/area-network.ts';
import type { Append, Log } from '../log/log.ts';
import { decodeRecord } from '../log/record-codec.ts';
import type { Area } from '../model/area.ts';
import type { Report } from '../model/report.ts';
import { SECOND_MS } from '../model/time.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { hour, hourRule, rain, station, T0 } from '../stream/fixture.ts';
import { Intake } from './intake/intake.ts';
import { areaDocuments, neighbourPartitions, partitionOf } from './partition.ts';

const stations = [station('A801', '1'), station('A802', '2'), station('A803', '1'), station('A804', '3')];
const areas: Area[] = [
  { id: 'basin', name: 'Basin', region: '2', stations: ['A801', 'A802', 'A804'] },
  { id: 'coast', name: 'Coast', region: '2', stations: ['A801', 'A803'] },
];
const region = areaRule(
  { yellow: 'count(stations where sum(rainfall, 1h) >= 20 mm) >= 1', red: 'avg(rainfall, 3h) > 25 mm' },
  'count(stations where sum(rainfall, 1h) >= 10 mm) < 1 for 1h',
  { name: 'region' },
);
const basin = areaRule(
  {
    yellow: 'share(stations where sum(rainfall, 2h) >= 30 mm) >= 60 %',
    orange: 'sum(rainfall, 1h) >= 70 mm',
  },
  'max(rainfall, 1h) < 9 mm for 1h',
  { name: 'basin', area: { kind: 'named', name: 'basin' } },
);
const coast = areaRule(
  { yellow: 'count(stations where silent(3h)) >= 1 or max(rainfall, 1h) > 30 mm' },
  null,
  {
    name: 'coast',
    area: { kind: 'named', name: 'coast' },
  },
);
const rules = [basin, coast, hourRule, region];

const series = fc.array(fc.option(fc.constantFrom(0, 1, 9, 12, 20, 25, 35, 70), { freq: 6 }), {
  minLength: 2,
  maxLength: 20,
});
const mixed = fc
  .tuple(series, series, series, series)
  .map((all) =>
    all.flatMap((hours, i) =>
      hours.flatMap((mm, n) => (mm === null ? [] : [rain(n, mm, { station: stations[i]?.id as string })])),
    ),
  )
  .chain((reports) =>
    fc
      .array(fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 6 * 3600 })), {
        minLength: reports.length,
        maxLength: reports.length,
      })
      .map((delays) =>
        reports
          .map((one, i) => ({ ...one, receivedAt: one.receivedAt + (delays[i] as number) * SECOND_MS }))
          .sort((a, b) => a.receivedAt - b.receivedAt || (a.station < b.station ? -1 : 1)),
      ),
  );

test('any number of partitions gives the same events, for regions and for areas that cross them', () => {
  let raised = 0;
  fc.assert(
    fc.property(mixed, (reports) => {
      const [one, ...more] = [1, 4, 64].map((partitions) => {
        const network = new AreaNetwork({ rules, stations, areas, partitions, startAt: T0 });
        network.feed(...reports).tick(hour(48));
        return {
          events: network.sorted,
          observations: network.observations,
          counted: ['repeat', 'beyond-lateness', 'unknown-station'].map((what) => network.counted(what)),
        };
      });
      raised += one?.events.filter(({ subject }) => subject.id === 'basin').length ?? 0;
      expect(more).toEqual([one, one]);
    }),
    { numRuns: 60 },
  );
  expect(raised).toBeGreaterThan(30);
});

test('the regions of the stations lie in different partitions of 64', () => {
  expect(new Set(stations.map((one) => partitionOf(one.region, 64))).size).toBe(3);
});

test('a neighbour goes once to each partition, however many of its areas list it', () => {
  const documents = areaDocuments(areas, stations, 64);
  const home = partitionOf('2', 64);
  expect(documents[home]?.areas).toEqual(areas);
  expect(documents[home]?.neighbours.map(({ id }) => id)).toEqual(['A801', 'A803', 'A804']);
  expect([...neighbourPartitions(documents)].sort()).toEqual([
    ['A801', [home]],
    ['A803', [home]],
    ['A804', [home]],
  ]);
  expect([...neighbourPartitions(areaDocuments(areas, stations, 1))]).toEqual([]);
});

/** An intake over a log and a ledger that only remember. */
const intakeOf = async (): Promise<{ intake: Intake; appended: Append[]; held: Uint8Array[] }> => {
  const appended: Append[] = [];
  const held: Uint8Array[] = [];
  const log = { partitions: 64, append: async (all: readonly Append[]) => void appended.push(...all) };
  const ledger = {
    stations: async () => stations.slice(0, 3),
    putStations: async () => {},
    hold: async ({ payload }: { payload: Uint8Array }) => held.push(payload) > 0,
    held: async () => held.map((payload, id) => ({ id, payload })),
    release: async () => void held.splice(0),
  };
  const intake = new Intake({
    log: log as unknown as Log,
    ledger: ledger as unknown as Ledger,
    now: () => T0,
    unknown: 'hold',
    atMost: { stations: 10, reports: 10 },
    adopt: async () => {},
    onCounted: () => {},
  });
  await intake.load();
  return { intake, appended, held };
};
const sent = (appended: readonly Append[]): unknown[] =>
  appended.map(({ partition, payload }) => {
    const record = decodeRecord(payload) as { neighbour?: true; report: Report };
    return [record.report.station, partition, record.neighbour ?? false];
  });

test('intake appends a report to its home and marks the copies for the areas of other partitions', async () => {
  const { intake, appended } = await intakeOf();
  await intake.append([rain(1, 5)]);
  intake.setAreas(areas);
  await intake.append([rain(2, 5), rain(2, 5, { station: 'A802' })]);
  expect(sent(appended)).toEqual([
    ['A801', partitionOf('1', 64), false],
    ['A801', partitionOf('1', 64), false],
    ['A801', partitionOf('2', 64), true],
    ['A802', partitionOf('2', 64), false],
  ]);
});

test('what was held for an unknown station goes to its neighbours, too, when it is adopted', async () => {
  const { intake, appended, held } = await intakeOf();
  intake.setAreas(areas);
  await intake.append([rain(1, 5, { station: 'A804' })]);
  expect([appended.length, held.length]).toEqual([0, 1]);
  await intake.put([stations[3] as (typeof stations)[number]]);
  expect(sent(appended)).toEqual([
    ['A804', partitionOf('3', 64), false],
    ['A804', partitionOf('2', 64), true],
  ]);
});
