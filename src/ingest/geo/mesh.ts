import { extname } from 'node:path';
import { AtalaiaError } from '../../lib/errors.ts';
import type { MeshFeature, Position } from './mesh-feature.ts';
import { readShapefile } from './shapefile.ts';
import { unzip } from './zip.ts';

/** V8 holds no longer text. */
const MAX_JSON_BYTES = 500_000_000;
const CRS = /CRS:?84|EPSG:{1,2}(?:[\d.]*:)?(?:4326|4674)$/i;

/**
 * Reads a mesh of municipalities: GeoJSON (RFC 7946, and its older `crs`), TopoJSON, or a zipped shapefile.
 * @throws AtalaiaError ATL_INPUT for another form, a damaged file, or a projection other than SIRGAS 2000 or WGS 84.
 */
export function readMesh(bytes: Buffer, file: string): MeshFeature[] {
  if (bytes.length >= 4 && bytes.readUInt32LE(0) === 0x04034b50) return readZip(bytes, file);
  if (bytes.length > MAX_JSON_BYTES)
    throw new AtalaiaError('ATL_INPUT', `${file} has more than 500 MB. Give the zipped shapefile instead.`);
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8').replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_INPUT',
      `${file} is neither GeoJSON, TopoJSON nor a ZIP archive. Give the mesh as GeoJSON, or the .shp zipped with its .dbf and .prj.`,
      { cause },
    );
  }
  try {
    return readJson(json, file);
  } catch (cause) {
    if (cause instanceof AtalaiaError) throw cause;
    throw new AtalaiaError(
      'ATL_INPUT',
      `${file} is damaged: ${(cause as Error).message}. Download it again.`,
      {
        cause,
      },
    );
  }
}

function readZip(bytes: Buffer, file: string): MeshFeature[] {
  const parts = unzip(bytes, file, (name) => /\.(shp|dbf|prj|cpg)$/i.test(name) && !/^__MACOSX/.test(name));
  const shapes = [...parts.keys()].filter((name) => extname(name).toLowerCase() === '.shp');
  if (shapes.length !== 1)
    throw new AtalaiaError(
      'ATL_INPUT',
      `${file} holds ${shapes.length} .shp files. Zip one with its .dbf and .prj.`,
    );
  const stem = (shapes[0] as string).slice(0, -4).toLowerCase();
  const part = (end: string): Buffer | undefined =>
    [...parts].find(([name]) => name.toLowerCase() === `${stem}.${end}`)?.[1];
  const [shp, dbf, prj, cpg] = [part('shp'), part('dbf'), part('prj'), part('cpg')];
  if (!shp || !dbf)
    throw new AtalaiaError('ATL_INPUT', `${file} lacks the .dbf of ${shapes[0]}. Zip both together.`);
  return readShapefile({ shp, dbf, ...(prj ? { prj } : {}), ...(cpg ? { cpg } : {}) }, file);
}

interface Json {
  readonly [key: string]: unknown;
}
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const list = (value: unknown, what: string): readonly unknown[] => {
  if (!Array.isArray(value)) throw new Error(`${what} is no list`);
  return value;
};

function readJson(json: unknown, file: string): MeshFeature[] {
  if (!isObject(json)) throw new Error('it is no object');
  const crs = isObject(json.crs) && isObject(json.crs.properties) ? json.crs.properties.name : undefined;
  if (crs !== undefined && !(typeof crs === 'string' && CRS.test(crs)))
    throw new AtalaiaError(
      'ATL_INPUT',
      `${file} is in the projection ${String(crs).slice(0, 60)}. Export it in SIRGAS 2000 (EPSG:4674), in degrees: ogr2ogr -t_srs EPSG:4674 OUT.geojson IN.geojson`,
    );
  if (json.type === 'FeatureCollection')
    return list(json.features, 'features').map((one) => {
      const feature = isObject(one) ? one : {};
      return featureOf(feature, feature.geometry, (ring) => list(ring, 'a ring').map(positionOf));
    });
  if (json.type === 'Topology') return readTopology(json);
  throw new Error(`its type is ${JSON.stringify(json.type)}, not FeatureCollection or Topology`);
}

function featureOf(feature: Json, geometry: unknown, ring: (value: unknown) => Position[]): MeshFeature {
  const properties = {
    ...(feature.id === undefined ? {} : { id: feature.id }),
    ...(isObject(feature.properties) ? feature.properties : {}),
  };
  const { type, coordinates, arcs } = isObject(geometry) ? geometry : ({} as Json);
  const rings = coordinates ?? arcs;
  const polygon = (value: unknown): Position[][] => list(value, 'a polygon').map(ring);
  if (type === 'Polygon') return { properties, polygons: [polygon(rings)] };
  return { properties, polygons: type === 'MultiPolygon' ? list(rings, 'a MultiPolygon').map(polygon) : [] };
}

function positionOf(value: unknown): Position {
  const [x, y] = list(value, 'a position');
  if (typeof x !== 'number' || typeof y !== 'number') throw new Error('a position is no pair of numbers');
  return [x, y];
}

/** TopoJSON 1.0: arcs, perhaps as steps on a grid; a ring strings arcs together, `~i` is arc i backwards. */
function readTopology(json: Json): MeshFeature[] {
  const transform = isObject(json.transform) ? json.transform : undefined;
  const [sx, sy] = transform ? positionOf(transform.scale) : [1, 1];
  const [tx, ty] = transform ? positionOf(transform.translate) : [0, 0];
  const arcs = list(json.arcs, 'arcs').map((arc) => {
    let [x, y] = [0, 0];
    return list(arc, 'an arc').map((value): Position => {
      const [a, b] = positionOf(value);
      [x, y] = transform ? [x + a, y + b] : [a, b];
      return [x * sx + tx, y * sy + ty];
    });
  });
  const ring = (value: unknown): Position[] =>
    list(value, 'a ring').flatMap((index, i) => {
      const at = Number(index);
      const arc = arcs[at < 0 ? ~at : at];
      if (!arc) throw new Error(`there is no arc ${String(index)}`);
      const points = at < 0 ? arc.toReversed() : arc;
      // The first corner of an arc is the last of the one before.
      return i === 0 ? points : points.slice(1);
    });
  const objects = isObject(json.objects) ? Object.values(json.objects) : [];
  return objects
    .flatMap((object) => (isObject(object) ? list(object.geometries ?? [object], 'geometries') : []))
    .map((geometry) => featureOf(isObject(geometry) ? geometry : {}, geometry, ring));
}
