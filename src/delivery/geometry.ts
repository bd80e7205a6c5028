import type { Shape } from '../model/shape.ts';

/** Kilometres of one degree of latitude (mean Earth radius 6371.0088 km, IUGG). */
const KM_PER_DEGREE = 111.195;

/** Degrees; a shape is in it whole. Shapes do not reach over the antimeridian. */
export interface Box {
  readonly south: number;
  readonly north: number;
  readonly west: number;
  readonly east: number;
}

/** The smallest box round a shape; a circle's is a little larger. */
export function boxOf(shape: Shape): Box {
  if ('polygon' in shape) {
    const latitudes = shape.polygon.map(([latitude]) => latitude);
    const longitudes = shape.polygon.map(([, longitude]) => longitude);
    return {
      south: Math.min(...latitudes),
      north: Math.max(...latitudes),
      west: Math.min(...longitudes),
      east: Math.max(...longitudes),
    };
  }
  const up = shape.km / KM_PER_DEGREE;
  const across = up / Math.max(0.01, Math.cos(((Math.abs(shape.latitude) + up) * Math.PI) / 180));
  return {
    south: shape.latitude - up,
    north: shape.latitude + up,
    west: shape.longitude - across,
    east: shape.longitude + across,
  };
}

/** True when two boxes have a point in common. */
export const meet = (a: Box, b: Box): boolean =>
  a.south <= b.north && b.south <= a.north && a.west <= b.east && b.west <= a.east;

type Point = readonly [x: number, y: number];

/** True when two shapes have a point in common; on a plane of kilometres round the first, good to 1 % within 500 km. */
export function touches(a: Shape, b: Shape): boolean {
  // Shapes far apart are drawn too wide on the plane of the first; their boxes are right everywhere.
  if (!meet(boxOf(a), boxOf(b))) return false;
  const [latitude, longitude] = 'polygon' in a ? (a.polygon[0] as Point) : [a.latitude, a.longitude];
  const across = KM_PER_DEGREE * Math.cos((latitude * Math.PI) / 180);
  const flat = ([lat, lon]: Point): Point => [(lon - longitude) * across, (lat - latitude) * KM_PER_DEGREE];
  const plane = (shape: Shape): Plane =>
    'polygon' in shape
      ? { ring: shape.polygon.map(flat), km: 0 }
      : { ring: [flat([shape.latitude, shape.longitude])], km: shape.km };
  const [pa, pb] = [plane(a), plane(b)];
  return (
    isInside(pa.ring[0] as Point, pb.ring) ||
    isInside(pb.ring[0] as Point, pa.ring) ||
    ringsDistance(pa.ring, pb.ring) <= pa.km + pb.km
  );
}
interface Plane {
  readonly ring: readonly Point[];
  readonly km: number;
}

/** Ray casting; a ring of fewer than three corners has no inside. */
function isInside([x, y]: Point, ring: readonly Point[]): boolean {
  if (ring.length < 3) return false;
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi, yi] = ring[i] as Point;
    const [xj, yj] = ring[j] as Point;
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

/** The distance of two outlines, 0 when they cross. A ring of one point is that point. */
function ringsDistance(a: readonly Point[], b: readonly Point[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) {
    const [a0, a1] = [a[i] as Point, a[(i + 1) % a.length] as Point];
    for (let j = 0; j < b.length; j++) {
      const [b0, b1] = [b[j] as Point, b[(j + 1) % b.length] as Point];
      if (cross(a0, a1, b0, b1)) return 0;
      least = Math.min(least, toSide(a0, b0, b1), toSide(b0, a0, a1));
    }
  }
  return least;
}

const turn = ([ax, ay]: Point, [bx, by]: Point, [cx, cy]: Point): number =>
  Math.sign((bx - ax) * (cy - ay) - (by - ay) * (cx - ax));

const cross = (a: Point, b: Point, c: Point, d: Point): boolean =>
  turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0;

/** The distance of a point from a side. */
function toSide([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const at = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length));
  return Math.hypot(x - ax - at * dx, y - ay - at * dy);
}
