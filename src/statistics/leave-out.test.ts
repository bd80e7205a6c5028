import { expect, test } from 'vitest';
import { seededRandom } from '../lib/random.ts';
import { bestCandidate, type Candidate, csiOf, leaveOneYearOut, yearBootstrap } from './leave-out.ts';

const candidate = (value: number, ...years: readonly (readonly [number, number, number])[]): Candidate => ({
  value,
  years: new Map(years.map(([hits, misses, falseAlarms], i) => [2001 + i, { hits, misses, falseAlarms }])),
});
// 20 is best in 2001 and 2002, 30 in 2003 alone; over all years 20 has CSI 7/11, 30 has 6/9.
const low = candidate(20, [3, 0, 1], [3, 0, 1], [1, 0, 2]);
const high = candidate(30, [2, 1, 0], [2, 1, 0], [2, 1, 0]);
const years = [2001, 2002, 2003];

test('the best CSI of the years given; of equals the nearest to the current one', () => {
  expect(bestCandidate([low, high], [2001, 2002], 20)?.value).toBe(20);
  expect(bestCandidate([low, high], years, 20)?.value).toBe(30);
  expect(bestCandidate([candidate(10, [1, 0, 0]), candidate(40, [1, 0, 0])], [2001], 35)?.value).toBe(40);
  expect(bestCandidate([candidate(10)], [2001], 10)).toBeUndefined();
  expect(csiOf({ hits: 7, misses: 0, falseAlarms: 4 })).toBe(7 / 11);
});

test('a year is counted with the threshold that the others choose, not with its own', () => {
  const asked: string[] = [];
  const found = leaveOneYearOut(years, seededRandom(1), high, (others) => {
    asked.push(others.join());
    return bestCandidate([low, high], others, 20);
  });
  expect(asked).toEqual(['2002,2003', '2001,2003', '2001,2002']);
  // By hand: 2002 and 2003 together, 4/7 against 4/6: 30; the same without 2002; without 2003 20, 6/8 against 4/6.
  expect(found?.counts).toEqual({ hits: 2 + 2 + 1, misses: 2, falseAlarms: 2 });
  expect(found?.gain).toBeCloseTo(5 / 9 - 6 / 9, 12);
  expect(found?.gainInterval?.[0]).toBeLessThanOrEqual(found?.gain as number);
  expect(leaveOneYearOut([2001], seededRandom(1), low, () => low)).toBeNull();
  expect(leaveOneYearOut(years, seededRandom(1), low, () => undefined)).toBeNull();
});

test('an interval of years: the same chance gives the same, one value gives that value', () => {
  const mean = (of: readonly number[]): number => of.reduce((sum, year) => sum + year, 0) / of.length;
  const many = Array.from({ length: 30 }, (_, i) => 2001 + i);
  const [from, to] = yearBootstrap(many, seededRandom(7), mean) ?? [];
  expect(yearBootstrap(many, seededRandom(7), mean)).toEqual([from, to]);
  // The mean of 30 has a standard error of 8.66 / sqrt(30) = 1.58: the interval is about 3.1 to each side.
  expect(from).toBeGreaterThan(2015.5 - 4);
  expect(from).toBeLessThan(2015.5 - 2);
  expect(to).toBeGreaterThan(2015.5 + 2);
  expect(yearBootstrap(many, seededRandom(7), () => 5)).toEqual([5, 5]);
  expect(yearBootstrap(many, seededRandom(7), () => null)).toBeNull();
  expect(yearBootstrap([2001, 2002], seededRandom(7), mean)).toBeNull();
});
