import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openReceiver } from '../../src/delivery/channels/fixture.ts';
import { Program, root, temporaryFolder, until } from './server.ts';

// The questions and acts of the page of channels, against a real server and a receiver that refuses, then heals.

const folder = temporaryFolder();
const closers: (() => unknown)[] = [folder.remove];
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

interface Item {
  readonly key: string;
  readonly state: string;
  readonly attempts: number;
  readonly lastError?: string;
}

test('a test says what came of it, and dead letters are told once more under their keys', async () => {
  let status = 410;
  const receiver = await openReceiver(() => ({ status, body: 'ana@example.com is gone' }));
  closers.push(receiver.close);
  writeFileSync(
    join(folder.path, 'atalaia.yaml'),
    `environment: exercise
listen: 127.0.0.1:0
data: ./data
rules: [${join(root, 'rules/inmet')}]
channels:
  ops: { kind: webhook, url: "${receiver.url}/", allowPrivate: true }
  mail: { kind: email, host: 127.0.0.1, port: 9, security: none, from: alertas@example.org, allowPrivate: true }
subscriptions:
  - { name: ops, channel: ops }
  - { name: red, channel: ops, level: red }
`,
  );
  const program = new Program(['start', '--config', 'atalaia.yaml'], { cwd: folder.path });
  closers.push(() => program.signal('SIGKILL'));
  const url = await program.listening();
  const ask = async <T>(method: string, path: string, body?: object, headers = {}): Promise<T> => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body) } : {}),
      headers: { 'content-type': 'application/json', ...headers },
    });
    return { ...((await answer.json()) as T), http: answer.status } as T;
  };
  type Page = { readonly items: readonly Item[]; readonly http: number };
  const dead = async (): Promise<readonly Item[]> => (await ask<Page>('GET', '/deliveries')).items;

  // A test, refused and then taken; the same Idempotency-Key is the same message.
  expect(await ask('POST', '/channels/ops/test', {})).toMatchObject({
    outcome: 'rejected',
    reason: expect.stringContaining('410'),
  });
  status = 204;
  const once = { 'idempotency-key': 'click-1' };
  const first = await ask<{ outcome: string; key: string }>('POST', '/channels/ops/test', {}, once);
  expect(first).toMatchObject({ outcome: 'delivered', http: 200 });
  expect(await ask('POST', '/channels/ops/test', {}, once)).toMatchObject({ key: first.key });
  expect(JSON.parse(receiver.seen.at(-1)?.body.toString() ?? '')).toMatchObject({
    status: 'Test',
    text: { 'pt-BR': expect.stringMatching(/^TESTE: /), en: expect.stringMatching(/^TEST: /) },
  });
  expect(receiver.seen.at(-1)?.headers['idempotency-key']).toBe(first.key);
  expect(await ask('POST', '/channels/mail/test', { address: 'ana@example.com' })).toMatchObject({
    outcome: 'later',
    reason: expect.not.stringContaining('ana@'),
  });
  expect(await ask('POST', '/channels/none/test', {})).toMatchObject({ http: 404 });
  const limited: number[] = [];
  for (let i = 0; i < 4; i++) limited.push((await ask<Page>('POST', '/channels/ops/test', {})).http);
  expect(limited.at(-1)).toBe(429);
  const audit = await ask<{ items: readonly { action: string; detail?: { outcome?: string } }[] }>(
    'GET',
    '/audit?limit=1000',
  );
  const outcomes = audit.items.flatMap(({ action, detail }) =>
    action === 'testChannel' && detail?.outcome ? [detail.outcome] : [],
  );
  expect(outcomes).toContain('delivered');
  expect(JSON.stringify(audit)).not.toContain('ana@');

  // An alert that the receiver refuses for good.
  status = 410;
  await ask('PUT', '/stations/QUINTAL', {
    ...{ name: 'Quintal', latitude: -30.03, longitude: -51.22, altitude: 10 },
    ...{ region: '4314902', timeZone: 'America/Sao_Paulo', interval: 'PT1H' },
  });
  const asked = await ask<{ told: number; notTold: number; items: readonly object[] }>(
    'POST',
    '/subscriptions/preview',
    { station: 'QUINTAL', hazard: 'rain', level: 'yellow' },
  );
  expect(asked).toMatchObject({
    ...{ told: 1, notTold: 1 },
    items: [{ told: true }, { told: false, reasons: [{ cause: 'level' }] }],
  });
  const observedAt = `${new Date().toISOString().slice(0, 16)}:00Z`;
  const values = { rainfall: 25 };
  await ask('POST', '/observations', { station: 'QUINTAL', observedAt, interval: 'PT1H', values });
  await until(async () => (await dead()).length === 1, 30_000, 'the dead letter');
  const [letter] = (await dead()) as [Item];
  expect(letter).toMatchObject({ state: 'dead', attempts: 1, lastError: expect.stringContaining('410') });
  expect(letter.lastError).not.toContain('ana@');
  const channels = await ask<{ items: readonly object[] }>('GET', '/channels');
  expect(channels.items[0]).toMatchObject({
    ...{ name: 'ops', kind: 'webhook', circuit: 'closed', paused: 'no', waiting: 0, sent: 0, dead: 1 },
    lastFailure: { reason: expect.stringContaining('410') },
    lastSuccessAt: null,
  });

  // Healed: sent again once, under the same key; a second replay finds nothing dead.
  status = 204;
  const tried = (): number =>
    receiver.seen.filter((one) => one.headers['idempotency-key'] === letter.key).length;
  expect(tried()).toBe(1);
  const path = `/deliveries/${encodeURIComponent(letter.key)}/replay`;
  expect(await ask('POST', path, {})).toMatchObject({ http: 200, replayed: [letter.key] });
  const delivered = async (): Promise<boolean> =>
    (await ask<Page>('GET', '/deliveries?state=delivered&channel=ops')).items.length === 1;
  await until(delivered, 30_000, 'the delivery');
  expect(await ask('POST', path, {})).toMatchObject({ http: 409 });
  expect(await ask('POST', '/channels/ops/replay', {})).toMatchObject({ replayed: [], skipped: [] });
  expect(await dead()).toEqual([]);
  expect(tried()).toBe(2);
  const bodies = receiver.seen.filter((one) => one.headers['idempotency-key'] === letter.key);
  expect(bodies[1]?.body.toString()).toBe(bodies[0]?.body.toString());
}, 90_000);
