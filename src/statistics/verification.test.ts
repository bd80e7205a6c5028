import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AlertEvent } from '../model/alert.ts';
import { HOUR_MS } from '../model/time.ts';
import { quantile, scoresOf, wilson } from './verification.ts';
import { match, type Occurrence, occurrencesAt, type Warned, warnedSpells } from './verification-match.ts';

test('Finley 1884, the published table of his tornado forecasts', () => {
  const scores = scoresOf({ hits: 28, falseAlarms: 72, misses: 23, correctNegatives: 2680 });
  expect(scores.pod).toBeCloseTo(0.549, 3);
  expect(scores.far).toBeCloseTo(0.72, 3);
  expect(scores.csi).toBeCloseTo(0.228, 3);
  expect(scores.bias).toBeCloseTo(1.961, 3);
  expect(scores.hss).toBeCloseTo(0.355, 3);
});

test('divisors of 0 give null, Wilson stays inside 0 and 1', () => {
  const none = scoresOf({ hits: 0, falseAlarms: 0, misses: 0, correctNegatives: null });
  expect(Object.values(none).every((value) => value === null)).toBe(true);
  // By hand for 0 of 10: upper = (z2 / n) / (1 + z2 / n), z2 = 3.8415.
  expect(wilson(0, 10)?.[0]).toBe(0);
  expect(wilson(0, 10)?.[1]).toBeCloseTo(0.2775, 4);
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
});

const base = { rule: 'r', subject: 'A' };
const at = (from: number, to: number): Occurrence => ({ ...base, level: 'red', from, to });
const warned = (from: number, to: number): Warned => ({ ...base, alert: 'x', from, to, issuedAt: from });

test('a small case by hand: two hits, one miss, one false alarm; the tolerance is met at its edge', () => {
  const spells = [warned(0, 10), warned(50, 60), warned(100, 110)];
  const found = match(spells, [at(5, 20), at(65, 70), at(200, 210)], 5);
  expect(found.hits.map((hit) => hit.leadMs)).toEqual([5, 15]);
  expect(found.misses.map((miss) => miss.from)).toEqual([200]);
  expect(found.falseAlarms).toEqual([warned(100, 110)]);
  expect(match(spells, [at(65, 70)], 4).hits).toHaveLength(0);
});

test('a spell is the time at the level or above; an alert that is open lasts to the end', () => {
  const event = (revision: number, name: AlertEvent['event'], level: AlertEvent['level']): AlertEvent => {
    const time = revision * HOUR_MS;
    const subject = { kind: 'station', id: 'A' } as const;
    const times = { onsetAt: HOUR_MS, at: time, issuedAt: time };
    return {
      alert: 'x',
      revision,
      event: name,
      rule: 'r',
      hazard: 'rain',
      subject,
      level,
      ...times,
      evidence: [],
    };
  };
  const events = [
    event(1, 'raised', 'yellow'),
    event(2, 'escalated', 'red'),
    event(3, 'de-escalated', 'yellow'),
  ];
  const hours = (level: AlertEvent['level']): number[][] =>
    warnedSpells(events, 'r', level, 9 * HOUR_MS).map(({ from, to }) => [from / HOUR_MS, to / HOUR_MS]);
  expect(hours('yellow')).toEqual([[1, 9]]);
  expect(hours('orange')).toEqual([[2, 3]]);
});

const interval = fc
  .record({ subject: fc.constantFrom('A', 'B'), from: fc.nat(200), length: fc.nat(20) })
  .map(({ subject, from, length }) => ({ rule: 'r', subject, from, to: from + length }));
const truths = fc.array(
  interval.map((row): Occurrence => ({ ...row, level: 'red' })),
  { maxLength: 15 },
);
const spellLists = fc.array(
  interval.map((row): Warned => ({ ...row, alert: 'x', issuedAt: row.from })),
  { maxLength: 15 },
);

test('counts add up, each occurrence is matched once, the order of rows and spells does not matter', () => {
  fc.assert(
    fc.property(truths, spellLists, fc.nat(10), (truth, spells, tolerance) => {
      const joined = occurrencesAt(truth, 'r', 'red');
      const found = match(spells, joined, tolerance);
      const seen = [...found.hits.map((hit) => hit.occurrence), ...found.misses];
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toHaveLength(joined.length);
      expect(found.falseAlarms.length).toBeLessThanOrEqual(spells.length);
      const turned = match(spells.toReversed(), occurrencesAt(truth.toReversed(), 'r', 'red'), tolerance);
      expect(turned.hits).toEqual(found.hits);
      expect(turned.misses).toEqual(found.misses);
      expect(turned.falseAlarms.toReversed()).toEqual(found.falseAlarms);
      expect(occurrencesAt([...truth, ...truth], 'r', 'red')).toEqual(joined);
    }),
  );
});
