import { isIbgeCode } from '../../alerts/cap/read/policies.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Border } from '../../model/area.ts';
import { readMesh } from './mesh.ts';
import type { MeshFeature, Position } from './mesh-feature.ts';
import { type Corner, GRID, junctionsOf, type Ring, simplifyArea, twiceArea } from './simplify.ts';

/** What the IBGE called code and name of a municipality, newest first; then common names of others. */
const CODES = ['CD_MUN', 'CD_GEOCMU', 'CD_GEOCODM', 'CD_GEOCODI', 'codarea', 'GEOCODIGO', 'code', 'id'];
const NAMES = ['NM_MUN', 'NM_MUNICIP', 'NOME', 'name'];
const MAX_BORDERS = 10_000;

export interface GeoImport {
  readonly borders: readonly Border[];
  /** Features of the file. */
  readonly read: number;
  /** Those left out, a sentence each. */
  readonly refused: readonly string[];
  /** Areas with more simplifying than was asked, a sentence each. */
  readonly coarser: readonly string[];
  /** Holes that were filled: a CAP polygon has none. */
  readonly holes: number;
}

export interface GeoOptions {
  /** How far a border may move, metres. */
  readonly tolerance: number;
  /** Points of one area at most. */
  readonly most: number;
  readonly code?: string;
  readonly name?: string;
}

interface Candidate {
  readonly id: string;
  readonly name: string;
  readonly rings: readonly Ring[];
}

/**
 * The municipalities of a mesh (GeoJSON, TopoJSON, zipped shapefile) by their IBGE geocode, sorted, simplified.
 * @throws AtalaiaError ATL_INPUT where the file as a whole cannot be used.
 */
export function importBorders(bytes: Buffer, file: string, options: GeoOptions): GeoImport {
  const features = readMesh(bytes, file);
  if (features.length > MAX_BORDERS)
    throw new AtalaiaError(
      'ATL_INPUT',
      `${file} has more than ${MAX_BORDERS} features; give the mesh of municipalities.`,
    );
  const refused: string[] = [];
  const seen = new Map<string, Candidate>();
  let holes = 0;
  for (const [i, feature] of features.entries()) {
    const candidate = candidateOf(feature, options);
    if (typeof candidate === 'string') refused.push(`feature ${i + 1}: ${candidate}`);
    else if (seen.has(candidate.id)) refused.push(`feature ${i + 1}: ${candidate.id} stands twice`);
    else {
      seen.set(candidate.id, candidate);
      holes += feature.polygons.reduce((sum, rings) => sum + Math.max(0, rings.length - 1), 0);
    }
  }
  const list = [...seen.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const junctions = junctionsOf(list.flatMap(({ rings }) => rings));
  const borders: Border[] = [];
  const coarser: string[] = [];
  for (const { id, name, rings } of list) {
    const simple = simplifyArea(rings, options.tolerance, options.most, junctions);
    if (typeof simple === 'string') {
      refused.push(`${id} ${name}: ${simple}; give a larger --max-points, or repair it`);
      continue;
    }
    if (simple.metres > options.tolerance)
      coarser.push(`${id} ${name}: simplified to ${simple.metres} m to fit into ${options.most} points`);
    borders.push({ id, name, polygons: simple.rings.map(toPolygon) });
  }
  return { borders, read: features.length, refused, coarser, holes };
}

function candidateOf({ properties, polygons }: MeshFeature, options: GeoOptions): Candidate | string {
  const find = (names: readonly string[]): unknown =>
    names.map((name) => properties[name]).find((value) => value !== undefined && value !== null);
  const id = String(find(options.code === undefined ? CODES : [options.code]) ?? '').trim();
  const names = options.name === undefined ? NAMES : [options.name];
  const name = String(find(names) ?? '').trim();
  if (id === '')
    return `no IBGE code under ${options.code ?? CODES.slice(0, 3).join(', ')}; name its property with --code`;
  if (!isIbgeCode(id)) return `"${id.slice(0, 30)}" is no IBGE code of a municipality`;
  if (polygons.length === 0) return `${id} has no polygon`;
  const rings: Ring[] = [];
  for (const [outer] of polygons) {
    const ring = outer && ringOf(outer);
    if (typeof ring === 'string' || ring === undefined) return `${id}: ${ring ?? 'an empty polygon'}`;
    rings.push(ring);
  }
  return { id, name: name === '' ? id : name.slice(0, 200).normalize('NFC'), rings };
}

/** The ring on our grid, open, without corners that repeat the one before. */
function ringOf(positions: readonly Position[]): Ring | string {
  const corners: Corner[] = [];
  const [first, last] = [positions[0], positions.at(-1)];
  if (!first || !last || first[0] !== last[0] || first[1] !== last[1]) return 'a ring is not closed';
  for (const [longitude, latitude] of positions) {
    if (!(Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90))
      return `${longitude}, ${latitude} are no degrees; export the mesh in SIRGAS 2000 (EPSG:4674)`;
    const corner: Corner = [Math.round(longitude * GRID), Math.round(latitude * GRID)];
    const before = corners.at(-1);
    if (before?.[0] !== corner[0] || before[1] !== corner[1]) corners.push(corner);
  }
  corners.pop();
  return corners.length < 3 || twiceArea(corners) === 0 ? 'a ring has no area' : corners;
}

const toPolygon = (ring: Ring): Border['polygons'][number] =>
  [...ring, ring[0] as Corner].map(([x, y]) => [y / GRID, x / GRID] as const);

/** Borders as GeoJSON (RFC 7946), a line each: the file that `borders` of the configuration names. */
export const printBorders = (borders: readonly Border[]): string => {
  const lines = borders.map(({ id, name, polygons }) =>
    JSON.stringify({
      type: 'Feature',
      id,
      properties: { name },
      geometry: {
        type: 'MultiPolygon',
        coordinates: polygons.map((ring) => [ring.map(([latitude, longitude]) => [longitude, latitude])]),
      },
    }),
  );
  return `{"type":"FeatureCollection","features":[\n${lines.join(',\n')}\n]}\n`;
};

/**
 * The borders of a file that `atalaia geo import` wrote, as they stand.
 * @throws AtalaiaError ATL_CONFIG where it is none, or one of its areas has a flaw.
 */
export function readBorders(bytes: Buffer, file: string): ReadonlyMap<string, Border> {
  const features = readMesh(bytes, file);
  const borders = features.map((feature, i): Border => {
    const candidate = candidateOf(feature, { tolerance: 0, most: 0, code: 'id', name: 'name' });
    if (typeof candidate === 'string')
      throw new AtalaiaError(
        'ATL_CONFIG',
        `${file}, feature ${i + 1}: ${candidate}. Make the file with: atalaia geo import MESH --out ${file}`,
      );
    return { id: candidate.id, name: candidate.name, polygons: candidate.rings.map(toPolygon) };
  });
  return new Map(borders.map((border) => [border.id, border]));
}
