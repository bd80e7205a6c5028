import { describe, expect, test } from 'vitest';
import type { Report } from '../model/report.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../model/time.ts';
import { Bench, hour, hourRule, rain, rainRule, report, rule, rulesRecord, station } from './fixture.ts';

const silence = rule({ yellow: 'silent(3h)' }, null, { name: 'mute', expiresMs: 24 * HOUR_MS });

describe('gaps and coverage', () => {
  test('a gap is missing, not zero: the alert does not clear', () => {
    const bench = new Bench([hourRule]).feed(
      rain(1, 25),
      report(2, { airTemperature: 20 }),
      report(3, { airTemperature: 20 }),
    );
    expect(bench.story).toEqual(['raised yellow @1', 'unverified yellow @2']);
  });
  test('70 mm in a report of six hours is not 70 mm in one hour', () => {
    const bench = new Bench([hourRule]).feed(rain(1, 25), rain(7, 70, { intervalMs: 6 * HOUR_MS }));
    expect(bench.events.some((e) => e.level !== 'yellow')).toBe(false);
    const wide = new Bench([
      rule({ yellow: 'sum(rainfall, 24h) > 20 mm and sum(rainfall, 1h) >= 0 mm' }, null),
    ]);
    wide.feed(rain(7, 70, { intervalMs: 6 * HOUR_MS }));
    expect(wide.events[0]?.evidence).toMatchObject([
      { value: 70, observations: 1, coverage: 0.25 },
      { coverage: 0, observations: 0, upperBound: 70 },
    ]);
    expect(wide.events[0]?.evidence[1]).not.toHaveProperty('value');
  });
});

describe('time without reports', () => {
  test('silence never clears: unverified, then expired', () => {
    const bench = new Bench([hourRule]).feed(rain(1, 25)).tick(hour(30));
    expect(bench.story).toEqual([
      'raised yellow @1',
      `unverified yellow @${3 + 1 / 3600}`,
      'ended:expired yellow @7',
    ]);
    expect(bench.revisions.map((r) => r.expiresAt)).toEqual([hour(7), hour(7), hour(7)]);
    expect(bench.events.map((e) => e.issuedAt)).toEqual([hour(1), hour(3) + SECOND_MS, hour(7)]);
  });
  test('a report verifies it again', () => {
    const bench = new Bench([hourRule]).feed(rain(1, 25), rain(4, 25));
    expect(bench.story).toEqual([
      'raised yellow @1',
      `unverified yellow @${3 + 1 / 3600}`,
      'verified yellow @4',
    ]);
    expect(bench.revisions.map((r) => r.unverified)).toEqual([false, true, false]);
  });
  test('after an expiry a later raise is another alert', () => {
    const bench = new Bench([hourRule]).feed(rain(1, 25)).tick(hour(8)).feed(rain(9, 25));
    expect(bench.story.at(-1)).toBe('raised yellow @9');
    expect(new Set(bench.events.map((e) => e.alert)).size).toBe(2);
    expect(bench.events.at(-1)).toMatchObject({ revision: 1, onsetAt: hour(9) });
  });
  test('it extends at two thirds of its expiry, not before', () => {
    const bench = new Bench([hourRule]).feed(...[1, 2, 3, 4, 5, 6].map((at) => rain(at, 25)));
    expect(bench.story).toEqual(['raised yellow @1', 'updated yellow @5']);
    expect(bench.revisions[1]?.expiresAt).toBe(hour(11));
  });
  test('silent(3h) raises one second after three hours and clears on return', () => {
    const bench = new Bench([silence]).feed(rain(1, 0)).tick(hour(4));
    expect(bench.story).toEqual([]);
    bench.tick(hour(4) + SECOND_MS).feed(rain(6, 0));
    expect(bench.story).toEqual([`raised yellow @${4 + 1 / 3600}`, 'ended:cleared yellow @6']);
  });
  test('a station never heard is silent from its adoption on', () => {
    expect(new Bench([silence]).tick(hour(5)).story).toEqual([`raised yellow @${3 + 1 / 3600}`]);
  });
  test('an outage of our own counts no silence: a gap tick re-arms', () => {
    const bench = new Bench([silence]).feed(rain(1, 0)).tick(hour(10), true);
    expect(bench.tick(hour(13)).story).toEqual([]);
    expect(bench.tick(hour(14)).story).toEqual([`raised yellow @${13 + 1 / 3600}`]);
  });
  test('what expired during our outage expires at once after it', () => {
    const bench = new Bench([hourRule])
      .feed(rain(1, 25))
      .tick(hour(10), true)
      .tick(hour(10) + SECOND_MS);
    expect(bench.story).toEqual(['raised yellow @1', 'ended:expired yellow @7']);
  });
});

describe('late data and corrections', () => {
  test('late data raises, marked late', () => {
    const bench = new Bench([rainRule]).feed(
      rain(1, 0),
      rain(3, 9),
      rain(2, 12, { receivedAt: hour(3) + 600_000 }),
    );
    expect(bench.events).toMatchObject([{ event: 'raised', level: 'yellow', late: true }]);
  });
  test('late data bridges two episodes: the earlier goes on, the later ends merged', () => {
    const bench = new Bench([hourRule]);
    bench.feed(rain(1, 25), rain(2, 0), rain(3, 0), rain(4, 25));
    expect(bench.story).toEqual(['raised yellow @1', 'ended:cleared yellow @3', 'raised yellow @4']);
    bench.feed(rain(2, 25, { receivedAt: hour(4) + MINUTE_MS })).tick(hour(4) + 2 * MINUTE_MS);
    const [first, , second] = bench.events;
    expect(bench.events.slice(3).map((e) => [e.alert, e.event, e.endReason])).toEqual([
      [second?.alert, 'ended', 'merged'],
      [first?.alert, 'updated', undefined],
    ]);
    expect(bench.events.at(-1)).toMatchObject({ revision: 3, onsetAt: hour(1), late: true });
  });
  test('a bridge that is undone: the alert that ended merged is raised again, and its revisions go on', () => {
    const bench = new Bench([hourRule]).feed(rain(1, 25), rain(2, 0), rain(3, 0), rain(4, 25));
    bench.feed(rain(2, 25, { receivedAt: hour(4) + MINUTE_MS })).tick(hour(4) + 2 * MINUTE_MS);
    // A newer report lets the fold forget what it can.
    bench.feed(rain(5, 25), rain(2, 3, { receivedAt: hour(5) + MINUTE_MS })).tick(hour(5) + 2 * MINUTE_MS);
    const first = bench.events[0]?.alert;
    const second = bench.events[2]?.alert;
    expect(bench.events.map((e) => [e.alert, e.revision, e.endReason ?? e.event])).toEqual([
      [first, 1, 'raised'],
      [first, 2, 'cleared'],
      [second, 1, 'raised'],
      [second, 2, 'merged'],
      [first, 3, 'updated'],
      [first, 4, 'cleared'],
      [second, 3, 'raised'],
    ]);
  });
  test('late data that undoes the last clearing goes on with the alert', () => {
    const bench = new Bench([hourRule]).feed(
      rain(1, 25),
      rain(2, 0),
      rain(3, 0),
      rain(3, 25, { receivedAt: hour(3) + MINUTE_MS }),
    );
    expect(bench.story).toEqual(['raised yellow @1', 'ended:cleared yellow @3', 'updated yellow @3']);
    expect(new Set(bench.events.map((e) => e.alert)).size).toBe(1);
  });
  test('late data that splits an episode ends the alert and raises the second part at once', () => {
    const bench = new Bench([hourRule]).feed(...[1, 2, 3, 4].map((at) => rain(at, at === 3 ? 0 : 25)));
    bench.feed(rain(2, 0, { receivedAt: hour(4) + MINUTE_MS }));
    expect(bench.story).toEqual(['raised yellow @1', 'ended:cleared yellow @3', 'raised yellow @4']);
  });
  test('late data that ends an episode earlier and begins another raises it: nothing is bridged', () => {
    const rising = rule({ yellow: 'delta(riverLevel, 2h) > 1 m' }, null);
    const level = (at: number, metres: number, receivedAt = at): Report =>
      report(at, { riverLevel: metres }, { receivedAt: hour(receivedAt) });
    const bench = new Bench([rising], hour(0));
    bench.feed(level(2, 0), level(3, 5), level(4.5, 7), level(5, 4));
    expect(bench.story).toEqual(['raised yellow @3', 'ended:cleared yellow @5']);
    // False at 4 now, and true again from 4.5 on.
    bench.feed(level(4, 1, 5.5)).tick(hour(6));
    expect(bench.story.slice(2)).toEqual(['raised yellow @4.5']);
    expect(new Set(bench.events.map(({ alert }) => alert)).size).toBe(2);
  });
  test('a correction withdraws what never held; a repeat of the replaced value is stale', () => {
    const bench = new Bench([hourRule]).feed(rain(1, 25), rain(1, 2, { receivedAt: hour(1) + MINUTE_MS }));
    expect(bench.story).toEqual(['raised yellow @1', 'ended:withdrawn yellow @1']);
    bench.feed(rain(1, 25, { receivedAt: hour(1) + 2 * MINUTE_MS }));
    expect([bench.story.length, bench.counted('stale-repeat')]).toEqual([2, 1]);
  });
  test('beyond lateness: archive and count only', () => {
    const bench = new Bench([hourRule]).feed(rain(30, 0), rain(5, 90, { receivedAt: hour(30) }));
    expect([bench.story, bench.counted('beyond-lateness')]).toEqual([[], 1]);
    expect(bench.effects.at(-2)).toMatchObject({
      kind: 'readings',
      arrival: 'late',
      report: { values: [90_000] },
    });
  });
  test('from the future: refused, moves no clock', () => {
    const bench = new Bench([hourRule]).feed(rain(1, 25, { receivedAt: hour(1) - 5 * MINUTE_MS - 1 }));
    expect([bench.story, bench.counted('future'), bench.fold.clockAt]).toEqual([
      [],
      1,
      hour(1) - 5 * MINUTE_MS - 1,
    ]);
    expect(new Bench([hourRule]).feed(rain(1, 25, { receivedAt: hour(1) - 5 * MINUTE_MS })).story).toEqual([
      'raised yellow @1',
    ]);
  });
  test('an unknown station is counted', () => {
    expect(new Bench([hourRule]).feed(rain(1, 25, { station: 'X' })).counted('unknown-station')).toBe(1);
  });
});

describe('revisions', () => {
  test('at most one a second: what is more waits for the next tick', () => {
    const bench = new Bench([hourRule]).feed(rain(1, 25, { receivedAt: hour(2) }), rain(2, 65));
    expect(bench.story).toEqual(['raised yellow @1']);
    bench.tick(hour(2) + 999);
    expect(bench.story).toHaveLength(1);
    bench.tick(hour(2) + SECOND_MS);
    expect(bench.story).toEqual(['raised yellow @1', 'escalated red @2']);
    expect(bench.events[1]).toMatchObject({ previousLevel: 'yellow', issuedAt: hour(2) + SECOND_MS });
  });
  test('what waited is told as of the next second, however late the tick comes', () => {
    const bench = new Bench([hourRule]).feed(rain(1, 25, { receivedAt: hour(2) }), rain(2, 65)).tick(hour(5));
    expect(bench.events.map((e) => [e.event, e.issuedAt - hour(2)])).toEqual([
      ['raised', 0],
      ['escalated', SECOND_MS],
      ['unverified', 2 * HOUR_MS + SECOND_MS],
    ]);
  });
  test('ended carries the last level; previousLevel stands on changes of level alone', () => {
    const bench = new Bench([hourRule]).feed(rain(1, 65), rain(2, 25), rain(3, 25), rain(4, 0), rain(5, 0));
    expect(bench.story).toEqual(['raised red @1', 'de-escalated yellow @3', 'ended:cleared yellow @5']);
    expect(bench.events.map((e) => e.previousLevel)).toEqual([undefined, 'red', undefined]);
  });
  test('a new rule version goes on with the open alert; a rule that is gone withdraws it', () => {
    const bench = new Bench([hourRule]).feed(rain(1, 25));
    const stricter = rule(
      { yellow: 'sum(rainfall, 1h) >= 10 mm', red: 'sum(rainfall, 1h) >= 25 mm' },
      'sum(rainfall, 1h) < 5 mm for 1h',
    );
    bench.apply(rulesRecord([stricter], 'second')).feed(rain(2, 26));
    expect(bench.events.map((e) => [e.event, e.level])).toEqual([
      ['raised', 'yellow'],
      ['escalated', 'red'],
    ]);
    expect(new Set(bench.events.map((e) => e.alert)).size).toBe(1);
    bench.tick(hour(2) + MINUTE_MS).apply(rulesRecord([], 'third'));
    expect(bench.events.at(-1)).toMatchObject({ event: 'ended', endReason: 'withdrawn', level: 'red' });
  });
  test('a new version with fewer levels: the alert goes on at the next below', () => {
    const yellowOnly = rule({ yellow: 'sum(rainfall, 1h) >= 20 mm' }, 'sum(rainfall, 1h) < 10 mm for 1h');
    const bench = new Bench([hourRule])
      .feed(rain(1, 65))
      .apply(rulesRecord([yellowOnly], 'second'))
      .tick(hour(8));
    expect(bench.story).toEqual([
      'raised red @1',
      `unverified yellow @${3 + 1 / 3600}`,
      'ended:expired yellow @7',
    ]);
  });
  test('two stations do not touch each other', () => {
    const bench = new Bench([hourRule], hour(0), [station('A801'), station('A802')]);
    bench.feed(rain(1, 25), rain(1, 5, { station: 'A802' }));
    expect(bench.events.map((e) => e.subject.id)).toEqual(['A801']);
  });
});
