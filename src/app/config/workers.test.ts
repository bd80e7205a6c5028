import { expect, it } from 'vitest';
import { workersOf } from './config.ts';
import { configSchema } from './schema.ts';

const of = (pipeline: object, cores = 8): { min: number; max: number } =>
  workersOf(configSchema.parse({ pipeline }), cores);

it('leaves a core to the main thread and stops at four; where one is left the main thread folds', () => {
  expect([1, 2, 3, 4, 5, 64].map((cores) => of({}, cores).max)).toEqual([1, 1, 2, 3, 4, 4]);
  expect(of({}, 64).min).toBe(1);
});

it('does what is asked, up to the number of partitions', () => {
  expect(of({ workers: { min: 2, max: 16 } })).toEqual({ min: 2, max: 16 });
  expect(of({ workers: { min: 3 } }, 2)).toEqual({ min: 3, max: 3 });
  expect(of({ workers: { max: 1 } })).toEqual({ min: 1, max: 1 });
  expect(of({ partitions: 2, workers: { min: 3, max: 8 } })).toEqual({ min: 2, max: 2 });
});

it('refuses a minimum above the maximum', () => {
  expect(() => of({ workers: { min: 3, max: 2 } })).toThrow(/min is above max/);
});
