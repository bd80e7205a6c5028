import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { afterAll, expect, test } from 'vitest';
import { Program, root, run, temporaryFolder, until } from './server.ts';

// A person subscribes at a real server, is told, leaves as a mail program does, and is erased.

const folder = temporaryFolder();
const closers: (() => unknown)[] = [folder.remove];
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

const bytes = (text: string): string =>
  text.replace(/(?:=[0-9A-F]{2})+/g, (run) => Buffer.from(run.replaceAll('=', ''), 'hex').toString('utf8'));

/** A mail as its reader has it: folded headers (RFC 5322), encoded words and soft line ends taken back. */
const plain = (mail: string): string => {
  const [head = '', ...rest] = mail.split('\r\n\r\n');
  const words = head
    .replace(/\?=\r\n[ \t]=\?UTF-8\?Q\?/gi, '')
    .replace(/\r\n[ \t]/g, ' ')
    .replace(/=\?UTF-8\?Q\?(.*?)\?=/gi, (_, text: string) => bytes(text.replaceAll('_', ' ')));
  return [words, ...rest.map((part) => bytes(part.replace(/=\r\n/g, '')))].join('\r\n\r\n');
};

async function mailServer() {
  const mails: { readonly to: string; readonly text: string }[] = [];
  /** Mailboxes that take nothing for now. */
  const full = new Set<string>();
  const server = new SMTPServer({
    ...{ authOptional: true, disabledCommands: ['STARTTLS'] },
    onData(stream, session, done) {
      let text = '';
      stream.on('data', (chunk) => {
        text += chunk;
      });
      stream.on('end', () => {
        for (const { address } of session.envelope.rcptTo) mails.push({ to: address, text: plain(text) });
        done();
      });
    },
    onRcptTo({ address }, _session, done) {
      const refusal = Object.assign(new Error(`<${address}> is full`), { responseCode: 452 });
      done(full.has(address) ? refusal : null);
    },
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  closers.push(() => new Promise<void>((done) => server.close(() => done())));
  return { mails, full, port: (server.server.address() as AddressInfo).port };
}

const configuration = (port: number): string => `environment: exercise
listen: 127.0.0.1:0
data: ./data
server: { url: "https://alertas.example.org" }
rules: [${join(root, 'rules/inmet')}]
channels:
  mail: { kind: email, host: 127.0.0.1, port: ${port}, security: none, from: alertas@example.org, allowPrivate: true, public: true }
  duty: { kind: email, host: 127.0.0.1, port: ${port}, security: none, from: alertas@example.org, allowPrivate: true }
subscriptions:
  - { name: plantao, channel: duty, address: plantao@example.com }
`;

test('a person subscribes, confirms, is told, leaves by one POST, and is exported and erased', async () => {
  const { mails, full, port } = await mailServer();
  writeFileSync(join(folder.path, 'atalaia.yaml'), configuration(port));
  const program = new Program(['start', '--config', 'atalaia.yaml'], { cwd: folder.path });
  closers.push(() => program.signal('SIGKILL'));
  const url = await program.listening();
  const send = (method: string, path: string, body: object): Promise<Response> =>
    fetch(`${url}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const to = (address: string): string[] => mails.flatMap((mail) => (mail.to === address ? [mail.text] : []));
  const observe = async (quintal: number): Promise<void> => {
    const observedAt = `${new Date().toISOString().slice(0, 16)}:00Z`;
    const reading = { observedAt, interval: 'PT1H', values: { rainfall: 25 } };
    expect((await send('POST', '/api/v1/observations', { station: `Q${quintal}`, ...reading })).status).toBe(
      202,
    );
  };
  for (const quintal of [0, 1, 2])
    await send('PUT', `/api/v1/stations/Q${quintal}`, {
      ...{ name: `Quintal ${quintal}`, latitude: -30.03, longitude: -51.22, altitude: 10 },
      ...{ region: '4314902', timeZone: 'America/Sao_Paulo', interval: 'PT1H' },
    });

  const wish = {
    channel: 'mail',
    address: 'Ana@Example.com',
    level: 'yellow',
    areas: ['4314902'],
    consent: true,
  };
  const asked = await send('POST', '/api/v1/subscribers', wish);
  expect([asked.status, await asked.json()]).toEqual([202, { accepted: true }]);
  expect((await send('POST', '/api/v1/subscribers', { ...wish, consent: false })).status).toBe(422);
  expect((await send('POST', '/api/v1/subscribers', { ...wish, channel: 'duty' })).status).toBe(422);
  await until(() => to('ana@example.com').length === 1, 20_000, 'the letter that confirms');
  const [letter = ''] = to('ana@example.com');
  expect(letter).toMatch(/EXERCÍCIO: Confirme/);
  expect(letter).toMatch(/EXERCÍCIO: Alguém pediu/);
  const link = /https:\/\/alertas\.example\.org\/#\/subscribe\/confirm\?token=([\w-]{43})/.exec(letter);
  const token = link?.[1];
  expect(token).toBeDefined();
  const listed = async (): Promise<string> => (await fetch(`${url}/api/v1/subscriptions`)).text();
  // What a mail scanner does: it follows links. Nothing is confirmed by that.
  await fetch(`${url}/#/subscribe/confirm?token=${token}`);
  expect((await run(['subscriber', 'export', 'ana@example.com'], { cwd: folder.path })).stdout).toContain(
    '"subscriptions": []',
  );
  const confirmed = await send('POST', '/api/v1/subscribers/confirm', { token });
  expect(await confirmed.json()).toEqual({
    ...{ channel: 'mail', level: 'yellow', areas: ['4314902'], languages: ['pt-BR'] },
  });
  expect((await send('POST', '/api/v1/subscribers/confirm', { token })).status).toBe(404);
  // Operators see neither the address nor where the person is.
  expect(await listed()).not.toMatch(/self-|ana@/i);

  await observe(0);
  await until(() => to('ana@example.com').length === 2, 30_000, 'the alert');
  const alert = to('ana@example.com')[1] ?? '';
  expect(alert).toContain('EXERCÍCIO: Perigo potencial: Chuvas intensas, Quintal 0');
  expect(alert).toMatch(/^List-Unsubscribe-Post: List-Unsubscribe=One-Click/m);
  const leave = /^List-Unsubscribe: <https:\/\/alertas\.example\.org(\/[^>]+)>/m.exec(alert)?.[1] ?? '';
  expect(alert).toContain(`Cancelar: https://alertas.example.org${leave}`);
  // The office's own subscriptions have no such link.
  await until(() => to('plantao@example.com').length === 1, 30_000, 'the alert to the office');
  expect(to('plantao@example.com')[0]).not.toContain('One-Click');

  // What waits to be tried again when the person leaves is not sent either; no reason names the address.
  full.add('ana@example.com');
  await observe(1);
  const details = async (): Promise<string> => {
    const { items } = (await (await fetch(`${url}/api/v1/alerts`)).json()) as { items: { alert: string }[] };
    const answers = await Promise.all(items.map(({ alert: id }) => fetch(`${url}/api/v1/alerts/${id}`)));
    return (await Promise.all(answers.map((answer) => answer.text()))).join('');
  };
  await until(async () => (await details()).includes('<…> is full'), 30_000, 'a failed attempt');
  expect(await details()).not.toMatch(/ana@/i);
  const looked = await fetch(`${url}${leave}`, { redirect: 'manual' });
  expect(looked.status).toBe(303);
  expect(looked.headers.get('location')).toMatch(/^\/#\/subscribe\/leave\?token=/);
  expect((await run(['subscriber', 'export', 'ana@example.com'], { cwd: folder.path })).stdout).toContain(
    '"origin": "self"',
  );
  const oneClick = {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'List-Unsubscribe=One-Click',
  };
  expect((await fetch(`${url}${leave.slice(0, -1)}`, oneClick)).status).toBe(404);
  expect((await fetch(`${url}${leave}`, oneClick)).status).toBe(200);
  expect((await fetch(`${url}${leave}`, oneClick)).status).toBe(200);
  full.clear();
  await observe(2);
  await until(() => to('plantao@example.com').length === 3, 30_000, 'the third alert to the office');
  expect(to('ana@example.com')).toHaveLength(2);

  // The person's own link; nobody else hears whether the address is known.
  const manage = { channel: 'mail', address: 'ana@example.com', language: 'en' };
  const [own, other] = await Promise.all([
    send('POST', '/api/v1/subscribers/manage', manage),
    send('POST', '/api/v1/subscribers/manage', { ...manage, address: 'nobody@example.com' }),
  ]);
  expect([own.status, await own.text()]).toEqual([other.status, await other.text()]);
  await until(() => to('ana@example.com').length === 3, 20_000, 'the link to manage');
  expect(to('nobody@example.com')).toEqual([]);
  const key = /manage\?token=([\w-]{43})/.exec(to('ana@example.com')[2] ?? '')?.[1];
  const kept = (await (await send('POST', '/api/v1/subscribers/export', { token: key })).json()) as {
    consents: { version: string; givenAt: number; endedAt: number | null }[];
    deliveries: { state: string }[];
  };
  expect(kept.deliveries.map(({ state }) => state).toSorted()).toEqual(['delivered', 'dropped']);
  expect(kept.consents).toMatchObject([{ version: '1', endedAt: expect.any(Number) }]);
  const erased = await send('POST', '/api/v1/subscribers/erase', { token: key });
  expect(await erased.json()).toMatchObject({ consents: 1, deliveries: 2, left: 0 });
  expect((await send('POST', '/api/v1/subscribers/erase', { token: key })).status).toBe(404);

  // An admin, by API and by command, with what the office keeps; what is in the configuration stays and is told.
  const office = await send('POST', '/api/v1/subscribers/office/erase', { address: 'PLANTAO@example.com' });
  expect(office.status).toBe(401);
  const byCommand = await run(['subscriber', 'erase', 'PLANTAO@example.com'], { cwd: folder.path });
  expect(JSON.parse(byCommand.stdout)).toMatchObject({ deliveries: 0, left: 1 });
  const verified = await run(['audit', 'verify'], { cwd: folder.path });
  expect([verified.status, verified.stdout]).toEqual([0, expect.stringMatching(/entries are whole/)]);
  const log = (await run(['audit', 'list'], { cwd: folder.path })).stdout;
  for (const act of ['confirm', 'leave', 'erase', 'export']) expect(log).toContain(`subscriber.${act}`);
  expect(log).not.toMatch(/ana@|plantao@/i);
  expect(await program.signal('SIGTERM')).toBe(0);
  // Nowhere in the ledger, nor in what the server said.
  const files = ['ledger.sqlite', 'ledger.sqlite-wal'].map((file) => {
    try {
      return readFileSync(join(folder.path, 'data', file), 'latin1');
    } catch {
      return '';
    }
  });
  expect(files.join('')).not.toMatch(/ana@example\.com/i);
  expect(program.stdout + program.stderr).not.toMatch(/ana@example\.com/i);
}, 120_000);
