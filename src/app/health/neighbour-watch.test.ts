import { expect, it } from 'vitest';
import type { Station } from '../../model/station.ts';
import { HOUR_MS, MINUTE_MS } from '../../model/time.ts';
import type { AggregateQuery, Aggregates, FoundMarks } from '../../store/archive/archive.ts';
import { NeighbourWatch } from './neighbour-watch.ts';

const T0 = Date.UTC(2024, 3, 26);
/** Six stations a few kilometres apart, and one far away. */
const stations: Station[] = Array.from({ length: 7 }, (_, i) => ({
  id: `S${i}`,
  name: `S${i}`,
  latitude: i === 6 ? -20 : -30 + i * 0.05,
  longitude: -51,
  altitude: 50,
  region: `${i}`,
  timeZone: 'America/Sao_Paulo',
  intervalMs: HOUR_MS,
}));

type Values = Readonly<Record<string, readonly (number | null)[]>>;

/** Hourly means as an archive gives them: by station as asked, then time. `values`: of each station by the hour from T0. */
class Hours {
  asked = 0;
  readonly kept: FoundMarks[] = [];
  readonly #values: Values;
  readonly #quantity: string;

  readonly #coveredMs: number;

  constructor(values: Values, quantity = 'airTemperature', coveredMs = HOUR_MS) {
    this.#coveredMs = coveredMs;
    this.#values = values;
    this.#quantity = quantity;
  }

  keepMarks(found: FoundMarks): Promise<void> {
    this.kept.push(found);
    return Promise.resolve();
  }

  aggregates({ stations: ids, quantity, from, to }: AggregateQuery): Promise<Aggregates> {
    this.asked++;
    const rows = ids.flatMap((id, station) =>
      (this.#values[id] ?? []).flatMap((value, hour) => {
        const at = T0 + hour * HOUR_MS;
        return value === null || quantity !== this.#quantity || at < from || at >= to
          ? []
          : [{ station, at, value }];
      }),
    );
    const column = (of: (row: (typeof rows)[number]) => number): Float64Array => Float64Array.from(rows, of);
    return Promise.resolve({
      station: column(({ station }) => station),
      at: column(({ at }) => at),
      sum: column(({ value }) => 2 * value),
      min: column(({ value }) => value),
      max: column(({ value }) => value),
      count: column(() => 2),
      coveredMs: column(() => this.#coveredMs),
    });
  }
}
const usual = (n: number): number[] => Array.from({ length: n }, (_, hour) => 20 + hour * 0.3);
const network = (wrong: readonly (number | null)[]): Values => ({
  ...Object.fromEntries(stations.map(({ id }) => [id, usual(8)])),
  S2: wrong,
});
/** Twenty-one minutes past the end of an hour. */
const after = (hours: number): number => T0 + hours * HOUR_MS + 21 * MINUTE_MS;
const told = async (wrong: readonly (number | null)[], at: number, all: readonly Station[] = stations) => {
  const watch = new NeighbourWatch();
  await watch.look(new Hours(network(wrong)), all, at);
  return watch;
};

it('a station far from its neighbours is told with the hour from which it was, over an hour without a value', async () => {
  const wrong = [20, 20.3, 35, null, 35, 35, 20, 20];
  const watch = await told(wrong, after(6));
  expect(watch.of('S2').suspect).toEqual([
    { quantity: 'airTemperature', flag: 'suspect', check: 'buddy', since: T0 + 3 * HOUR_MS, isCounted: true },
  ]);
  for (const id of ['S0', 'S1', 'S3', 'S6']) expect(watch.of(id).suspect).toEqual([]);
  // As soon as the newest hour is like the neighbours' again, or brings nothing, nothing is said.
  expect((await told(wrong, after(7))).of('S2').suspect).toEqual([]);
  expect((await told([20, 20, 35, 35, 35, null], after(6))).of('S2').suspect).toEqual([]);
});

it('an hour is judged twenty minutes after its end', async () => {
  const wrong = [20, 20.3, 20.6, 20.9, 35];
  expect((await told(wrong, after(5) - 2 * MINUTE_MS)).of('S2').suspect).toEqual([]);
  expect((await told(wrong, after(5))).of('S2').suspect).toHaveLength(1);
});

it('a station without neighbours is isolated, and never suspect for them', async () => {
  const watch = new NeighbourWatch();
  await watch.look(new Hours({ ...network(usual(8)), S6: Array(8).fill(60) }), stations, after(6));
  expect(watch.of('S6')).toEqual({ suspect: [], isolated: ['airTemperature'] });
  expect(watch.of('S0')).toEqual({ suspect: [], isolated: [] });
});

it('neither regions nor the order of stations change what is said', async () => {
  const wrong = [20, 20.3, 35, 35, 35, 35];
  const straight = await told(wrong, after(6));
  const other = stations.map((one) => ({ ...one, region: 'one' })).reverse();
  const turned = await told(wrong, after(6), other);
  for (const { id } of stations) expect(turned.of(id)).toEqual(straight.of(id));
});

it('a place that is not known is left out; more stations than are judged ask nothing', async () => {
  const wrong = [20, 20.3, 35, 35, 35, 35];
  const lost = stations.map((one) => (one.id === 'S2' ? { ...one, latitude: 0, longitude: 0 } : one));
  expect((await told(wrong, after(6), lost)).of('S2')).toEqual({ suspect: [], isolated: [] });
  const hours = new Hours(network(wrong));
  const many = Array.from({ length: 10_001 }, (_, i) => ({ ...(stations[0] as Station), id: `M${i}` }));
  await new NeighbourWatch().look(hours, many, after(6));
  expect(hours.asked).toBe(0);
});

it('a gauge that stays dry for over six hours among five wet ones within 10 km is told, and no sooner', async () => {
  // Seven within 6.7 km.
  const gauges = stations.map((one, i) => ({ ...one, latitude: -30 + i * 0.01 }));
  // The archive's sums are those of the fake: two readings an hour, so that 1 stands for 2 mm.
  const rain = (dry: readonly (number | null)[]): Values => ({
    ...Object.fromEntries(gauges.map(({ id }) => [id, [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]])),
    S2: dry,
  });
  const of = async (dry: readonly (number | null)[], hours: number, all: readonly Station[] = gauges) => {
    const watch = new NeighbourWatch();
    await watch.look(new Hours(rain(dry), 'rainfall'), all, after(hours));
    return all.map(({ id }) => watch.of(id).suspect);
  };
  const mark = { quantity: 'rainfall', flag: 'suspect', check: 'faulty-zero', isCounted: true };
  const none = gauges.map(() => []);
  const dry = Array(12).fill(0);
  expect(await of(dry, 8)).toEqual(none);
  expect(await of(dry, 9)).toEqual(
    none.map((_, i) => (i === 2 ? [{ ...mark, since: T0 + 3 * HOUR_MS }] : [])),
  );
  // One tip, an hour that is missing, or neighbours too few or too far: nothing is said.
  expect(await of([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], 9)).toEqual(none);
  expect(await of([0, 0, 0, 0, 0, 0, 0, 0, null, 0, 0, 0], 9)).toEqual(none);
  expect(await of(dry, 9, gauges.slice(0, 5))).toEqual(none.slice(0, 5));
  expect(await of(dry, 9, stations)).toEqual(none);
});

it('a gauge that counts far more than five others within 10 km is told, with the hour, and kept as a mark', async () => {
  const gauges = stations.map((one, i) => ({ ...one, latitude: -30 + i * 0.01 }));
  // Two readings an hour: the sum is twice the number, an interval half an hour.
  const rain = (wild: readonly (number | null)[], around = 1): Values => ({
    ...Object.fromEntries(gauges.map(({ id }) => [id, Array(8).fill(around)])),
    S2: wild,
  });
  const look = async (values: Values, hours: number, all: readonly Station[] = gauges) => {
    const watch = new NeighbourWatch();
    const archive = new Hours(values, 'rainfall');
    await watch.look(archive, all, after(hours));
    const marks = archive.kept.flatMap((found) => found.marks);
    await watch.look(archive, all, after(hours));
    // Asked again it finds the same, and keeps it once.
    expect(archive.kept).toHaveLength(3);
    return { told: all.map(({ id }) => watch.of(id).suspect), marks, watch };
  };
  const wild = [1, 1, 1, 70, null, 75, 1, 1];
  const { told: suspects, marks, watch } = await look(rain(wild), 6);
  const since = T0 + 4 * HOUR_MS;
  expect(suspects.map((one, i) => (i === 2 ? one : one.length))).toEqual([
    ...[0, 0],
    [{ quantity: 'rainfall', flag: 'suspect', check: 'high-influx', since, isCounted: true }],
    ...[0, 0, 0, 0],
  ]);
  const hourOf = (k: number) => ({ from: T0 + k * HOUR_MS, to: T0 + (k + 1) * HOUR_MS });
  const mark = { station: 'S2', quantity: 'rainfall', check: 'high-influx' };
  expect(marks).toEqual([
    { ...mark, ...hourOf(3), value: 140 },
    { ...mark, ...hourOf(5), value: 150 },
  ]);
  expect(watch.counts()).toEqual({ suspect: { buddy: 0, 'faulty-zero': 0, 'high-influx': 1 }, isolated: 0 });
  // When it counts as others do again it is told no more; the mark stays.
  const later = await look(rain(wild), 7);
  expect(later.told.flat()).toEqual([]);
  expect(later.marks).toHaveLength(2);
  // A storm that its neighbours share, rain of an ordinary storm, or neighbours too few or too far: nothing is said.
  expect((await look(rain(wild, 3), 6)).marks).toEqual([]);
  expect((await look(rain([1, 1, 1, 1, 1, 40]), 6)).marks).toEqual([]);
  expect((await look(rain(wild), 6, gauges.slice(0, 5))).marks).toEqual([]);
  expect((await look(rain(wild), 6, stations)).marks).toEqual([]);
  // Intervals that overlap, or began before the hour: what fell in it is not known.
  const overlapping = new Hours(rain(wild), 'rainfall', HOUR_MS + 1);
  await new NeighbourWatch().look(overlapping, gauges, after(6));
  expect(overlapping.kept.flatMap((found) => found.marks)).toEqual([]);
});
