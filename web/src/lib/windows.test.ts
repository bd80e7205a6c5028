import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { completeness, gaps, type Reading, runs, slide } from './windows.ts';

const hour = 3_600_000;
const reading = (at: number, value: number, flag = 'good'): Reading => ({ at: at * hour, value, flag });

describe('slide', () => {
  it('counts a reading only when its whole interval lies in the window', () => {
    const readings = [reading(1, 5), reading(2, 7), reading(3, 11)];
    expect(slide(readings, [3 * hour], 2 * hour, hour, 'sum')[0]).toEqual({
      at: 3 * hour,
      value: 18,
      coverage: 1,
    });
    // A six-hour report is no part of a two-hour window, however recent.
    expect(slide([reading(6, 70)], [6 * hour], 2 * hour, 6 * hour, 'sum')[0]?.value).toBeNull();
  });
  it('gives half coverage, not zero, for a half covered window', () => {
    expect(slide([reading(4, 3)], [4 * hour], 2 * hour, hour, 'sum')[0]).toEqual({
      at: 4 * hour,
      value: 3,
      coverage: 0.5,
    });
  });
  it('leaves refused readings out', () => {
    expect(slide([reading(1, 5), reading(2, 400, 'bad')], [2 * hour], 2 * hour, hour, 'max')[0]?.value).toBe(
      5,
    );
  });
  it('adds up to the plain sum of what lies inside, for any series', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 30 }),
        (values, span) => {
          const readings = values.map((value, i) => reading(i + 1, value / 10));
          const last = slide(readings, [values.length * hour], span * hour, hour, 'sum')[0];
          const plain = values.slice(-span).reduce((total, value) => total + value, 0) / 10;
          expect(last?.value).toBeCloseTo(plain, 3);
        },
      ),
    );
  });
});

describe('gaps and runs', () => {
  it('joins neighbouring missing intervals', () => {
    expect(gaps([reading(1, 0), reading(4, 0)], { from: 0, to: 5 * hour }, hour)).toEqual([
      { from: hour, to: 3 * hour },
      { from: 4 * hour, to: 5 * hour },
    ]);
  });
  it('breaks a line where a reading is missing', () => {
    expect(runs([reading(1, 0), reading(2, 0), reading(4, 0)], hour).map((run) => run.length)).toEqual([
      2, 1,
    ]);
  });
  it('arrived and missing make the whole', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 48 })), (hours) => {
        const readings = hours.toSorted((a, b) => a - b).map((at) => reading(at, 1));
        const span = { from: 0, to: 48 * hour };
        const missing = gaps(readings, span, hour).reduce((total, gap) => total + gap.to - gap.from, 0);
        expect(missing / hour + completeness(readings, span, hour) * 48).toBeCloseTo(48);
      }),
    );
  });
});
