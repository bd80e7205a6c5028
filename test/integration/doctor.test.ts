import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, root, run, temporaryFolder } from './server.ts';

// Every check of `doctor`, once in health and once in sickness.

const folder = temporaryFolder();
const cwd = folder.path;
const taken = createServer().listen(0, '127.0.0.1');
/** A time server whose clock is a minute ahead. */
const clock = createSocket('udp4');
let ntp = '';

beforeAll(async () => {
  if (!taken.listening) await once(taken, 'listening');
  clock.on('message', (_, { port, address }) => {
    const answer = Buffer.alloc(48);
    for (const at of [32, 40]) answer.writeUInt32BE(Math.floor(Date.now() / 1000) + 60 + 2_208_988_800, at);
    clock.send(answer, port, address);
  });
  clock.bind(0, '127.0.0.1');
  await once(clock, 'listening');
  ntp = `127.0.0.1:${clock.address().port}`;
});
afterAll(() => {
  taken.close();
  clock.close();
  folder.remove();
});

interface Check {
  readonly status: string;
  readonly name: string;
  readonly detail: string;
  readonly remedy?: string;
}
async function examine(yaml: string, ...more: string[]): Promise<{ status: number; of: Map<string, Check> }> {
  writeFileSync(join(cwd, 'atalaia.yaml'), yaml);
  const { status, stdout, stderr } = await run(['doctor', '--json', ...more], { cwd });
  expect(stderr).toBe('');
  return { status, of: new Map((JSON.parse(stdout) as Check[]).map((check) => [check.name, check])) };
}

test('a healthy system has no failure, and nothing is left behind', async () => {
  const { port } = taken.address() as { port: number };
  writeFileSync(join(cwd, 'metar.txt'), 'METAR SBPA 301200Z 11010KT 9999 BKN012 22/20 Q1012=\n');
  writeFileSync(
    join(cwd, 'stations.csv'),
    'id,name,latitude,longitude,region,interval\nA801,A,-30,-51,r,PT1H\n',
  );
  const { status, of } = await examine(
    `listen: 127.0.0.1:${await freePort()}
rules: ["${join(root, 'rules/inmet')}"]
stations: { file: stations.csv }
channels: { ops: { kind: webhook, url: "http://127.0.0.1:${port}/", allowPrivate: true } }
`,
    '--ntp',
    'none',
    '--sample',
    'metar.txt',
  );
  expect([...of.values()].filter(({ status: found }) => found === 'fail')).toEqual([]);
  expect(status).toBe(0);
  for (const name of [
    'configuration',
    'port',
    'data',
    'log',
    'store',
    'channels.ops',
    'stations',
    'rules',
    'sample',
  ])
    expect(of.get(name), name).toMatchObject({ status: 'ok' });
  expect(readdirSync(cwd).sort()).toEqual(['atalaia.yaml', 'metar.txt', 'stations.csv']);
});

test('what is wrong is named with its remedy, and ends with 1', async () => {
  const closed = await freePort();
  const { port } = taken.address() as { port: number };
  writeFileSync(join(cwd, 'wrong.yaml'), 'rule: wrong\nhazard: rain\nlevels: { yellow: rainfal >= 1 mm }\n');
  const { status, of } = await examine(
    `listen: 127.0.0.1:${port}
rules: [wrong.yaml]
stations: { file: none.csv }
store: { kind: postgresql, url: "postgresql://u:hidden@127.0.0.1:${closed}/d" }
log: { kind: kafka, brokers: ["127.0.0.1:${closed}"], topic: t }
sources: [ { kind: rabbitmq, urls: ["amqp://u:hidden@127.0.0.1:${closed}/"], exchange: e } ]
channels: { ops: { kind: webhook, url: "http://127.0.0.1:${closed}/hidden", allowPrivate: true } }
`,
    '--ntp',
    ntp,
    '--sample',
    'wrong.yaml',
  );
  expect(status).toBe(1);
  for (const name of [
    'port',
    'clock',
    'log',
    'store.url',
    'sources.0',
    'channels.ops',
    'stations',
    'rules',
    'sample',
  ]) {
    expect(of.get(name), name).toMatchObject({ status: 'fail', remedy: expect.any(String) });
    expect(of.get(name)?.detail).not.toContain('hidden');
  }
  expect(of.get('clock')?.detail).toMatch(/^(59|60)\.\d+ s behind/);
});

test('a wrong configuration ends with 78, one line a check', async () => {
  writeFileSync(join(cwd, 'atalaia.yaml'), 'enviroment: test\n');
  const { status, stdout } = await run(['doctor'], { cwd });
  expect(status).toBe(78);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.every((line) => /^(ok|warn|fail)\t\S+\t/.test(line))).toBe(true);
  expect(lines.at(-1)).toMatch(/^fail\tconfiguration\t.*enviroment.*environment/);
});
