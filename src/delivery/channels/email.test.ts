import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { seededRandom } from '../../lib/random.ts';
import { sampleRevision } from '../../store/ledger/sample.ts';
import { openSqliteLedger } from '../../store/ledger/sqlite/ledger.ts';
import { createDispatcher } from '../dispatcher.ts';
import { createEmail, emailConfig } from './email.ts';
import { deliver, sample, sampleDeps } from './fixture.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Mail {
  readonly to: readonly string[];
  readonly text: string;
  readonly secure: boolean;
  readonly session: string;
}

async function mailServer(options: SMTPServerOptions = {}) {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    ...{ authOptional: true, disabledCommands: ['STARTTLS'], closeTimeout: 100 },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        const text = Buffer.concat(chunks).toString('utf8');
        mails.push({ to, text, secure: session.secure, session: session.id });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => {});
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  closers.push(() => new Promise<void>((done) => server.close(() => done())));
  return { mails, port: (server.server.address() as AddressInfo).port };
}

const open = (port: number, more: object = {}, timeoutMs = 3000) => {
  const config = {
    kind: 'email',
    host: '127.0.0.1',
    port,
    from: 'alertas@example.org',
    security: 'none',
    allowPrivate: true,
  };
  const channel = createEmail(emailConfig.parse({ ...config, ...more }), sampleDeps({ timeoutMs }));
  closers.push(() => channel.close());
  return channel;
};
const signal = (): AbortSignal => new AbortController().signal;
const to = (address: string, more: object = {}) => sample({ address, ...more });
const refusal = (responseCode: number, text: string): Error =>
  Object.assign(new Error(text), { responseCode });

const bytes = (text: string): string =>
  text.replace(/(?:=[0-9A-F]{2})+/g, (run) => Buffer.from(run.replaceAll('=', ''), 'hex').toString('utf8'));

/** A message with its header lines unfolded (RFC 5322), encoded words (RFC 2047) and quoted-printable read. */
const plain = (mail: string): string => {
  const [head = '', ...rest] = mail.split('\r\n\r\n');
  const words = head
    .replace(/\?=\r\n[ \t]=\?UTF-8\?Q\?/gi, '')
    .replace(/\r\n[ \t]/g, ' ')
    .replace(/=\?UTF-8\?Q\?(.*?)\?=/gi, (_, text: string) => bytes(text.replaceAll('_', ' ')));
  return [words, ...rest.map((part) => bytes(part.replace(/=\r\n/g, '')))].join('\r\n\r\n');
};

test('a message has its headers, a plain and an HTML part, and the mark of a drill in each of them', async () => {
  const { mails, port } = await mailServer();
  const outcome = await deliver(open(port), to('ana@example.com'));
  expect(outcome).toMatchObject({
    kind: 'delivered',
    receipt: expect.stringMatching(/^SMTP <.*@example.org>: 250/),
  });
  const [mail] = mails;
  expect(mail?.to).toEqual(['ana@example.com']);
  const head = plain(mail?.text ?? '');
  expect(head).toMatch(
    /^Message-ID:\s+<00112233445566778899aabbccddeeff\.1\.api-x\.[0-9a-f]{12}@example\.org>/im,
  );
  expect(head).toMatch(/^List-Unsubscribe: <mailto:alertas@example\.org\?subject=unsubscribe>/im);
  expect(head).toMatch(/^Auto-Submitted: auto-generated/im);
  expect(head).toMatch(/^Subject: EXERCÍCIO: Grande perigo: Chuvas intensas/m);
  expect(head).toContain('<h1>EXERCÍCIO: Grande perigo');
  expect(head).toContain('São &#60;!channel&#62; *João* &#38; @everyone');
  expect(head).toMatch(/^EXERCÍCIO: Grande perigo: Chuvas intensas, São <!channel>/m);
  expect(head).toContain('Saia de áreas baixas.');
});

test('repeats bear the same Message-ID, and connections are kept', async () => {
  const { mails, port } = await mailServer();
  const channel = open(port, { connections: 2 });
  for (let i = 0; i < 5; i++)
    expect((await channel.deliver(to('ana@example.com'), signal())).kind).toBe('delivered');
  const ids = mails.map(({ text }) => /^Message-ID:\s+(.*)$/im.exec(text)?.[1]);
  expect(new Set(ids).size).toBe(1);
  expect(new Set(mails.map(({ session }) => session)).size).toBe(1);
});

test('4xx is tried again, 5xx to a receiver is final, a login that fails is tried again without the password', async () => {
  const { port } = await mailServer({
    onRcptTo: ({ address }, _, done) =>
      done(
        address.startsWith('full')
          ? refusal(452, 'full')
          : address.startsWith('gone')
            ? refusal(550, 'no such user')
            : null,
      ),
  });
  const channel = open(port);
  expect(await channel.deliver(to('full@example.com'), signal())).toMatchObject({ kind: 'retry-later' });
  expect(await channel.deliver(to('gone@example.com'), signal())).toMatchObject({
    kind: 'rejected',
    reason: expect.stringContaining('550'),
  });
  expect((await channel.deliver(to('ana@example.com'), signal())).kind).toBe('delivered');
  expect(await channel.deliver(to('not an address'), signal())).toMatchObject({ kind: 'rejected' });
  const login = await mailServer({
    ...{ authOptional: false, allowInsecureAuth: true },
    onAuth: ({ password }, _, done) => done(refusal(535, `wrong: ${password}`)),
  });
  const outcome = await deliver(
    open(login.port, { username: 'u', password: 'hush-hush-1' }),
    to('ana@example.com'),
  );
  expect(outcome).toMatchObject({ kind: 'retry-later', reason: expect.stringContaining('[secret]') });
  expect(JSON.stringify(outcome)).not.toContain('hush-hush');
});

test('speaks TLS: STARTTLS is insisted on, and the certificate is checked', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'atalaia-tls-'));
  closers.push(() => rmSync(folder, { recursive: true }));
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = [
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=IP:127.0.0.1,DNS:localhost',
    '-days',
    '2',
  ];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      keyFile,
      '-out',
      certFile,
      ...subject,
    ],
    { stdio: 'ignore' },
  );
  const [key, cert] = [readFileSync(keyFile, 'utf8'), readFileSync(certFile, 'utf8')];
  const { mails, port } = await mailServer({ disabledCommands: [], key, cert });
  const secure = { host: 'localhost', security: 'starttls' };
  expect(await deliver(open(port, { ...secure, ca: cert }), to('ana@example.com'))).toMatchObject({
    kind: 'delivered',
  });
  expect(mails[0]?.secure).toBe(true);
  expect(await deliver(open(port, secure), to('ana@example.com'))).toMatchObject({ kind: 'retry-later' });
  const implicit = await mailServer({ secure: true, key, cert });
  const tls = { host: 'localhost', security: 'tls', ca: cert };
  expect(await deliver(open(implicit.port, tls), to('ana@example.com'))).toMatchObject({ kind: 'delivered' });
  const bare = await mailServer();
  expect(await deliver(open(bare.port, secure), to('ana@example.com'))).toMatchObject({
    kind: 'retry-later',
  });
  expect([mails.length, implicit.mails.length, bare.mails.length]).toEqual([1, 1, 0]);
});

test('a mail server that hangs is given up, its message is not sent later, and others go on', async () => {
  const sockets: Socket[] = [];
  const hanging = createServer((socket) => void sockets.push(socket.on('error', () => {})));
  await new Promise<void>((ready) => hanging.listen(0, '127.0.0.1', ready));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    hanging.close();
  });
  const slow = open((hanging.address() as AddressInfo).port, { connections: 2 }, 400);
  const { mails, port } = await mailServer();
  const fast = open(port);
  const stuck = Array.from({ length: 6 }, (_, i) => slow.deliver(to(`s${i}@example.com`), signal()));
  const sent = await Promise.all(
    Array.from({ length: 20 }, (_, i) => fast.deliver(to(`f${i}@example.com`), signal())),
  );
  expect(sent.every(({ kind }) => kind === 'delivered')).toBe(true);
  expect(mails).toHaveLength(20);
  expect((await Promise.all(stuck)).every(({ kind }) => kind === 'retry-later')).toBe(true);
  // Nothing waits inside: the places are free again.
  expect(sockets.every((socket) => socket.bytesRead === 0)).toBe(true);
  expect(await slow.deliver(to('again@example.com'), signal())).toMatchObject({ kind: 'retry-later' });
});

test('a message that was given up does not leave later', async () => {
  let greet = (): void => {};
  let closed = (): void => {};
  const isClosed = new Promise<void>((done) => {
    closed = done;
  });
  const connected = new Promise<void>((done) => {
    greet = done;
  });
  let go = (_error?: Error | null): void => {};
  const { mails, port } = await mailServer({
    onConnect(_, done) {
      go = done;
      greet();
    },
    onClose: () => closed(),
  });
  const abort = new AbortController();
  const outcome = open(port).deliver(to('ana@example.com'), abort.signal);
  await connected;
  abort.abort();
  // Only now the server is ready to take it.
  go(null);
  expect(await outcome).toMatchObject({ kind: 'retry-later' });
  await isClosed;
  expect(mails).toEqual([]);
});

async function hangingServer(): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.on('error', () => {})));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test('in the dispatcher: a server that hangs and mailboxes that are full delay nobody else', async () => {
  const { mails, port } = await mailServer({
    onRcptTo: ({ address }, _, done) => done(address.startsWith('full') ? refusal(452, 'full') : null),
  });
  const ledger = await openSqliteLedger({ path: ':memory:' });
  const to = (id: string, channel: string) => ({
    ...{ id, name: id, channel, level: 'yellow' as const, areas: 'all' as const },
    address: `${id}@example.com`,
  });
  const all = Array.from({ length: 30 }, (_, i) => [
    ...[to(`full${i}`, 'fast'), to(`stuck${i}`, 'slow'), to(`well${i}`, 'fast')],
  ]).flat();
  await ledger.putSubscriptions('config', all);
  const { epoch } = await ledger.acquire(0);
  const revisions = [{ offset: 0, index: 0, revision: sampleRevision() }];
  await ledger.commit([{ ...{ partition: 0, epoch, from: 0, to: 1, clockAt: 0 }, revisions }]);
  const circuits: string[] = [];
  const dispatcher = createDispatcher({
    ...{ ledger, clock: systemClock, random: seededRandom(1), pollMs: 20, body: () => '{}' },
    channels: new Map([
      ['slow', open(await hangingServer(), {}, 60_000)],
      ['fast', open(port)],
    ]),
    deliverTimeoutMs: 60_000,
    onEvent: (event) => void (event.kind === 'circuit' && circuits.push(event.destination)),
  });
  closers.push(async () => {
    void dispatcher.stop().catch(() => {});
  });
  dispatcher.start();
  // Nothing of `slow` ends before a minute has passed, long after this has given up.
  await expect.poll(() => mails.length, { timeout: 20_000 }).toBe(30);
  expect(mails.every(({ to: [address] }) => address?.startsWith('well'))).toBe(true);
  expect(circuits).toEqual([]);
}, 30_000);

test('an address of our own network is refused unless allowed', async () => {
  const { mails, port } = await mailServer();
  for (const host of ['127.0.0.1', 'localhost']) {
    const outcome = await deliver(open(port, { host, allowPrivate: false }), to('ana@example.com'));
    expect(outcome, host).toMatchObject({ kind: 'rejected' });
  }
  expect(mails).toEqual([]);
});
