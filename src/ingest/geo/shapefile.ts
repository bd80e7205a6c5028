import { AtalaiaError } from '../../lib/errors.ts';
import type { MeshFeature, Position } from './mesh-feature.ts';

const POLYGONS: ReadonlySet<number> = new Set([5, 15, 25]);
const MAX_FIELDS = 1024;

/** The files of one shapefile. */
export interface ShapefileParts {
  readonly shp: Buffer;
  readonly dbf: Buffer;
  readonly prj?: Buffer;
  readonly cpg?: Buffer;
}

/**
 * The features of a shapefile of polygons (ESRI Shapefile Technical Description, July 1998) with their rows (dBASE III).
 * Every ring that runs clockwise is an outer one. Throws ATL_INPUT where it is damaged or in another projection.
 */
export function readShapefile({ shp, dbf, prj, cpg }: ShapefileParts, file: string): MeshFeature[] {
  checkProjection(prj?.toString('latin1'), file);
  try {
    const shapes = readShapes(shp);
    const rows = readRows(dbf, cpg?.toString('latin1').trim());
    if (rows.length !== shapes.length)
      throw new Error(`${shapes.length} shapes in .shp and ${rows.length} rows in .dbf`);
    return shapes.map((rings, i) => ({ properties: rows[i] ?? {}, polygons: asPolygons(rings) }));
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_INPUT',
      `${file} is damaged: ${(cause as Error).message}. Download it again, or export it anew.`,
      { cause },
    );
  }
}

function checkProjection(prj: string | undefined, file: string): void {
  const remedy = 'Export it in SIRGAS 2000 (EPSG:4674), in degrees: ogr2ogr -t_srs EPSG:4674 OUT.shp IN.shp';
  if (prj === undefined)
    throw new AtalaiaError('ATL_INPUT', `${file} has no .prj, so its projection is not known. ${remedy}`);
  if (!/^\s*GEOG(CS|CRS)\b/i.test(prj) || !/SIRGAS[ _]?2000|WGS[ _]?(19)?84/i.test(prj)) {
    const name = /"([^"]{1,60})/.exec(prj)?.[1] ?? 'an unknown one';
    throw new AtalaiaError('ATL_INPUT', `${file} is in the projection ${name}. ${remedy}`);
  }
}

function readShapes(shp: Buffer): Position[][][] {
  if (shp.readInt32BE(0) !== 9994) throw new Error('.shp is no shapefile');
  const shapes: Position[][][] = [];
  for (let at = 100; at < shp.length; ) {
    const bytes = 2 * shp.readInt32BE(at + 4);
    const end = at + 8 + bytes;
    if (bytes < 4 || end > shp.length) throw new Error(`shape ${shapes.length + 1} is cut short`);
    const kind = shp.readInt32LE(at + 8);
    if (kind !== 0 && !POLYGONS.has(kind)) throw new Error(`it has shapes of kind ${kind}, not polygons`);
    shapes.push(kind === 0 ? [] : readRings(shp.subarray(at + 8, end)));
    at = end;
  }
  return shapes;
}

function readRings(shape: Buffer): Position[][] {
  const [parts, points] = [shape.readInt32LE(36), shape.readInt32LE(40)];
  const from = 44 + 4 * parts;
  if (parts < 0 || points < 0 || from + 16 * points > shape.length)
    throw new Error('a shape is longer than its record');
  const starts = Array.from({ length: parts }, (_, i) => shape.readInt32LE(44 + 4 * i));
  return starts.map((start, i) => {
    const end = starts[i + 1] ?? points;
    if (start < 0 || end < start || end > points) throw new Error('the parts of a shape are out of order');
    return Array.from({ length: end - start }, (_, k): Position => {
      const place = from + 16 * (start + k);
      return [shape.readDoubleLE(place), shape.readDoubleLE(place + 8)];
    });
  });
}

/** Rings as polygons: holes (counterclockwise here) are told apart, but not put to their polygon. */
const asPolygons = (rings: readonly Position[][]): Position[][][] =>
  rings.length === 1 ? [[...rings]] : splitHoles(rings);

function splitHoles(rings: readonly Position[][]): Position[][][] {
  const outer = rings.filter((ring) => area(ring) <= 0).map((ring) => [ring]);
  const holes = rings.filter((ring) => area(ring) > 0);
  if (outer.length === 0) return rings.map((ring) => [ring]);
  outer[0]?.push(...holes);
  return outer;
}

/** Twice the area, positive counterclockwise. */
function area(ring: readonly Position[]): number {
  let sum = 0;
  for (let i = 1; i < ring.length; i++) {
    const [[x0, y0], [x1, y1]] = [ring[i - 1] as Position, ring[i] as Position];
    sum += (x1 - x0) * (y1 + y0);
  }
  return -sum;
}

/** The rows of a dBASE table; numbers and dates stay texts. */
function readRows(dbf: Buffer, codePage: string | undefined): Record<string, string>[] {
  const [count, headerBytes, rowBytes] = [dbf.readUInt32LE(4), dbf.readUInt16LE(8), dbf.readUInt16LE(10)];
  if (headerBytes + count * rowBytes > dbf.length) throw new Error('.dbf is cut short');
  const fields: { readonly name: string; readonly from: number; readonly bytes: number }[] = [];
  let from = 1;
  for (let at = 32; at + 32 <= headerBytes && dbf[at] !== 0x0d && fields.length < MAX_FIELDS; at += 32) {
    const name = (dbf.toString('latin1', at, at + 11).split('\0')[0] as string).trim();
    const bytes = dbf[at + 16] as number;
    fields.push({ name, from, bytes });
    from += bytes;
  }
  const decode = decoderOf(codePage);
  return Array.from({ length: count }, (_, i) => {
    const row = dbf.subarray(headerBytes + i * rowBytes, headerBytes + (i + 1) * rowBytes);
    const values = fields.map(({ name, from: start, bytes }) => [
      name,
      decode(row.subarray(start, start + bytes))
        .replaceAll('\0', '')
        .trim(),
    ]);
    return Object.fromEntries(values) as Record<string, string>;
  });
}

/** By the .cpg, where there is one; else UTF-8, and windows-1252 for what is none. */
function decoderOf(codePage: string | undefined): (bytes: Uint8Array) => string {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  const latin = new TextDecoder('windows-1252');
  if (codePage !== undefined && /8859-?1|latin-?1|1252|^ansi/i.test(codePage))
    return (bytes) => latin.decode(bytes);
  if (codePage !== undefined && !/^(utf-?8|65001)$/i.test(codePage))
    throw new Error(`its .cpg names the encoding ${codePage.slice(0, 30)}; UTF-8 and ISO-8859-1 are read`);
  return (bytes) => {
    try {
      return utf8.decode(bytes);
    } catch {
      return latin.decode(bytes);
    }
  };
}
