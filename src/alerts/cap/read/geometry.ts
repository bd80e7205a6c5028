/** A corner: latitude, longitude in degrees. */
type Point = readonly [latitude: number, longitude: number];

const NUMBER = '[+-]?(?:\\d{1,3}(?:\\.\\d{0,30})?|\\.\\d{1,30})';
const PAIR = new RegExp(`^(${NUMBER}),(${NUMBER})$`);
const CIRCLE = new RegExp(`^(${NUMBER}),(${NUMBER})\\s+([+-]?(?:\\d{1,7}(?:\\.\\d{0,30})?|\\.\\d{1,30}))$`);
const MAX_POINTS = 200_000;

/** Larger polygons are not looked through; real ones have up to 41,000 corners, the median 118. */
const MAX_CORNERS = 10_000;

/** The corners of a CAP polygon, or what is wrong with it (CAP 1.2, 3.2.4: at least 4 pairs, first = last, WGS 84). */
export function readRing(text: string): readonly Point[] | string {
  const words = text
    .trim()
    .split(/\s+/, MAX_POINTS + 1)
    .filter((word) => word !== '');
  if (words.length > MAX_POINTS) return `more than ${MAX_POINTS} pairs`;
  const points: Point[] = [];
  for (const word of words) {
    const match = PAIR.exec(word);
    if (match === null) return `"${word.slice(0, 30)}" is no latitude,longitude`;
    const point: Point = [Number(match[1]), Number(match[2])];
    if (!isOnEarth(point)) return `${word.slice(0, 30)} is outside of latitude ±90, longitude ±180`;
    points.push(point);
  }
  if (points.length < 4) return `${points.length} pairs, fewer than 4`;
  const [first, last] = [points[0] as Point, points.at(-1) as Point];
  if (first[0] !== last[0] || first[1] !== last[1]) return 'not closed, the last pair is not the first';
  return points;
}

/** The radius, km, of a CAP circle `lat,lon radius`, or what is wrong with it. */
export function readCircle(text: string): number | string {
  const match = CIRCLE.exec(text.trim());
  if (match === null) return `"${text.trim().slice(0, 30)}" is not latitude,longitude radius`;
  if (!isOnEarth([Number(match[1]), Number(match[2])]))
    return 'its centre is outside of latitude ±90, longitude ±180';
  const radius = Number(match[3]);
  return radius < 0 ? 'negative radius' : radius;
}

/**
 * Whether two edges of a closed ring cross properly: repeated corners, edges that touch and parts without area are not
 * counted, as real polygons have them. Sweeps by latitude; false too where a bound is reached first.
 * @param budget comparisons left for the message; lowered here.
 */
export function crossesItself(ring: readonly Point[], budget: { left: number }): boolean {
  if (ring.length > MAX_CORNERS) return false;
  const edges = ring
    .slice(1)
    .map((end, i) => [ring[i] as Point, end] as const)
    // An edge longer than half the globe goes the other way round, over the antimeridian; planes end there.
    .filter(([a, b]) => Math.abs(a[1] - b[1]) <= 180)
    .map(([a, b]) => ({ a, b, low: Math.min(a[0], b[0]), high: Math.max(a[0], b[0]) }))
    .sort((one, other) => one.low - other.low);
  for (let i = 0; i < edges.length; i++) {
    const one = edges[i] as (typeof edges)[number];
    for (let j = i + 1; j < edges.length; j++) {
      const other = edges[j] as (typeof edges)[number];
      if (other.low > one.high) break;
      if (--budget.left < 0) return false;
      if (cross(one.a, one.b, other.a, other.b)) return true;
    }
  }
  return false;
}

const isOnEarth = ([latitude, longitude]: Point): boolean =>
  Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;

const cross = (a: Point, b: Point, c: Point, d: Point): boolean =>
  side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;

/** On which side of a-b the corner c lies; 0 when it is on the line, as far as doubles can tell. */
function side(a: Point, b: Point, c: Point): number {
  const [p, q] = [(b[0] - a[0]) * (c[1] - a[1]), (b[1] - a[1]) * (c[0] - a[0])];
  const difference = p - q;
  return Math.abs(difference) <= 1e-13 * (Math.abs(p) + Math.abs(q)) ? 0 : Math.sign(difference);
}
