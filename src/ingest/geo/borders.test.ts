import { crc32, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { crossesItself } from '../../alerts/cap/read/geometry.ts';
import { importBorders, printBorders, readBorders } from './borders.ts';
import { twiceArea } from './simplify.ts';

type Ring = [number, number][];
const options = { tolerance: 100, most: 300 };
/** Two neighbours that share the wavy border x = 0.5. */
const wave: Ring = Array.from({ length: 101 }, (_, i) => [-51.5 + 0.02 * Math.sin(i / 4), -30 + i / 100]);
const west: Ring = [[-52, -30], ...wave, [-52, -29], [-52, -30]];
const east: Ring = [[-51, -29], ...wave.toReversed(), [-51, -30], [-51, -29]];
const CODES = ['4314902', '4300604'] as const;

const collection = (features: readonly object[], more: object = {}): Buffer =>
  Buffer.from(JSON.stringify({ type: 'FeatureCollection', ...more, features }));
const feature = (code: string, rings: Ring[], name = 'Água Fria'): object => ({
  type: 'Feature',
  properties: { CD_MUN: code, NM_MUN: name },
  geometry: { type: 'Polygon', coordinates: rings },
});
const geojson = collection([feature(CODES[0], [west]), feature(CODES[1], [east], 'Alvorada')]);

/** A ZIP archive of deflated entries. */
function zip(files: Readonly<Record<string, Buffer>>): Buffer {
  const locals: Buffer[] = [];
  const list: Buffer[] = [];
  let at = 0;
  for (const [name, content] of Object.entries(files)) {
    const packed = deflateRawSync(content);
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50, 0);
    head.writeUInt16LE(8, 8);
    head.writeUInt16LE(name.length, 26);
    locals.push(head, Buffer.from(name), packed);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(8, 10);
    entry.writeUInt32LE(crc32(content), 16);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(content.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(at, 42);
    list.push(entry, Buffer.from(name));
    at += 30 + name.length + packed.length;
  }
  const directory = Buffer.concat(list);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, directory, end]);
}

function shp(shapes: readonly Ring[]): Buffer {
  const records = shapes.map((ring, i) => {
    // Outer rings run clockwise in a shapefile.
    const way = twiceArea(ring.slice(1)) > 0 ? ring.toReversed() : ring;
    const record = Buffer.alloc(8 + 48 + 16 * way.length);
    record.writeInt32BE(i + 1, 0);
    record.writeInt32BE((record.length - 8) / 2, 4);
    record.writeInt32LE(5, 8);
    record.writeInt32LE(1, 44);
    record.writeInt32LE(way.length, 48);
    for (const [k, [x, y]] of way.entries()) {
      record.writeDoubleLE(x, 56 + 16 * k);
      record.writeDoubleLE(y, 64 + 16 * k);
    }
    return record;
  });
  const head = Buffer.alloc(100);
  head.writeInt32BE(9994, 0);
  return Buffer.concat([head, ...records]);
}

function dbf(rows: readonly (readonly [code: string, name: string])[], encoding: 'utf8' | 'latin1'): Buffer {
  const fields = [
    ['CD_MUN', 7],
    ['NM_MUN', 20],
  ] as const;
  const head = Buffer.alloc(32 + 64 + 1);
  head.writeUInt32LE(rows.length, 4);
  head.writeUInt16LE(head.length, 8);
  head.writeUInt16LE(28, 10);
  for (const [i, [name, bytes]] of fields.entries()) {
    head.write(name, 32 + 32 * i);
    head[32 + 32 * i + 16] = bytes;
  }
  head[96] = 0x0d;
  const lines = rows.map(([code, name]) => {
    const row = Buffer.alloc(28, ' ');
    row.write(code, 1);
    Buffer.from(name, encoding).copy(row, 8);
    return row;
  });
  return Buffer.concat([head, ...lines]);
}

const PRJ = Buffer.from('GEOGCS["SIRGAS 2000",DATUM["D_SIRGAS_2000"]]');
const shapefile = (encoding: 'utf8' | 'latin1', more: Readonly<Record<string, Buffer>> = {}): Buffer =>
  zip({
    'm/RS.shp': shp([west, east]),
    'm/RS.dbf': dbf(
      [
        [CODES[0], 'Água Fria'],
        [CODES[1], 'Alvorada'],
      ],
      encoding,
    ),
    'm/RS.prj': PRJ,
    ...more,
  });

/** The same as arcs on a grid of 1e-5 degree. */
function topojson(): Buffer {
  const grid = (ring: Ring): Ring =>
    ring.map(([x, y]) => [Math.round((x + 53) * 1e5), Math.round((y + 31) * 1e5)]);
  const steps = (ring: Ring): Ring =>
    grid(ring).map(([x, y], i, all) => [x - (all[i - 1]?.[0] ?? 0), y - (all[i - 1]?.[1] ?? 0)]);
  const [a, b] = [wave.at(-1) as [number, number], wave[0] as [number, number]];
  const arcs = [wave, [a, [-52, -29], [-52, -30], b], [b, [-51, -30], [-51, -29], a]] as Ring[];
  const geometry = (code: string, name: string, ring: number[]): object => ({
    type: 'Polygon',
    arcs: [ring],
    properties: { codarea: code, name },
  });
  return Buffer.from(
    JSON.stringify({
      type: 'Topology',
      transform: { scale: [1e-5, 1e-5], translate: [-53, -31] },
      arcs: arcs.map(steps),
      objects: {
        RS: {
          type: 'GeometryCollection',
          geometries: [geometry(CODES[0], 'Água Fria', [0, 1]), geometry(CODES[1], 'Alvorada', [~0, 2])],
        },
      },
    }),
  );
}

const printed = (bytes: Buffer, more: object = {}): string =>
  printBorders(importBorders(bytes, 'mesh', { ...options, ...more }).borders);

describe('a mesh of municipalities', () => {
  it('gives the same borders as GeoJSON, TopoJSON and shapefile', () => {
    const expected = printed(geojson);
    expect(expected).toContain('"id":"4300604","properties":{"name":"Alvorada"}');
    expect(printed(topojson())).toBe(expected);
    expect(printed(shapefile('utf8'))).toBe(expected);
    expect(printed(shapefile('latin1'))).toBe(expected);
    expect(printed(shapefile('latin1', { 'm/RS.cpg': Buffer.from('ISO-8859-1') }))).toBe(expected);
  });

  it('is the same after it was imported once, and is read back as written', () => {
    const once = printed(geojson);
    expect(printed(Buffer.from(once), { code: 'id' })).toBe(once);
    expect(printBorders([...readBorders(Buffer.from(once), 'b.geojson').values()])).toBe(once);
  });

  it('leaves no gap between neighbours', () => {
    const { borders } = importBorders(geojson, 'mesh', options);
    const inner = borders.map(({ polygons: [ring = []] }) =>
      ring
        .map(([lat, lon]) => `${lat} ${lon}`)
        .filter((text) => Math.abs(Number(text.split(' ')[1]) + 51.5) < 0.1),
    );
    expect(new Set(inner[0])).toEqual(new Set(inner[1]));
    expect(new Set(inner[0]).size).toBeGreaterThan(10);
    expect(new Set(inner[0]).size).toBeLessThan(80);
  });
});

test.each([
  ['another code', feature('4314903', [west]), 'is no IBGE code'],
  ['no code', { ...feature('1', [west]), properties: {} }, 'name its property with --code'],
  ['metres', feature(CODES[0], [west.map(([x, y]) => [x * 1e5, y * 1e5])]), 'are no degrees'],
  ['an open ring', feature(CODES[0], [west.slice(0, -1)]), 'not closed'],
  ['a point', { ...feature(CODES[0], []), geometry: { type: 'Point', coordinates: [1, 2] } }, 'no polygon'],
  [
    'a bow tie',
    feature(CODES[0], [
      [
        [0, 0],
        [1, 1],
        [1, 0],
        [0, 2],
        [0, 0],
      ],
    ]),
    'crosses itself',
  ],
  [
    'a line',
    feature(CODES[0], [
      [
        [0, 0],
        [1, 1],
        [2, 2],
        [0, 0],
      ],
    ]),
    'no area',
  ],
  ['a second time', feature(CODES[1], [east]), 'stands twice'],
])('refuses %s and takes the others', (_, bad, why) => {
  const { borders, refused } = importBorders(
    collection([feature(CODES[1], [east]), bad]),
    'mesh.json',
    options,
  );
  expect(borders.map(({ id }) => id)).toEqual([CODES[1]]);
  expect(refused).toHaveLength(1);
  expect(refused[0]).toContain(why);
});

const plane = Buffer.from('PROJCS["SIRGAS 2000 / UTM zone 22S",GEOGCS["SIRGAS 2000"]]');
test.each([
  [
    'GeoJSON in metres',
    collection([], { crs: { properties: { name: 'urn:ogc:def:crs:EPSG::3857' } } }),
    'ogr2ogr',
  ],
  ['a shapefile in metres', shapefile('utf8', { 'm/RS.prj': plane }), 'UTM zone 22S'],
  ['no .dbf', zip({ 'a.shp': shp([west]), 'a.prj': PRJ }), 'lacks the .dbf'],
  ['no .prj', zip({ 'a.shp': shp([west]), 'a.dbf': dbf([[CODES[0], 'x']], 'utf8') }), 'no .prj'],
  ['an encoding that is not read', shapefile('utf8', { 'm/RS.cpg': Buffer.from('Big5') }), 'Big5'],
  ['an archive cut short', shapefile('utf8').subarray(0, -30), 'cannot be unpacked'],
  ['text', Buffer.from('areas'), 'neither GeoJSON'],
  ['another JSON', Buffer.from('{"type":"Feature"}'), 'not FeatureCollection'],
])('refuses the file: %s', (_, bytes, why) => {
  expect(() => importBorders(bytes, 'mesh.zip', options)).toThrow(why);
});

test('old names of SIRGAS 2000 and WGS 84 are taken', () => {
  for (const name of ['urn:ogc:def:crs:EPSG::4674', 'EPSG:4326', 'urn:ogc:def:crs:OGC:1.3:CRS84'])
    expect(printed(collection([feature(CODES[0], [west])], { crs: { properties: { name } } }))).toContain(
      CODES[0],
    );
});

test('any star is a valid ring within the bound, outer side left', () => {
  const radii = fc.array(fc.double({ min: 0.05, max: 1, noNaN: true }), { minLength: 3, maxLength: 400 });
  fc.assert(
    fc.property(radii, fc.integer({ min: 4, max: 60 }), fc.boolean(), (list, most, turned) => {
      const star = list.map((r, i): [number, number] => {
        const angle = (2 * Math.PI * i) / list.length;
        return [-51 + r * Math.cos(angle), -30 + r * Math.sin(angle)];
      });
      const ring = [...star, star[0] as [number, number]];
      const mesh = collection([feature(CODES[0], [turned ? ring.toReversed() : ring])]);
      const { borders, refused } = importBorders(mesh, 'mesh', { tolerance: 100, most });
      // A jagged star may have no simple form with so few corners: then it is refused by name, never bent.
      if (borders.length === 0) return expect(refused).toHaveLength(1);
      const corners = borders[0]?.polygons[0] ?? [];
      expect(corners.length).toBeLessThanOrEqual(most);
      expect(corners.at(0)).toEqual(corners.at(-1));
      expect(twiceArea(corners.slice(1).map(([lat, lon]) => [lon, lat]))).toBeGreaterThan(0);
      expect(crossesItself(corners, { left: 1e9 })).toBe(false);
    }),
  );
});
