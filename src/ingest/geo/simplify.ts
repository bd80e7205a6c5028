import { crossesItself } from '../../alerts/cap/read/geometry.ts';

/** A corner on the grid of 1e-5 degree, about a metre: whole numbers, so that shared borders are equal. */
export type Corner = readonly [x: number, y: number];
/** Open: the last corner joins the first. */
export type Ring = readonly Corner[];

export const GRID = 1e5;
const METRES = 111_195 / GRID;
const HALVINGS = 12;
const DOUBLINGS = 20;
const CROSSING_BUDGET = 2_000_000;

const keyOf = ([x, y]: Corner): number => (x + 180 * GRID) * 181 * GRID + (y + 90 * GRID);
const isBefore = (a: Corner, b: Corner): boolean => a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);

/**
 * The corners at which borders part: those with neighbours of more than two kinds over all rings. They stay, and a border
 * between two of them is simplified alike for both sides, so neighbours neither overlap nor leave a gap.
 */
export function junctionsOf(rings: Iterable<Ring>): ReadonlySet<number> {
  const neighbours = new Map<number, readonly [number, number]>();
  const junctions = new Set<number>();
  for (const ring of rings) {
    const keys = ring.map(keyOf);
    for (const [i, key] of keys.entries()) {
      const before = keys.at(i - 1) as number;
      const after = keys[(i + 1) % keys.length] as number;
      const known = neighbours.get(key);
      if (!known) neighbours.set(key, [before, after]);
      else if (!known.includes(before) || !known.includes(after)) junctions.add(key);
    }
  }
  return junctions;
}

/**
 * The rings of one area within `metres` of where they were (Douglas and Peucker 1973), valid and with `most` corners at
 * most, the closing ones counted. Where a ring would cross itself or collapse the tolerance is halved; where there are
 * too many corners it is doubled, and neighbours may then differ within it. A sentence where no way is found.
 */
export function simplifyArea(
  rings: readonly Ring[],
  metres: number,
  most: number,
  junctions: ReadonlySet<number>,
): { readonly rings: readonly Ring[]; readonly metres: number } | string {
  if (4 * rings.length > most) return `${rings.length} parts do not fit into ${most} points`;
  let tolerance = metres;
  for (let i = 0; i <= DOUBLINGS; i++, tolerance = Math.max(1, tolerance * 2)) {
    // Beyond the asked tolerance the junctions need not stay: nothing fits beside them otherwise.
    const kept = i === 0 ? junctions : new Set<number>();
    const simple = rings.map((ring) => simplifyRing(ring, tolerance, kept));
    const broken = simple.find((ring) => typeof ring === 'string');
    if (broken !== undefined) return broken as string;
    const valid = simple as Ring[];
    if (valid.reduce((sum, ring) => sum + ring.length + 1, 0) <= most)
      return { rings: valid, metres: tolerance };
  }
  return `its border does not fit into ${most} points`;
}

function simplifyRing(ring: Ring, metres: number, junctions: ReadonlySet<number>): Ring | string {
  let why = '';
  for (let i = 0; i <= HALVINGS; i++) {
    const simple = oriented(withTolerance(ring, i === HALVINGS ? 0 : metres / 2 ** i, junctions));
    why = faultOf(simple);
    if (why === '') return simple;
  }
  return why;
}

function faultOf(ring: Ring): string {
  if (ring.length < 3 || twiceArea(ring) === 0) return 'a ring has no area';
  const closed = [...ring, ring[0] as Corner].map(([x, y]) => [y / GRID, x / GRID] as const);
  return crossesItself(closed, { left: CROSSING_BUDGET }) ? 'a ring crosses itself' : '';
}

function withTolerance(ring: Ring, metres: number, junctions: ReadonlySet<number>): Ring {
  const fixed = ring.flatMap((corner, i) => (junctions.has(keyOf(corner)) ? [i] : []));
  if (fixed.length === 0)
    fixed.push(ring.reduce((best, c, i) => (isBefore(c, ring[best] as Corner) ? i : best), 0));
  const arcs = fixed.map((from, i) => {
    const to = fixed[i + 1] ?? (fixed[0] as number) + ring.length;
    return Array.from({ length: to - from + 1 }, (_, k) => ring[(from + k) % ring.length] as Corner);
  });
  return arcs.flatMap((arc) => simplifyArc(arc, metres).slice(0, -1));
}

/** In one direction whoever asks, so that both sides of a border get the same. */
function simplifyArc(arc: readonly Corner[], metres: number): readonly Corner[] {
  const [first, last] = [arc[0] as Corner, arc.at(-1) as Corner];
  const isClosed = first[0] === last[0] && first[1] === last[1];
  const isTurned = isClosed ? isBefore(arc.at(-2) as Corner, arc[1] as Corner) : isBefore(last, first);
  const way = isTurned ? arc.toReversed() : arc;
  const kept = new Set([0, way.length - 1]);
  // The line between the ends of a closed one is a point: its farthest corner stays, and one beside the line to it.
  if (isClosed && way.length > 3) {
    const [far] = farthest(way, 0, way.length - 1);
    const [a, b] = [farthest(way, 0, far), farthest(way, far, way.length - 1)];
    kept.add(far).add(a[1] >= b[1] ? a[0] : b[0]);
  }
  const ends = [...kept].toSorted((a, b) => a - b);
  const spans = ends.slice(1).map((to, i): [number, number] => [ends[i] as number, to]);
  for (let span = spans.pop(); span; span = spans.pop()) {
    const [from, to] = span;
    if (to - from < 2) continue;
    const [at, distance] = farthest(way, from, to);
    if (distance <= metres && metres > 0) continue;
    kept.add(at);
    spans.push([from, at], [at, to]);
  }
  const simple = way.filter((_, i) => kept.has(i));
  return isTurned ? simple.toReversed() : simple;
}

/** The corner between two that is farthest from the line between them, and how far, metres. */
function farthest(way: readonly Corner[], from: number, to: number): readonly [at: number, metres: number] {
  const [a, b] = [way[from] as Corner, way[to] as Corner];
  const shrink = Math.cos((a[1] / GRID) * (Math.PI / 180));
  const [dx, dy] = [(b[0] - a[0]) * shrink, b[1] - a[1]];
  const length = dx * dx + dy * dy;
  let [at, most] = [from, -1];
  for (let i = from + 1; i < to; i++) {
    const corner = way[i] as Corner;
    const [x, y] = [(corner[0] - a[0]) * shrink, corner[1] - a[1]];
    const along = length === 0 ? 0 : Math.min(1, Math.max(0, (x * dx + y * dy) / length));
    const distance = Math.hypot(x - along * dx, y - along * dy);
    if (distance > most) [at, most] = [i, distance];
  }
  return [at, most * METRES];
}

export function twiceArea(ring: Ring): number {
  let sum = 0;
  for (const [i, [x, y]] of ring.entries()) {
    const [px, py] = ring.at(i - 1) as Corner;
    sum += px * y - x * py;
  }
  return sum;
}

/** Counterclockwise (RFC 7946, 3.1.6), from the least corner on. */
function oriented(ring: Ring): Ring {
  const way = twiceArea(ring) < 0 ? ring.toReversed() : ring;
  const from = way.reduce((best, c, i) => (isBefore(c, way[best] as Corner) ? i : best), 0);
  return [...way.slice(from), ...way.slice(0, from)];
}
