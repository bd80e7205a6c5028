import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linear, niceTop, ticks, timeTicks } from './scale.ts';

describe('axes', () => {
  it('maps ends to ends', () => {
    const x = linear([0, 10], [100, 0]);
    expect([x(0), x(5), x(10)]).toEqual([100, 50, 0]);
    expect(linear([3, 3], [7, 9])(3)).toBe(7);
  });
  it('gives round ticks inside the range', () => {
    expect(ticks(0, 128, 4)).toEqual([0, 40, 80, 120]);
    fc.assert(
      fc.property(fc.integer({ min: -500, max: 500 }), fc.integer({ min: 1, max: 900 }), (low, width) => {
        const found = ticks(low, low + width, 4);
        expect(found.length).toBeLessThanOrEqual(8);
        expect(found.every((tick) => tick >= low - 1e-6 && tick <= low + width + 1e-6)).toBe(true);
      }),
    );
  });
  it('leaves room above the highest value', () => {
    expect(niceTop(120.8, 4)).toBeGreaterThan(120.8);
    expect(niceTop(0, 4)).toBe(1);
  });
  it('marks days at local midnight', () => {
    const marks = timeTicks(
      Date.parse('2024-04-29T00:00:00Z'),
      Date.parse('2024-04-30T12:00:00Z'),
      6,
      'America/Sao_Paulo',
    );
    const days = marks.filter((mark) => mark.isDay).map((mark) => new Date(mark.at).toISOString());
    expect(days).toEqual(['2024-04-29T03:00:00.000Z', '2024-04-30T03:00:00.000Z']);
  });
});
