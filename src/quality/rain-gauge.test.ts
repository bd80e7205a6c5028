import { describe, expect, it } from 'vitest';
import { faultyZeros, highInflux } from './rain-gauge.ts';

const pad = (head: readonly number[], length: number, rest: number): number[] => [
  ...head,
  ...Array.from({ length: length - head.length }, () => rest),
];
const asPublished = (flags: readonly (boolean | undefined)[]): number[] =>
  flags.map((flag) => (flag === undefined ? -1 : Number(flag)));
/** Neighbours that reported: two at steps 29 and 35, else over twenty, as in the published vectors. */
const neighbours = Array.from({ length: 37 }, (_, i) => (i === 29 || i === 35 ? 2 : 23));

// Vectors of pypwsqc (OpenSenseAction, BSD-3), the Python form of PWSQC; of the medians only whether they are wet counts.
describe('faulty zeros, published vectors', () => {
  it('dry through 37 wet steps', () => {
    const flags = faultyZeros({ rain: pad([], 37, 0), median: pad([], 37, 0.101), neighbours }, 3);
    expect(asPublished(flags)).toEqual(
      Array.from({ length: 37 }, (_, i) => (i < 3 || i === 29 || i === 35 ? -1 : 1)),
    );
  });

  it('a gauge that counts now and then', () => {
    const rain = pad([], 37, 0).map((_, i) => (i === 10 || i === 20 || i === 34 ? 0.101 : 0));
    const median = pad([], 37, 0.101).map((wet, i) => (i === 3 || i === 23 || i === 24 || i >= 29 ? 0 : wet));
    const flags = faultyZeros({ rain, median, neighbours }, 7);
    expect(asPublished(flags)).toEqual(
      Array.from({ length: 37 }, (_, i) => {
        if (i < 7 || i === 29 || i === 35) return -1;
        return i === 18 || i === 19 ? 1 : 0;
      }),
    );
  });
});

describe('high influx, published vectors', () => {
  it('against dry neighbours', () => {
    const rain = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1.313, 3.737, 0.404];
    const steps = { rain, median: rain.map(() => 0), neighbours: rain.map(() => 23) };
    expect(highInflux(steps, 0.4, 10).some(Boolean)).toBe(false);
    expect(highInflux(steps, 0.4, 3).flatMap((is, i) => (is ? [i] : []))).toEqual([12]);
  });

  it('with too few neighbours it is not judged', () => {
    const flags = highInflux({
      rain: [0, 0, 0, 0, 15, 0, 15, 0],
      median: [0.1, 0.2, 0.35, 0.2, 0.1, 0.3, 0.2, 0.2],
      neighbours: [2, 2, 2, 2, 12, 12, 12, 12],
    });
    expect(asPublished(flags)).toEqual([-1, -1, -1, -1, 1, 0, 1, 0]);
  });

  it('in a storm that the neighbours share it is not flagged', () => {
    expect(highInflux({ rain: [15, 15], median: [0.7, 0.5], neighbours: [9, 9] })).toEqual([false, true]);
  });
});
