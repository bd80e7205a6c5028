import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openAccessStore } from '../app/access.ts';
import { loadConfig } from '../app/config/config.ts';
import { eventsCommand } from './events.ts';

let folder: string;
let config: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atalaia-cli-events-'));
  config = join(folder, 'atalaia.yaml');
  writeFileSync(config, 'environment: test\ndata: ./data\n');
  const ledger = await openAccessStore({ config: loadConfig(config, {}) });
  await ledger.putStations([
    {
      ...{ id: 'A801', name: 'A801', latitude: -30, longitude: -51, altitude: 4, region: '4314902' },
      ...{ timeZone: 'America/Sao_Paulo', intervalMs: 3_600_000 },
    },
  ]);
  await ledger.close();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, ...lines: string[]): string => {
  writeFileSync(join(folder, name), `${lines.join('\r\n')}\r\n`);
  return join(folder, name);
};
async function run(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const status = await eventsCommand.run([...argv, '--config', config], { stdout, stderr });
  return { status, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}
const header = 'hazard,area,latitude,longitude,level,from,to,note,source';
const flood =
  'flood,4314902,,,red,2024-04-30T07:30:00Z,2024-04-30T09:00:00-03:00,"rua, alagada",Defesa Civil';

test('a file is taken once, its events are listed, and who did it is in the audit log', async () => {
  const hail = 'hail,,-30.5,-51.25,,2024-05-02T07:30:00Z,2024-05-02T07:40:00Z,,jornal';
  const lost = 'wind,0000000,,,,2024-05-01T07:30:00Z,2024-05-01T07:40:00Z,,jornal';
  const path = file('events.csv', header, flood, hail, lost, flood);
  expect(await run('import', path)).toEqual({
    ...{ status: 0, out: `${path}: 3 of 4 events are new\n` },
    err: `${path}: 1 events in areas without a station can only be missed: 0000000\n`,
  });
  expect((await run('import', path)).out).toBe(`${path}: 0 of 4 events are new\n`);
  const listed = (await run('list')).out.split('\n').slice(0, -1);
  expect(listed.map((line) => line.split('\t').slice(1))).toEqual([
    ['hail', '-30.5,-51.25 0 km', '-', '2024-05-02T07:30:00Z', '2024-05-02T07:40:00Z', 'jornal', ''],
    ['wind', '0000000', '-', '2024-05-01T07:30:00Z', '2024-05-01T07:40:00Z', 'jornal', ''],
    [
      'flood',
      '4314902',
      'red',
      '2024-04-30T07:30:00Z',
      '2024-04-30T12:00:00Z',
      'Defesa Civil',
      'rua, alagada',
    ],
  ]);
  const ledger = await openAccessStore({ config: loadConfig(config, {}) });
  const actions = (await ledger.audit({ limit: 9 })).map(({ json }) => JSON.parse(json).action);
  await ledger.close();
  expect(actions).toEqual(['events.import', 'events.import']);
});

test('nothing is taken of files with a bad row; each is named by its line', async () => {
  const good = file('good.csv', header, flood);
  const bad = file(
    'bad.csv',
    header,
    flood,
    'flood,4314902,,,,2024-04-30,2024-04-30T09:00:00Z,,x',
    'flood,,x,-51,,2024-04-30T07:30:00Z,2024-04-30T09:00:00Z,,x',
    'flood,4314902',
  );
  const refused = expect(run('import', good, bad)).rejects;
  await refused.toThrow(/bad\.csv, line 3: from is no instant/);
  await expect(run('import', bad)).rejects.toThrow(/line 4: latitude.*line 5: 2 fields; the header has 9/s);
  expect((await run('list')).out).toBe('');
  await expect(run('import', file('h.csv', 'hazard,colour'))).rejects.toThrow(
    /line 1: "colour" is no column/,
  );
  await expect(run('import', file('e.csv', ''))).rejects.toThrow(/is empty/);
  await expect(run('import', join(folder, 'none.csv'))).rejects.toThrow(/cannot be read/);
  await expect(run('erase')).rejects.toThrow(/import FILE/);
});
