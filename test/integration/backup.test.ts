import { once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  archivedRows,
  caughtUp,
  freePort,
  Program,
  recordedEvents,
  run,
  temporaryFolder,
  until,
} from './server.ts';

// A backup of a running server, restored elsewhere: whole, silent about the past, and awake.

const folder = temporaryFolder();
const cwd = folder.path;
const programs: Program[] = [];
/** Alerts that the receiver was asked to take, and whether it takes them. */
const heard: { station: string; at: string }[] = [];
let isTaking = false;
const receiver = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { subject, issuedAt } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    heard.push({ station: subject.id, at: issuedAt });
    response.writeHead(isTaking ? 204 : 503).end();
  });
}).listen(0, '127.0.0.1');

afterAll(async () => {
  for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
  receiver.closeAllConnections();
  receiver.close();
  folder.remove();
});

const STATIONS = 40;
function writeSetting(): void {
  const { port } = receiver.address() as { port: number };
  writeFileSync(
    join(cwd, 'chuva.yaml'),
    'rule: chuva\nhazard: rain\nlevels:\n  yellow: sum(rainfall, 1h) > 5 mm\n',
  );
  const rows = Array.from({ length: STATIONS }, (_, i) => `S${i},S${i},-30,-51,r${i},PT1M`);
  writeFileSync(
    join(cwd, 'stations.csv'),
    `id,name,latitude,longitude,region,interval\n${rows.join('\n')}\n`,
  );
  for (const data of ['data', 'again', 'third'])
    writeFileSync(
      join(cwd, `${data}.yaml`),
      `environment: exercise
data: ${data}
stations: { file: stations.csv }
rules: [chuva.yaml]
pipeline: { partitions: 4 }
channels: { ops: { kind: webhook, url: "http://127.0.0.1:${port}/", secret: a-secret-in-plain-text, allowPrivate: true } }
subscriptions: [ { name: ops, channel: ops, level: yellow, areas: all } ]
`,
    );
}

async function start(data: string): Promise<{ program: Program; url: string }> {
  const port = await freePort();
  const program = new Program(['start', '--config', `${data}.yaml`, '--port', String(port)], { cwd });
  programs.push(program);
  return { program, url: await program.listening() };
}

const post = async (url: string, stations: readonly string[], rainfall: number): Promise<void> => {
  const observedAt = new Date().toISOString();
  const body = stations.map((station) => ({ station, observedAt, interval: 'PT1M', values: { rainfall } }));
  const answer = await fetch(`${url}/api/v1/observations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(202);
};
const all = Array.from({ length: STATIONS }, (_, i) => `S${i}`);

test('a backup of a running server is whole, and restored it says nothing old and everything new', async () => {
  if (!receiver.listening) await once(receiver, 'listening');
  writeSetting();
  const { program, url } = await start('data');
  await post(url, ['S1', 'S2'], 8);
  // Two alerts that nobody has taken yet wait in the ledger.
  await until(() => new Set(heard.map(({ station }) => station)).size === 2, 30_000, 'two attempts');

  const refused = await run(['import', 'chuva.yaml', '--config', 'data.yaml', '--format', 'csv'], { cwd });
  expect([refused.status, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/in use by process \d+\. Stop that server/),
  ]);

  // Backed up under load, as a folder and as one file.
  let isFeeding = true;
  const feeding = (async () => {
    while (isFeeding) await post(url, all.slice(4), 0);
  })();
  const backups = await Promise.all([
    run(['backup', '--config', 'data.yaml', '--to', 'backup'], { cwd }),
    run(['backup', '--config', 'data.yaml', '--to', 'backup.tar'], { cwd }),
  ]);
  // An alert of after the backup: the system that was not backed up tells it.
  isFeeding = false;
  await feeding;
  expect(backups.map(({ status, stderr }) => [status, stderr.includes('the server ran meanwhile')])).toEqual([
    [0, true],
    [0, true],
  ]);
  const taken = await run(['backup', '--config', 'data.yaml', '--to', 'backup'], { cwd });
  expect([taken.status, taken.stderr]).toEqual([2, expect.stringContaining('is there already')]);
  await caughtUp(url);
  expect(await program.signal('SIGTERM')).toBe(0);
  expect(readFileSync(join(cwd, 'backup/settings/atalaia.yaml'), 'utf8')).not.toContain('plain-text');

  const again = await run(['restore', 'backup', '--config', 'again.yaml'], { cwd });
  expect([again.status, again.stderr]).toEqual([
    0,
    expect.stringContaining('2 deliveries of then will not be sent'),
  ]);
  expect((await run(['restore', 'backup', '--config', 'again.yaml'], { cwd })).status).toBe(1);
  expect((await run(['restore', 'backup.tar', '--config', 'third.yaml'], { cwd })).status).toBe(0);
  expect(await recordedEvents(join(cwd, 'third'))).toHaveLength(2);

  isTaking = true;
  heard.length = 0;
  const restored = await start('again');
  await caughtUp(restored.url);
  await post(restored.url, ['S3'], 8);
  await until(() => heard.some(({ station }) => station === 'S3'), 30_000, 'the new alert');
  // What was raised before would have gone out first.
  expect(heard.map(({ station }) => station)).toEqual(['S3']);
  expect(await restored.program.signal('SIGTERM')).toBe(0);
  const { rows, keys } = await archivedRows(join(cwd, 'again'));
  expect(rows).toBe(keys);
  expect(rows).toBeGreaterThan(7);
});

test('a backup with a changed byte is refused, and nothing is restored', async () => {
  const [segment] = readdirSync(join(cwd, 'backup/data/log')).filter((name) => name.endsWith('.log'));
  appendFileSync(join(cwd, 'backup/data/log', segment as string), 'x');
  writeFileSync(
    join(cwd, 'fourth.yaml'),
    'environment: exercise\ndata: fourth\npipeline: { partitions: 4 }\n',
  );
  const { status, stderr } = await run(['restore', 'backup', '--config', 'fourth.yaml'], { cwd });
  expect([status, stderr]).toEqual([1, expect.stringContaining('is not as it was written')]);
  expect(readdirSync(cwd).filter((name) => name.startsWith('fourth'))).toEqual(['fourth.yaml']);
});
