import { expect, it } from 'vitest';
import { sampleAt } from '../store/ledger/sample.ts';
import { openFixture } from './fixture.ts';
import { buildServer } from './server.ts';

it('shows what neighbours say of an hour beside the readings in it, or the spans that hold it', async () => {
  const { deps, remove } = await openFixture();
  const { app } = await buildServer(deps);
  const hour = 3_600_000;
  const mark = (k: number, quantity = 'rainfall', value = 131.5) => ({
    station: 'A801',
    ...{ quantity, value, check: 'high-influx' as const },
    ...{ from: sampleAt + k * hour, to: sampleAt + (k + 1) * hour },
  });
  const point = (minutes: number) => ({
    at: sampleAt + minutes * 60_000,
    values: { rainfall: { value: 1, count: 1, min: 1, max: 1, flag: 'good' } },
  });
  const asked: unknown[] = [];
  Object.assign(deps.archive, {
    series: async ({ everyMs }: { everyMs: number | null }) =>
      (everyMs === null ? [0, 1, 60, 61, 120, 121, 200] : [120, 240]).map(point),
    marks: async (query: object) => {
      asked.push(query);
      return [mark(0), mark(1, 'airTemperature'), mark(2)];
    },
  });
  const base = '/api/v1/stations/A801/observations?to=2025-01-01T00:00:00Z';
  const shown = async (query = '') =>
    (await app.inject(base + query))
      .json()
      .items.map(
        ({ values }: { values: { rainfall: { marks?: { from: string }[] } } }) =>
          values.rainfall.marks?.map(({ from }) => from.slice(11, 13)) ?? [],
      );
  expect(await shown()).toEqual([[], ['06'], ['06'], [], [], ['08'], []]);
  expect(await shown('&every=2h')).toEqual([['06'], ['08']]);
  expect(asked).toEqual([
    { station: 'A801', from: sampleAt, to: sampleAt + 200 * 60_000 + 1 },
    { station: 'A801', from: sampleAt + 1, to: sampleAt + 4 * hour + 1 },
  ]);
  const { items } = (await app.inject(base)).json();
  expect(items[1].values.rainfall).toEqual({
    ...{ value: 1, count: 1, min: 1, max: 1, flag: 'good', unit: 'mm' },
    marks: [{ check: 'high-influx', from: '2024-04-30T06:00:00Z', to: '2024-04-30T07:00:00Z', value: 131.5 }],
  });
  await app.close();
  await remove();
});
