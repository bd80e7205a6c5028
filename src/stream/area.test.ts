import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type AreaNetwork, areaRule } from '../../test/oracle/area-network.ts';
import { all, network, stations, story } from '../../test/oracle/three-stations.ts';
import type { Area } from '../model/area.ts';
import type { Report } from '../model/report.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { formatInstant, HOUR_MS, MINUTE_MS, SECOND_MS } from '../model/time.ts';
import { hour, hourRule, rain, station, T0 } from './fixture.ts';

const two = areaRule(
  { yellow: 'count(stations where sum(rainfall, 1h) >= 20 mm) >= 2' },
  'count(stations where sum(rainfall, 1h) >= 10 mm) < 1 for 1h',
  { name: 'two' },
);
const LATE = 2 + 1 / 3600;

describe('an area alert', () => {
  test('is raised when every station that is not silent has told, and names those that hold', () => {
    const one = network([two]).feed(...all(1, 25, 30, 0).slice(0, 2));
    expect(one.events).toEqual([]);
    one.feed(...all(1, null, null, 0));
    expect(one.events).toMatchObject([
      { event: 'raised', subject: { kind: 'area', id: '1' }, at: hour(1), onsetAt: hour(1) },
    ]);
    expect(one.events[0]?.evidence).toMatchObject([
      { value: 2, threshold: 2, stations: ['A801', 'A802'], observations: 3 },
    ]);
    const id = createHash('sha256')
      .update(`two\narea:1\n${formatInstant(hour(1))}`)
      .digest('hex');
    expect(one.events[0]?.alert).toBe(id.slice(0, 32));
  });
  test('clears with its own clear', () => {
    const one = network([two]).feed(...all(1, 25, 30, 0), ...all(2, 0, 0, 0), ...all(3, 0, 0, 0));
    expect(story(one)).toEqual(['raised 1 @1', 'ended:cleared 1 @3']);
  });
  test('does not wait for a silent station, nor count it', () => {
    const share = areaRule({ yellow: 'share(stations where sum(rainfall, 1h) >= 20 mm) >= 100 %' }, null);
    const one = network([share]).feed(...all(1, 0, 0, 0), ...all(2, 25, 25, null));
    expect(story(one)).toEqual([]);
    // The third was heard at 1 and falls silent one second after 3: until then hour 2 waits for it.
    one.tick(hour(1 + 2));
    expect(story(one)).toEqual([]);
    one.tick(hour(3) + SECOND_MS);
    expect(story(one)).toEqual(['raised 1 @2']);
    expect(one.events[0]).toMatchObject({ issuedAt: hour(3) + SECOND_MS });
    expect(one.events[0]?.evidence[0]).toMatchObject({
      observations: 2,
      stations: ['A801', 'A802'],
      value: 100,
    });
  });
  test('turns unverified when all are silent, and verified when one is back', () => {
    const one = network([two]).feed(...all(1, 25, 30, 0), ...all(2, 25, 30, null));
    one.tick(hour(5)).feed(...all(5, 25, null, null));
    expect(story(one)).toEqual(['raised 1 @1', `unverified 1 @${2 + LATE}`, 'verified 1 @5']);
  });
  test('is raised by data that came later than the pace of its stations, and is unverified then', () => {
    const one = network([two]).tick(hour(4));
    const late = (report: Report): Report => ({ ...report, receivedAt: hour(4) + MINUTE_MS });
    one.feed(...all(1, 25, 30, 0).map(late)).tick(hour(4) + 2 * MINUTE_MS);
    expect(story(one)[0]).toBe('raised 1 @1');
    expect(one.tick(hour(5)).events.map(({ event }) => event)).toEqual(['raised', 'unverified']);
  });
  test('expires', () => {
    const one = network([{ ...two, expiresMs: 6 * HOUR_MS }])
      .feed(...all(1, 25, 30, 0))
      .tick(hour(9));
    expect(story(one)).toEqual(['raised 1 @1', `unverified 1 @${1 + LATE}`, 'ended:expired 1 @7']);
  });
  test('late data raises, marked late; a correction withdraws', () => {
    const one = network([two]).feed(...all(1, 25, 0, 0), ...all(2, 0, 0, 0));
    one.feed(rain(2, 25, { station: 'A801', receivedAt: hour(2) + MINUTE_MS }));
    one.feed(rain(2, 25, { station: 'A803', receivedAt: hour(2) + 2 * MINUTE_MS }));
    expect(one.events).toMatchObject([{ event: 'raised', at: hour(2) }]);
    one.feed(rain(2, 1, { station: 'A803', receivedAt: hour(2) + 3 * MINUTE_MS }));
    expect(story(one)).toEqual(['raised 1 @2', 'ended:withdrawn 1 @2']);
    // Hour 1 is before the frontier: it lies in the past of the area.
    const past = network([areaRule({ yellow: 'max(rainfall, 2h) > 20 mm' }, null)]);
    past.feed(...all(1, 0, 0, 0), ...all(2, 0, 0, 0));
    past.feed(rain(1, 30, { station: 'A802', receivedAt: hour(2) + MINUTE_MS }));
    expect(past.events).toMatchObject([{ event: 'raised', late: true, at: hour(1) }]);
  });
  test('instants before the frontier do not raise', () => {
    const slow = [station('A801', '1'), { ...station('A802', '1'), intervalMs: 3 * HOUR_MS }];
    const any = areaRule({ yellow: 'max(rainfall, 1h) > 20 mm' }, 'sum(rainfall, 9h) < 1 mm', {
      coverage: 0,
    });
    const one = network([any], { stations: slow });
    one.feed(...all(1, 0), ...all(2, 30), ...all(3, 0));
    one.feed(rain(3, 0, { station: 'A802', intervalMs: 3 * HOUR_MS }));
    expect(story(one)).toEqual([]);
    one.feed(...all(4, 0), ...all(5, 0), ...all(6, 30));
    one.feed(rain(6, 0, { station: 'A802', intervalMs: 3 * HOUR_MS }));
    expect(story(one)).toEqual(['raised 1 @6']);
  });
  test('a station that delays and then falls silent is left out of what was evaluated meanwhile', () => {
    const share = areaRule(
      { yellow: 'share(stations where sum(rainfall, 1h) >= 20 mm) >= 100 % for 1h' },
      null,
    );
    const one = network([share]).feed(...all(1, 0, 0, 0), ...all(2, 0, 0, null), ...all(3, 25, 25, null));
    // Silent from one second after 3 on, so that hour 3 is evaluated without it; then its hour 2 comes after all.
    one.tick(hour(3) + SECOND_MS).feed(rain(2, 0, { station: 'A803', receivedAt: hour(3) + 30 * MINUTE_MS }));
    one.feed(...all(4, 25, 25, null)).tick(hour(4) + SECOND_MS);
    expect(one.events).toMatchObject([{ event: 'raised', at: hour(4), onsetAt: hour(3) }]);
  });
  test('plain aggregates pool the readings; coverage is the mean of the stations', () => {
    const pooled = areaRule(
      {
        yellow: 'sum(rainfall, 2h) >= 60 mm',
        orange: 'avg(rainfall, 2h) >= 15 mm',
        red: 'avg(rainfall, 2h) >= 21 mm',
      },
      null,
    );
    const one = network([pooled]).feed(...all(1, 10, 20, 30), ...all(2, 0, 10, 20));
    expect(one.events.at(-1)).toMatchObject({ event: 'escalated', level: 'orange' });
    expect(one.events.at(-1)?.evidence).toMatchObject([{ value: 15, observations: 6, coverage: 1 }]);
    const gap = network([pooled]).feed(...all(1, 60, null, 30));
    gap.tick(hour(2) + SECOND_MS);
    expect(gap.events).toMatchObject([{ level: 'yellow' }]);
    expect(gap.events[0]?.evidence).toMatchObject([{ value: 90, observations: 2, coverage: 0.333 }]);
  });
  test('a rule on silence counts silent stations, by the clock', () => {
    const mute = areaRule({ yellow: 'count(stations where silent(3h)) >= 2' }, null, { name: 'mute' });
    const one = network([mute])
      .feed(...all(1, 0, 0, 0), ...all(2, 0, null, null))
      .tick(hour(6));
    expect(story(one)).toEqual([`raised 1 @${4 + 1 / 3600}`]);
    expect(one.events[0]?.evidence[0]).toMatchObject({ stations: ['A802', 'A803'] });
    one.feed(...all(6, 0, 0, 0));
    expect(story(one).at(-1)).toBe('ended:cleared 1 @6');
  });
  test('a sequence looks back on the area', () => {
    const then = areaRule(
      {
        yellow:
          'count(stations where sum(rainfall, 1h) >= 20 mm) >= 2 then max(rainfall, 1h) < 5 mm within 3h',
      },
      null,
    );
    const one = network([then]).feed(...all(1, 25, 30, 0), ...all(2, 10, 0, 0), ...all(3, 0, 0, 0));
    expect(story(one)).toEqual(['raised 1 @3']);
  });
});

describe('rules, registry and areas change', () => {
  const basin: Area = { id: 'basin', name: 'Basin', region: '1', stations: ['A801', 'A802'] };
  const named = areaRule({ yellow: 'count(stations where sum(rainfall, 1h) >= 20 mm) >= 1' }, null, {
    name: 'named',
    area: { kind: 'named', name: 'basin' },
  });
  test('a named area has its own stations', () => {
    const one = network([named], { areas: [basin] }).feed(...all(1, 0, 0, 90), ...all(2, 0, 25, 0));
    expect(story(one)).toEqual(['raised basin @2']);
  });
  test('a rule that is gone withdraws; a new version goes on; a rule of stations ends no alert of an area', () => {
    const one = network([two, hourRule])
      .feed(...all(1, 25, 30, 0))
      .tick(hour(1) + MINUTE_MS);
    one.rules([two]).tick(hour(1) + 2 * MINUTE_MS);
    expect(story(one).filter((line) => line.includes(' 1 '))).toEqual(['raised 1 @1']);
    expect(story(one).filter((line) => line.includes('withdrawn'))).toHaveLength(2);
    const stricter = areaRule(
      {
        yellow: 'count(stations where sum(rainfall, 1h) >= 10 mm) >= 2',
        red: 'count(stations where sum(rainfall, 1h) >= 10 mm) >= 3',
      },
      null,
      { name: 'two' },
    );
    one.rules([stricter]).feed(...all(2, 15, 15, 15));
    expect(story(one).at(-1)).toBe('escalated 1 @2');
    one.tick(hour(2) + MINUTE_MS).rules([hourRule]);
    expect(story(one).at(-1)).toMatch(/^ended:withdrawn 1/);
    expect(new Set(one.events.filter((e) => e.subject.id === '1').map((e) => e.alert)).size).toBe(1);
  });
  test('a rule, or an area, that comes back goes on with the revisions of its alerts', () => {
    const told = (one: AreaNetwork): string[] =>
      one.events.map(
        ({ alert, revision, event }) => `${one.events[0]?.alert === alert} ${revision} ${event}`,
      );
    for (const isRestarted of [false, true]) {
      const one = network([two])
        .feed(...all(1, 25, 30, 0))
        .rules([])
        .tick(hour(1) + MINUTE_MS);
      if (isRestarted) one.restart();
      one.rules([two]).feed(rain(1, 31, { station: 'A802', receivedAt: hour(1) + 2 * MINUTE_MS }));
      expect(told(one)).toEqual(['true 1 raised', 'true 2 ended', 'true 3 raised']);
    }
  });
  test('a rule that becomes one of stations withdraws the alert of the area', () => {
    const one = network([two])
      .feed(...all(1, 25, 30, 0))
      .tick(hour(1) + MINUTE_MS);
    one.rules([{ ...hourRule, name: 'two' }]);
    expect(story(one).at(-1)).toMatch(/^ended:withdrawn 1/);
  });
  test('an area that is gone withdraws', () => {
    const one = network([named], { areas: [basin] })
      .feed(...all(1, 25, 0, 0))
      .tick(hour(1) + MINUTE_MS);
    one.put(stations, []);
    expect(story(one)).toEqual(['raised basin @1', `ended:withdrawn basin @${1 + 1 / 60}`]);
  });
  test('a station moved out of an area holds it back no more', () => {
    const one = network([named], { areas: [basin] }).feed(...all(1, 0, 0, 0), ...all(2, 25, null, 0));
    expect(story(one)).toEqual([]);
    one.put(stations, [{ ...basin, stations: ['A801'] }]);
    expect(story(one)).toEqual(['raised basin @2']);
  });
});
describe('late data of a large area', () => {
  const many = Array.from({ length: 60 }, (_, i) => ({
    ...station(`S${100 + i}`, '1'),
    intervalMs: 10 * MINUTE_MS,
  }));
  /** Every ten minutes a report of each, at its own second. What comes late corrects one of them. */
  const dry = (slots: number): Report[] =>
    Array.from({ length: slots * many.length }, (_, k) => {
      const at = T0 + (Math.floor(k / many.length) + 1) * 10 * MINUTE_MS + (k % many.length) * 10 * SECOND_MS;
      const { id } = many[k % many.length] as Station;
      return rain(0, 0, { station: id, observedAt: at, receivedAt: at, intervalMs: 10 * MINUTE_MS });
    });
  const slots = 36;
  const wet = (i: number, slot: number, receivedAt: number): Report =>
    rain(0, 25, {
      station: `S${100 + i}`,
      observedAt: T0 + slot * 10 * MINUTE_MS + i * 10 * SECOND_MS,
      receivedAt,
      intervalMs: 10 * MINUTE_MS,
    });
  const both = (span: string): Rule =>
    areaRule({ yellow: `count(stations where max(rainfall, ${span}) >= 20 mm) >= 2` }, null, {
      name: 'both',
      coverage: 0,
    });
  const lateAt = T0 + (slots + 2) * 10 * MINUTE_MS;

  test('waits for the next tick after the first of a second, and a checkpoint keeps it', () => {
    for (const isRestarted of [false, true]) {
      const one = network([both('12h')], { stations: many }).feed(...dry(slots));
      one.feed(wet(0, 8, lateAt), wet(1, 8, lateAt), wet(2, 8, lateAt));
      expect(story(one)).toEqual([]);
      if (isRestarted) one.restart();
      one.tick(lateAt + SECOND_MS);
      expect(one.events).toMatchObject([
        { event: 'raised', late: true, at: T0 + 80 * MINUTE_MS + 10 * SECOND_MS },
      ]);
      expect(one.events[0]?.evidence[0]?.stations).toEqual(['S100', 'S101']);
    }
  });
  test('what came in order meanwhile does not wait', () => {
    const one = network([both('1h')], { stations: many }).feed(...dry(slots));
    one.feed(wet(5, 8, lateAt), wet(6, 8, lateAt));
    expect(one.events).toEqual([]);
    const at = lateAt;
    for (const [i, { id }] of many.entries())
      one.feed(
        rain(0, i < 2 ? 25 : 0, {
          station: id,
          observedAt: at,
          receivedAt: at,
          intervalMs: 10 * MINUTE_MS,
        }),
      );
    expect(one.events).toMatchObject([{ event: 'raised', at, issuedAt: at }]);
  });
});
