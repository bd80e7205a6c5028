import { expect, it } from 'vitest';
import { plottingYears, returnLevel, yearsOf } from './statistics.ts';

it('a return level is the quantile of the distribution, the Gumbel limit included', () => {
  for (const xi of [-0.2, 0, 1e-10, 0.3]) {
    const level = returnLevel({ mu: 80, sigma: 20, xi }, 50);
    const z = (level - 80) / 20;
    const below = Math.exp(-(Math.abs(xi) < 1e-9 ? Math.exp(-z) : (1 + xi * z) ** (-1 / xi)));
    expect(below).toBeCloseTo(1 - 1 / 50, 10);
  }
});

it('the greatest of n maxima is plotted beyond n years', () => {
  expect(plottingYears(16, 1)).toBeCloseTo(16.12 / 0.56, 10);
  expect(plottingYears(16, 16)).toBeGreaterThan(1);
});

it('years are named once, and not for a reading at their edge', () => {
  const month = (name: string, coverage: number) => ({ month: name, coverage });
  const months = [month('2018-12', 0.001), month('2019-12', 1), month('2020-01', 0.5), month('2020-02', 1)];
  expect(yearsOf(months)).toEqual([2019, 2020]);
});
