import { describe, expect, it } from 'vitest';
import type { EvidenceItem } from './contract.ts';
import { deciding, isTrue, parseComparison, thresholdsOf } from './expression.ts';

const item = (expression: string, value: number | undefined, threshold: number): EvidenceItem => ({
  expression,
  unit: 'mm',
  threshold,
  from: '2024-04-29T07:00:00Z',
  to: '2024-04-30T07:00:00Z',
  coverage: 1,
  observations: 24,
  ...(value === undefined ? {} : { value }),
});

describe('comparisons', () => {
  it('takes one apart', () => {
    const comparison = parseComparison('sum(rainfall, 24h) > 100 mm');
    expect(comparison).toMatchObject({ left: 'sum(rainfall, 24h)', operator: '>', right: '100 mm' });
    expect(comparison?.call).toEqual({
      aggregate: 'sum',
      quantity: 'rainfall',
      spanMs: 86_400_000,
      windowText: '24 h',
    });
  });
  it('knows what it cannot chart', () => {
    expect(parseComparison('silent(2h)')).toBeNull();
    expect(parseComparison('sum(rainfall, 1h) + sum(rainfall, 3h) > 5 mm')?.call).toBeNull();
  });
  it('finds the comparison that decided: the true one, not the largest number', () => {
    const false1h = item('sum(rainfall, 1h) >= 60 mm', 27, 60);
    const true24h = item('sum(rainfall, 24h) > 100 mm', 120.8, 100);
    expect(deciding([false1h, true24h])).toBe(true24h);
    expect(isTrue(false1h)).toBe(false);
    expect(isTrue(item('sum(rainfall, 24h) > 100 mm', 100, 100))).toBe(false);
    expect(isTrue(item('sum(rainfall, 24h) > 100 mm', undefined, 100))).toBe(false);
  });
  it('reads the thresholds of each level for the same sum', () => {
    const levels = [
      { level: 'yellow', text: 'sum(rainfall, 1h) >= 20 mm or sum(rainfall, 24h) > 20 mm' },
      { level: 'orange', text: '(sum(rainfall,24h) > 50 mm) and max(windGust, 1h) > 10 m/s' },
      { level: 'red', text: 'sum(rainfall, 48h) > 100 mm' },
    ] as const;
    expect(thresholdsOf('sum(rainfall, 24h)', levels)).toEqual([
      { level: 'yellow', value: 20 },
      { level: 'orange', value: 50 },
    ]);
  });
});
