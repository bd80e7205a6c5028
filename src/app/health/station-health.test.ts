import { expect, it } from 'vitest';
import type { Station } from '../../model/station.ts';
import { HOUR_MS } from '../../model/time.ts';
import type { LatestValue } from '../../store/archive/archive.ts';
import { FlagWatch, stationHealth } from './station-health.ts';

const place: Station = {
  id: 'A801',
  name: 'Porto Alegre',
  latitude: -30.05,
  longitude: -51.17,
  altitude: 41,
  region: 'RS',
  timeZone: 'America/Sao_Paulo',
  intervalMs: HOUR_MS,
};
const latest = (quantity: string, at: number, check?: string): LatestValue => ({
  station: 'A801',
  quantity,
  value: 1,
  observedAt: at * HOUR_MS,
  intervalMs: HOUR_MS,
  receivedAt: at * HOUR_MS,
  flag: check === undefined ? 'good' : 'suspect',
  ...(check === undefined ? {} : { check }),
});
const EXPECTED = ['rainfall', 'windGust'];

it('a flagged quantity stands with its check and since when, until a good reading comes', () => {
  const watch = new FlagWatch();
  const at = (hour: number, check?: string) => {
    const values = [latest('windGust', hour, check), latest('rainfall', hour)];
    watch.look(values);
    return stationHealth(place, values, EXPECTED, hour * HOUR_MS, watch.suspectOf(values));
  };
  const gust = { quantity: 'windGust', flag: 'suspect', check: 'persistence' };
  expect(at(10)).toMatchObject({ state: 'good', suspect: [] });
  expect(at(11, 'persistence')).toMatchObject({ state: 'suspect', since: 11 * HOUR_MS });
  expect(at(13, 'persistence').suspect).toEqual([{ ...gust, since: 11 * HOUR_MS }]);
  expect(at(14)).toMatchObject({ state: 'good' });
  expect(at(15, 'persistence').suspect).toEqual([{ ...gust, since: 15 * HOUR_MS }]);
});

it('suspect stands above partial and below good, and is told on every rung', () => {
  const watch = new FlagWatch();
  const values = [latest('windGust', 10, 'range')];
  watch.look(values);
  const suspect = watch.suspectOf(values);
  const health = (now: number) => stationHealth(place, values, EXPECTED, now * HOUR_MS, suspect);
  expect(health(10)).toMatchObject({
    state: 'partial',
    missing: ['rainfall'],
    suspect: [{ quantity: 'windGust' }],
  });
  expect(health(14)).toMatchObject({ state: 'silent', suspect: [{ quantity: 'windGust' }] });
});
