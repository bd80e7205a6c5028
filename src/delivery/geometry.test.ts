import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Shape } from '../model/shape.ts';
import { boxOf, meet, touches } from './geometry.ts';

const square = (south: number, west: number, side: number): Shape => ({
  polygon: [
    [south, west],
    [south, west + side],
    [south + side, west + side],
    [south + side, west],
  ],
});
const circle = (latitude: number, longitude: number, km: number): Shape => ({ latitude, longitude, km });

it('knows when circles and rings touch', () => {
  const ring = square(-30, -52, 1);
  expect(touches(ring, circle(-29.5, -51.5, 0))).toBe(true);
  expect(touches(circle(-29.5, -51.5, 0), ring)).toBe(true);
  // A tenth of a degree of latitude south of the ring: 11.1 km.
  expect(touches(ring, circle(-30.1, -51.5, 11))).toBe(false);
  expect(touches(ring, circle(-30.1, -51.5, 11.2))).toBe(true);
  expect(touches(ring, square(-29.6, -51.6, 0.1))).toBe(true);
  expect(touches(ring, square(-29.5, -51.5, 3))).toBe(true);
  expect(touches(ring, square(-28.9, -51.5, 1))).toBe(false);
  expect(touches(circle(-30, -51, 20), circle(-30, -50.5, 27))).toBe(false);
  expect(touches(circle(-30, -51, 20), circle(-30, -50.5, 29))).toBe(true);
});

/** Haversine on the mean sphere, km. */
function distanceKm(a: { latitude: number; longitude: number }, b: typeof a): number {
  const rad = Math.PI / 180;
  const half = (degrees: number): number => Math.sin((degrees * rad) / 2) ** 2;
  const h =
    half(b.latitude - a.latitude) +
    Math.cos(a.latitude * rad) * Math.cos(b.latitude * rad) * half(b.longitude - a.longitude);
  return 2 * 6371.0088 * Math.asin(Math.sqrt(h));
}

const place = fc.record({
  latitude: fc.double({ min: -33, max: 3, noNaN: true }),
  longitude: fc.double({ min: -70, max: -36, noNaN: true }),
});
const radius = fc.double({ min: 0, max: 300, noNaN: true });

it('circles that touch on the sphere have boxes that meet, and near ones are told apart to 2 %', () => {
  fc.assert(
    fc.property(place, place, fc.boolean(), radius, radius, (a, far, isNear, ka, kb) => {
      const b = isNear
        ? { latitude: a.latitude + (far.latitude % 2), longitude: a.longitude + (far.longitude % 2) }
        : far;
      const [one, other] = [circle(a.latitude, a.longitude, ka), circle(b.latitude, b.longitude, kb)];
      const distance = distanceKm(a, b);
      // A metre: rounding at distances of nothing is no matter.
      if (distance + 0.001 <= ka + kb) expect(meet(boxOf(one), boxOf(other))).toBe(true);
      if (distance > 500) return;
      if (distance * 1.02 + 0.001 < ka + kb) expect(touches(one, other)).toBe(true);
      if (distance * 0.98 > ka + kb) expect(touches(one, other)).toBe(false);
    }),
    { numRuns: 3000 },
  );
});

it('a circle well inside a ring touches it, one well outside does not', () => {
  fc.assert(
    fc.property(
      place,
      fc.double({ min: 0.1, max: 3, noNaN: true }),
      radius,
      ({ latitude, longitude }, side, km) => {
        const ring = square(latitude, longitude, side);
        expect(touches(ring, circle(latitude + side / 2, longitude + side / 2, km))).toBe(true);
        expect(touches(ring, circle(latitude - (km / 111.195) * 1.02 - 0.01, longitude + side / 2, km))).toBe(
          false,
        );
      },
    ),
    { numRuns: 1000 },
  );
});
