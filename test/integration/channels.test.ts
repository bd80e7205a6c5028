import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { afterAll, expect, test } from 'vitest';
import { openReceiver } from '../../src/delivery/channels/fixture.ts';
import { Program, root, temporaryFolder, until } from './server.ts';

// One alert of a real server through several channels: what they tell of place, time and instruction comes from the system.

const folder = temporaryFolder();
const closers: (() => unknown)[] = [folder.remove];
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

test('an alert reaches mailbox, chat, CAP receiver and webhook, with place, end and the mark of a drill', async () => {
  const mails: string[] = [];
  const mailServer = new SMTPServer({
    ...{ authOptional: true, disabledCommands: ['STARTTLS'] },
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
  await new Promise<void>((ready) => mailServer.listen(0, '127.0.0.1', ready));
  closers.push(() => new Promise<void>((done) => mailServer.close(() => done())));
  const { port } = mailServer.server.address() as AddressInfo;
  const chat = await openReceiver(() => ({ status: 200, body: '{"ok":true,"result":{"message_id":1}}' }));
  const civil = await openReceiver(() => ({ status: 202 }));
  const machine = await openReceiver(() => ({ status: 200 }));
  closers.push(chat.close, civil.close, machine.close);
  writeFileSync(
    join(folder.path, 'atalaia.yaml'),
    `environment: exercise
listen: 127.0.0.1:0
data: ./data
rules: [${join(root, 'rules/inmet')}]
channels:
  mail: { kind: email, host: 127.0.0.1, port: ${port}, security: none, from: alertas@example.org, allowPrivate: true }
  bot: { kind: telegram, token: { env: BOT_TOKEN }, url: "${chat.url}", allowPrivate: true }
  civil: { kind: cap, url: "${civil.url}/", allowPrivate: true }
  machine: { kind: webhook, url: "${machine.url}/", allowPrivate: true }
subscriptions:
  - { name: ana, channel: mail, address: ana@example.com }
  - { name: chat, channel: bot, address: "-100123" }
  - { name: defesa, channel: civil }
  - { name: ops, channel: machine }
`,
  );
  const env = { BOT_TOKEN: '123456:AAbbccddeeffgghhiijjkkllmm' };
  const program = new Program(['start', '--config', 'atalaia.yaml'], { cwd: folder.path, env });
  closers.push(() => program.signal('SIGKILL'));
  const url = await program.listening();
  const send = async (method: string, path: string, body: object): Promise<void> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body) });
    expect(answer.status, await answer.text()).toBeLessThan(300);
  };
  await send('PUT', '/api/v1/stations/QUINTAL', {
    ...{ name: 'Quintal da Ana', latitude: -30.03, longitude: -51.22, altitude: 10 },
    ...{ region: '4314902', timeZone: 'America/Sao_Paulo', interval: 'PT1H' },
  });
  const observedAt = `${new Date().toISOString().slice(0, 16)}:00Z`;
  const observation = { station: 'QUINTAL', observedAt, interval: 'PT1H', values: { rainfall: 25 } };
  await send('POST', '/api/v1/observations', observation);
  const receivers = [mails, chat.seen, civil.seen, machine.seen];
  await until(() => receivers.every(({ length }) => length > 0), 30_000, 'four messages');
  const { text } = JSON.parse(chat.seen[0]?.body.toString() ?? '');
  expect(text).toMatch(
    /^EXERCÍCIO: Perigo potencial: Chuvas intensas, Quintal da Ana\. Até \d\d\/\d\d \d\d:\d\d\. [A-ZÀ-Ú]/,
  );
  expect(mails[0]).toMatch(/^To: ana@example\.com/m);
  expect(mails[0]).toContain('Quintal da Ana');
  expect(civil.seen[0]?.headers['content-type']).toBe('application/cap+xml');
  expect(civil.seen[0]?.body.toString()).toMatch(/<status>Exercise<\/status>/);
  expect(JSON.parse(machine.seen[0]?.body.toString() ?? '')).toMatchObject({
    ...{ event: 'raised', level: 'yellow', environment: 'exercise' },
  });
  expect(program.stdout).toMatch(/^EXERCISE .*Heavy rain, Quintal da Ana$/m);
}, 60_000);
