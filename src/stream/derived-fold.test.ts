import { expect, it } from 'vitest';
import { MINUTE_MS } from '../model/time.ts';
import { Bench, foldOptions, hour, report, rule, station } from './fixture.ts';
import { PartitionFold } from './fold.ts';

const heat = rule({ yellow: 'max(heatIndex, 1h) >= 41 °C' }, null, { name: 'heat', hazard: 'heat' });

it('a derived quantity raises, is archived, and follows a correction of what it was computed from', () => {
  const bench = new Bench([heat]).feed(report(1, { airTemperature: 33, relativeHumidity: 40 }));
  expect(bench.story).toEqual([]);
  // 36 °C at 60 %: 48 °C in the table of the US National Weather Service.
  bench.feed(report(2, { airTemperature: 36, relativeHumidity: 60 }));
  expect(bench.story).toEqual(['raised yellow @2']);
  const archived = bench.effects.flatMap((effect) =>
    effect.kind === 'observation' && effect.observation.quantity === 'heatIndex' ? [effect.observation] : [],
  );
  expect(archived.map(({ observedAt }) => observedAt)).toEqual([hour(1), hour(2)]);
  expect(Math.round((archived[1]?.value ?? 0) / 1000)).toBe(48);
  bench.feed(report(2, { airTemperature: 31 }, { receivedAt: hour(2) + MINUTE_MS }));
  expect(bench.story).toEqual(['raised yellow @2', 'ended:withdrawn yellow @2']);
});

it('inputs that come in two reports of one instant are put together', () => {
  const bench = new Bench([heat]).feed(
    report(2, { airTemperature: 36 }),
    report(2, { relativeHumidity: 60 }, { receivedAt: hour(2) + MINUTE_MS }),
  );
  expect(bench.story).toEqual(['raised yellow @2']);
});

it('fire weather stands at local noon of each day, and a checkpoint keeps the chain', () => {
  const fire = rule({ yellow: 'last(fireWeatherIndex, 24h) >= 10' }, null, { name: 'fire', hazard: 'fire' });
  const dry = Array.from({ length: 24 * 12 }, (_, i) =>
    report(i, {
      airTemperature: 32 + (i % 2) / 10,
      relativeHumidity: 25 + (i % 2),
      windSpeed: 5,
      rainfall: 0,
    }),
  );
  const bench = new Bench([fire], hour(0), [station('A801')]).feed(...dry);
  const days = bench.effects.flatMap((effect) =>
    effect.kind === 'observation' && effect.observation.quantity === 'fireWeatherIndex'
      ? [effect.observation]
      : [],
  );
  // Noon by the meridian of 51° W is 15 UTC.
  expect(new Set(days.map(({ observedAt }) => ((observedAt - hour(0)) / 3_600_000) % 24))).toEqual(
    new Set([15]),
  );
  expect(days.length).toBeGreaterThanOrEqual(10);
  expect(days.map(({ value }) => value)).toEqual([...days.map(({ value }) => value)].sort((a, b) => a - b));
  expect(bench.story[0]).toMatch(/^raised yellow/);

  const again = PartitionFold.restore(JSON.parse(JSON.stringify(bench.fold.snapshot())), foldOptions);
  const next = report(24 * 12 + 16, { airTemperature: 32, relativeHumidity: 25, windSpeed: 5, rainfall: 0 });
  const both = [bench.fold, again].map((fold) => [
    ...fold.apply({ kind: 'tick', at: next.receivedAt }),
    ...fold.apply({ kind: 'report', report: next }),
  ]);
  expect(both[1]).toEqual(both[0]);
});
