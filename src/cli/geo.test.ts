import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, expect, it } from 'vitest';
import { geoCommand } from './geo.ts';

const folder = mkdtempSync(join(tmpdir(), 'atalaia-geo-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const mesh = join(folder, 'mesh.json');
const out = join(folder, 'borders.geojson');

const feature = (code: string): object => ({
  type: 'Feature',
  properties: { CD_MUN: code, NM_MUN: 'Porto Alegre' },
  geometry: {
    type: 'Polygon',
    coordinates: [
      [
        [-51, -30],
        [-50, -30],
        [-50, -29],
        [-51, -30],
      ],
    ],
  },
});
const give = (...codes: string[]): void =>
  writeFileSync(mesh, JSON.stringify({ type: 'FeatureCollection', features: codes.map(feature) }));

async function run(...argv: string[]): Promise<readonly [status: number, told: string]> {
  const io = { stdout: new PassThrough(), stderr: new PassThrough() };
  const status = await geoCommand.run(['import', mesh, '--out', out, ...argv], io);
  io.stderr.end();
  return [status, await text(io.stderr)];
}

it('writes what it took, tells what it refused, and changes nothing the second time', async () => {
  give('4314902', '1234567');
  const [status, told] = await run();
  expect(status).toBe(0);
  expect(told).toContain('feature 2: "1234567" is no IBGE code');
  expect(told).toContain('2 read, 1 taken, 1 refused');
  const first = readFileSync(out, 'utf8');
  expect(JSON.parse(first)).toMatchObject({ features: [{ id: '4314902' }] });
  expect(await run('--strict')).toEqual([1, expect.stringContaining('unchanged')]);
  expect(readFileSync(out, 'utf8')).toBe(first);
});

it('writes nothing where nothing can be used, and names wrong usage', async () => {
  give('1234567');
  await expect(run()).rejects.toThrow('nothing is written');
  await expect(run('--tolerance', 'x')).rejects.toThrow('--tolerance x must be a number');
  await expect(run('--max-points', '3')).rejects.toThrow('from 4');
});
