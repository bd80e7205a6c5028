import { expect, it } from 'vitest';
import { configSchema, workersOf } from './config.ts';

const of = (pipeline: object, cores: number): { min: number; max: number } =>
  workersOf(configSchema.parse({ pipeline }), cores);

it('leaves one core to the main thread, and takes four at most unasked', () => {
  expect([1, 2, 3, 5, 64].map((cores) => of({}, cores).max)).toEqual([1, 1, 2, 4, 4]);
  expect(of({}, 64).min).toBe(1);
});

it('does what is asked, up to the number of partitions', () => {
  expect(of({ workers: { min: 2, max: 16 } }, 2)).toEqual({ min: 2, max: 16 });
  expect(of({ workers: { min: 3 } }, 2)).toEqual({ min: 3, max: 3 });
  expect(of({ partitions: 2, workers: { min: 3, max: 8 } }, 64)).toEqual({ min: 2, max: 2 });
});

it('refuses a minimum above the maximum', () => {
  expect(() => of({ workers: { min: 3, max: 2 } }, 8)).toThrow(/min is above max/);
});
