import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { afterAll, expect, test } from 'vitest';
import { openReceiver } from '../../src/delivery/channels/fixture.ts';
import { Program, pause, root, run, temporaryFolder, until } from './server.ts';

// The system's daily test of itself, by a real server: every channel, an outside watcher, and kill -9 in the middle.

const closers: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

async function mailServer() {
  const mails: string[] = [];
  const server = new SMTPServer({
    ...{ authOptional: true, disabledCommands: ['STARTTLS'], closeTimeout: 100 },
    onData(stream, _, done) {
      let text = '';
      stream.on('data', (chunk) => {
        text += chunk;
      });
      stream.on('end', () => {
        mails.push(text);
        done();
      });
    },
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  closers.push(() => new Promise<void>((done) => server.close(() => done())));
  return { mails, port: (server.server.address() as AddressInfo).port };
}

const receiver = async (status: () => number | undefined) => {
  const opened = await openReceiver(() => {
    const now = status();
    return now === undefined ? undefined : { status: now };
  });
  closers.push(opened.close);
  return opened;
};

interface Status {
  readonly state: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly at: string;
  readonly channels: readonly { channel: string; state: string; reason?: string }[];
}

test('every channel is tested; a dead one is told, the watcher outside misses the beat, and nothing public shows it', async () => {
  const folder = temporaryFolder();
  closers.push(folder.remove);
  const mail = await mailServer();
  let isDead = true;
  const ops = await receiver(() => 204);
  const civil = await receiver(() => 202);
  const dead = await receiver(() => (isDead ? 404 : 204));
  const watcher = await receiver(() => 200);
  writeFileSync(
    join(folder.path, 'atalaia.yaml'),
    `environment: exercise
listen: 127.0.0.1:0
data: ./data
server: { id: poa, name: Defesa Civil }
rules: [${join(root, 'rules/inmet')}]
channels:
  ops: { kind: webhook, url: "${ops.url}", allowPrivate: true }
  mail: { kind: email, host: 127.0.0.1, port: ${mail.port}, security: none, from: alertas@example.org, allowPrivate: true }
  civil: { kind: cap, url: "${civil.url}/", allowPrivate: true }
  dead: { kind: webhook, url: "${dead.url}", allowPrivate: true }
subscriptions:
  - { name: everybody, channel: ops }
heartbeat: { url: "${watcher.url}/ping", every: 1s }
selfTest: { at: "00:00", timeZone: UTC, addresses: { mail: plantao@example.org }, deadline: 20s }
`,
  );
  const program = new Program(['start', '--config', 'atalaia.yaml'], { cwd: folder.path });
  closers.push(() => program.signal('SIGKILL'));
  const url = await program.listening();
  const get = async (path: string): Promise<string> => (await fetch(url + path)).text();
  const status = async (): Promise<Status> => JSON.parse(await get('/api/v1/self-test'));
  await until(async () => (await status()).state === 'failed', 30_000, 'the dead channel to be told');

  const { ok, detail, channels } = await status();
  expect(ok).toBe(false);
  expect(detail).toMatch(/failed: dead: .*404/);
  await until(() => mail.mails.length + ops.seen.length + civil.seen.length === 3, 20_000, 'the others');
  expect(channels.map(({ channel }) => channel)).toEqual(['ops', 'mail', 'civil', 'dead']);

  // Marked as a test first of all, though the server is one of an exercise.
  const body = ops.seen[0]?.body.toString() ?? '';
  expect(JSON.parse(body)).toMatchObject({ hazard: 'self-test', event: 'raised', test: true });
  expect(body).not.toContain('draft');
  expect(mail.mails[0]).toMatch(/^To: plantao@example\.org/m);
  expect(mail.mails[0]).toMatch(/^Subject: TESTE: Teste de ponta a ponta dos avisos, Defesa Civil/m);
  expect(civil.seen[0]?.body.toString()).toMatch(/<status>Test<\/status>/);
  expect(civil.seen[0]?.body.toString()).toMatch(/<headline>TEST: /);

  // Told where operators look; the server stays ready.
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  expect(await get('/metrics')).toMatch(/^atalaia_self_test_ok 0$/m);
  expect(await get('/metrics')).toMatch(/^atalaia_self_test_channel_ok\{channel="dead"\} 0$/m);
  expect(await get('/metrics')).toMatch(/^atalaia_self_test_channel_ok\{channel="mail"\} 1$/m);
  expect(JSON.parse(await get('/api/v1/status')).selfTest).toMatchObject({ state: 'failed', ok: false });
  expect(await get('/api/v1/status')).not.toContain('404');
  const duty = JSON.parse(await get('/api/v1/duty'));
  expect(duty.items).toMatchObject([{ kind: 'self-test', state: 'failed' }]);
  expect(duty.total).toEqual({ alerts: { yellow: 0, orange: 0, red: 0 }, deliveries: 0, stations: 0 });

  // In no list, feed, stream or figure of alerts.
  const { alert } = JSON.parse(body) as { alert: string };
  for (const path of [
    '/api/v1/alerts',
    '/api/v1/drafts',
    '/cap/feed.atom',
    '/cap/feed.rss',
    '/api/v1/stations',
    '/api/v1/verification',
  ])
    expect(await get(path), path).not.toMatch(new RegExp(`${alert}|system:self-test`));
  expect((await fetch(`${url}/api/v1/alerts/${alert}/cap.xml`)).status).toBe(404);
  expect(await get('/metrics')).not.toMatch(/^atalaia_alert_events_total\{/m);
  expect(await get('/metrics')).not.toMatch(/^atalaia_deliveries_total\{outcome="(dead|delivered)"\}/m);
  const tail = await run(['tail', '--url', url, '--once'], { cwd: folder.path });
  expect(tail.stdout).toBe('');

  // The watcher hears nothing while the newest test has failed, ...
  await until(
    async () => /heartbeats_total\{outcome="withheld"\} [2-9]/.test(await get('/metrics')),
    10_000,
    'no beat',
  );
  const beats = watcher.seen.length;
  await pause(2500);
  expect(watcher.seen.length).toBe(beats);
  // ... and again after one that passes.
  isDead = false;
  const again = await run(['selftest', 'now', '--to', url], { cwd: folder.path });
  expect(again.stderr).toBe('');
  expect(again.stdout).toMatch(
    /^ops\tdelivered\t\d+\t\nmail\tdelivered.*\ncivil\tdelivered.*\ndead\tdelivered/,
  );
  expect(again.status).toBe(0);
  await until(() => watcher.seen.length > beats, 10_000, 'the beat');
  expect(JSON.parse(await get('/api/v1/duty')).items).toEqual([]);

  // A request that is repeated begins no second one.
  const post = async (): Promise<string> => {
    const headers = { 'idempotency-key': 'k1' };
    return (await fetch(`${url}/api/v1/self-test`, { method: 'POST', headers })).text();
  };
  const told = ops.seen.length;
  expect(await post()).toBe(await post());
  await until(async () => (await status()).state === 'passed', 20_000, 'the third test');
  await until(() => ops.seen.length > told, 20_000, 'its message');
  expect(ops.seen.length).toBe(told + 1);
}, 120_000);

test('one a day: killed while the receiver has the message, the server repeats the same one and begins no other', async () => {
  const folder = temporaryFolder();
  closers.push(folder.remove);
  let answers = false;
  const ops = await receiver(() => (answers ? 204 : undefined));
  writeFileSync(
    join(folder.path, 'atalaia.yaml'),
    `environment: exercise
listen: 127.0.0.1:0
data: ./data
rules: [${join(root, 'rules/inmet')}]
channels: { ops: { kind: webhook, url: "${ops.url}", allowPrivate: true } }
selfTest: { at: "00:00", timeZone: UTC, deadline: 1m }
`,
  );
  const start = () => {
    const program = new Program(['start', '--config', 'atalaia.yaml'], { cwd: folder.path });
    closers.push(() => program.signal('SIGKILL'));
    return program;
  };
  const day = new Date().toISOString().slice(0, 10);
  const keys = () => new Set(ops.seen.map(({ headers }) => headers['idempotency-key']));
  const first = start();
  await first.listening();
  await until(() => ops.seen.length > 0, 20_000, 'the message');
  await first.signal('SIGKILL');
  answers = true;
  const second = start();
  const url = await second.listening();
  const state = async (at: string): Promise<string> =>
    ((await (await fetch(`${at}/api/v1/self-test`)).json()) as Status).state;
  await until(async () => (await state(url)) === 'passed', 20_000, 'the repeat');
  await second.signal('SIGTERM');
  const told = ops.seen.length;
  const third = start();
  const last = await third.listening();
  await until(async () => (await state(last)) === 'passed', 20_000, 'the verdict to be read');
  await pause(2500);
  // Unless midnight fell into the test: then there is one of the new day.
  if (new Date().toISOString().slice(0, 10) === day) {
    expect(ops.seen.length).toBe(told);
    expect(keys().size).toBe(1);
  }
}, 120_000);
