import { expect, it } from 'vitest';
import { configSchema, workersOf } from './config.ts';

const of = (pipeline: object): { min: number; max: number } => workersOf(configSchema.parse({ pipeline }));

it('folds by the main thread alone unless asked', () => {
  expect(of({})).toEqual({ min: 1, max: 1 });
});

it('does what is asked, up to the number of partitions', () => {
  expect(of({ workers: { min: 2, max: 16 } })).toEqual({ min: 2, max: 16 });
  expect(of({ workers: { min: 3 } })).toEqual({ min: 3, max: 3 });
  expect(of({ partitions: 2, workers: { min: 3, max: 8 } })).toEqual({ min: 2, max: 2 });
});

it('refuses a minimum above the maximum', () => {
  expect(() => of({ workers: { min: 3, max: 2 } })).toThrow(/min is above max/);
});
