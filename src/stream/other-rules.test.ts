import { expect, test } from 'vitest';
import type { Report } from '../model/report.ts';
import type { Rule } from '../model/rule.ts';
import { HOUR_MS } from '../model/time.ts';
import { Bench, hour, rain, report, rule, station } from './fixture.ts';

// What a rule tells follows from its subject alone: the timers of other rules are nothing to it.

const storyOf = (rules: readonly Rule[], reports: readonly Report[], until: number): string[] => {
  const bench = new Bench(rules, hour(0), [station('A801')]);
  bench.feed(...reports).tick(hour(until));
  return bench.events
    .filter((event) => event.rule === 'own')
    .map(({ event, level, at }) => `${event} ${level} @${(at - hour(0)) / HOUR_MS}`);
};

/** Raised at 2 and expired at 8, whatever comes. */
const other = rule({ yellow: 'last(riverLevel, 1h) > 4 m' }, null, { name: 'other' });
const flood = report(2, { rainfall: 25, riverLevel: 5 });

test('an expiry of another rule does not verify an alert before its next evaluation', () => {
  const own = rule({ yellow: 'sum(rainfall, 1h) >= 20 mm', red: 'sum(rainfall, 1h) >= 60 mm' }, null, {
    name: 'own',
    expiresMs: 24 * HOUR_MS,
  });
  // Silent after 2: unverified. The report at 7.5 escalates, which is the one revision of its evaluation.
  const reports = [rain(1, 0), flood, rain(7.5, 65), rain(8.5, 65)];
  const alone = storyOf([own], reports, 9);
  expect(alone.slice(2)).toEqual(['escalated red @7.5', 'verified red @8.5']);
  expect(storyOf([other, own], reports, 9)).toEqual(alone);
});

test('an expiry of another rule is no evaluation of a rule on silence', () => {
  const own = rule({ yellow: 'silent(rainfall, 2h) for 3h' }, null, { name: 'own' });
  const warm = (at: number): Report => report(at, { airTemperature: 20 + at });
  const reports = [rain(1, 0), flood, warm(4), warm(6.5), warm(8.5)];
  expect(storyOf([own], reports, 9)).toEqual(['raised yellow @8.5']);
  expect(storyOf([other, own], reports, 9)).toEqual(['raised yellow @8.5']);
});
