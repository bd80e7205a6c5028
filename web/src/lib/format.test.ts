import { describe, expect, it } from 'vitest';
import { day, durationMs, number, position, span, time } from './format.ts';
import { distanceKm, fold } from './geography.ts';
import { placeLabels } from './labels.ts';

describe('what a person reads', () => {
  it('writes decimal commas and 24 h times in Portuguese', () => {
    expect(number(120.8, 'pt-BR')).toBe('120,8');
    expect(number(120.8, 'en')).toBe('120.8');
    expect(time('2024-04-30T03:05:00Z', 'pt-BR', 'America/Sao_Paulo')).toBe('00:05');
    expect(day('2024-04-30T07:00:00Z', 'pt-BR', 'America/Sao_Paulo')).toBe('30 abr');
  });
  it('writes spans in two units', () => {
    expect([12_000, 360_000, 21_960_000, 3_600_000, 172_800_000].map(span)).toEqual([
      '12 s',
      '6 min',
      '6 h 06 min',
      '1 h',
      '2 d',
    ]);
  });
  it('reads intervals and refuses what is none', () => {
    expect(durationMs('PT1H')).toBe(3_600_000);
    expect(durationMs('PT10M')).toBe(600_000);
    expect(durationMs('hourly')).toBeNull();
    expect(durationMs(null)).toBeNull();
  });
  it('places stations', () => {
    expect(position(-29.3689, -50.8272, 'pt-BR')).toBe('29,3689° S 50,8272° O');
    expect(distanceKm({ latitude: 0, longitude: 0 }, { latitude: 0, longitude: 1 })).toBeCloseTo(111.19, 1);
    expect(fold('Tupanciretã')).toBe('tupancireta');
  });
  it('names marks without covering another', () => {
    const mark = (id: string, x: number, y: number) => ({ station: { id, name: `Estação ${id}` }, x, y });
    const labels = placeLabels([mark('A', 100, 100), mark('B', 104, 100)], new Set(['A', 'B']), 300, 300);
    expect(new Set(labels.map((label) => `${label.x} ${label.y}`)).size).toBe(labels.length);
    expect(labels.length).toBeGreaterThan(0);
  });
});
