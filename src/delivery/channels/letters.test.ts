import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { afterEach, expect, test } from 'vitest';
import type { Notice } from '../channel.ts';
import { createEmail, emailConfig } from './email.ts';
import { deliver, openReceiver, sample, sampleDeps } from './fixture.ts';
import { createSms, smsConfig } from './sms.ts';
import { createTelegram, telegramConfig } from './telegram.ts';
import { createWhatsapp, whatsappConfig } from './whatsapp.ts';

// Letters to people who subscribe themselves, and the line in each message that ends it.

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const link =
  'https://alertas.example.org/api/v1/subscribers/unsubscribe?token=0123456789ab.abcdefghijklmnopqrstuv';
const notice = (address: string): Notice => ({
  ...{ key: 'letter.1', address, language: 'pt-BR', subject: 'EXERCÍCIO: Confirme' },
  text: 'EXERCÍCIO: Confirme a inscrição: https://alertas.example.org/#/subscribe/confirm?token=abc',
});
const signal = (): AbortSignal => new AbortController().signal;
async function receiver(body: string) {
  const open = await openReceiver(() => ({ status: 200, body }));
  closers.push(open.close);
  const last = () => JSON.parse(open.seen.at(-1)?.body.toString() ?? '{}');
  return { url: open.url, last };
}
const phone = '+5551999998888';

test('e-mail: a letter of its own, and an unsubscription by one POST in alerts', async () => {
  const mails: string[] = [];
  const server = new SMTPServer({
    ...{ authOptional: true, disabledCommands: ['STARTTLS'], closeTimeout: 100 },
    onData(stream, _, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        mails.push(
          Buffer.concat(chunks)
            .toString()
            .replace(/\r\n[ \t]/g, ' ')
            .replace(/=\r\n/g, ''),
        );
        done();
      });
    },
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  closers.push(() => new Promise<void>((done) => server.close(() => done())));
  const { port } = server.server.address() as AddressInfo;
  const address = { host: '127.0.0.1', port, security: 'none', allowPrivate: true };
  const config = { kind: 'email', from: 'alertas@example.org', public: true, ...address };
  const channel = createEmail(emailConfig.parse(config), sampleDeps());
  closers.push(() => channel.close());
  expect(await channel.tell?.(notice('ana@example.org'), signal())).toMatchObject({ kind: 'delivered' });
  expect(mails[0]).toMatch(/^To: ana@example.org/m);
  expect(mails[0]).not.toMatch(/List-Unsubscribe|text\/html/);
  expect(await channel.tell?.(notice('+55'), signal())).toMatchObject({ kind: 'rejected' });
  await channel.deliver(sample({ address: 'ana@example.org', unsubscribe: link }), signal());
  expect(mails[1]).toContain(`List-Unsubscribe: <${link}>`);
  expect(mails[1]).toMatch(/^List-Unsubscribe-Post: List-Unsubscribe=One-Click/m);
  expect(mails[1]?.split('Cancelar: ')).toHaveLength(3);
});

test('SMS: a whole letter; in an alert the link stands where there is room, never in place of the warning', async () => {
  const { url, last } = await receiver('ok');
  const open = (segments: number) =>
    createSms(smsConfig.parse({ kind: 'sms', url, segments, allowPrivate: true }), sampleDeps());
  const letters = open(1);
  closers.push(() => letters.close());
  expect(await letters.tell?.(notice(phone), signal())).toMatchObject({ kind: 'delivered' });
  expect(last()).toMatchObject({ to: phone, text: expect.stringMatching(/^EXERCICIO: .*token=abc$/) });
  await deliver(open(6), sample({ address: phone, unsubscribe: link }));
  expect(last().text).toMatch(/^EXERCICIO: Grande perigo.*\nCancelar: https:\S+$/s);
  await deliver(open(1), sample({ address: phone, unsubscribe: link }));
  expect(last().text).toMatch(/^EXERCICIO: Grande perigo/);
  expect(last().text).not.toContain('Cancelar');
});

test('Telegram and WhatsApp: the letter, and the line in each alert', async () => {
  const bot = await receiver('{"ok":true,"result":{"message_id":1}}');
  const token = '123456:AAbbccddeeffgghhiijjkkllmm';
  const telegram = telegramConfig.parse({ kind: 'telegram', token, url: bot.url, allowPrivate: true });
  const chat = createTelegram(telegram, sampleDeps());
  closers.push(() => chat.close());
  expect(await chat.tell?.(notice('42'), signal())).toMatchObject({ kind: 'delivered' });
  expect(bot.last()).toMatchObject({ chat_id: '42', text: notice('42').text });
  await chat.deliver(sample({ address: '42', unsubscribe: link }), signal());
  expect(bot.last().text.endsWith(`\nCancelar: ${link}`)).toBe(true);

  const graph = await receiver('{"messages":[{"id":"wamid.1"}]}');
  const given = { kind: 'whatsapp', token: 't'.repeat(20), phoneNumberId: '12345', template: 'alerta' };
  const rest = { drillTemplate: 'exercicio', url: graph.url, allowPrivate: true };
  const without = createWhatsapp(whatsappConfig.parse({ ...given, ...rest }), sampleDeps());
  closers.push(() => without.close());
  expect(await without.tell?.(notice(phone), signal())).toMatchObject({ kind: 'rejected' });
  const config = whatsappConfig.parse({ ...given, ...rest, noticeTemplate: 'carta' });
  const whatsapp = createWhatsapp(config, sampleDeps());
  closers.push(() => whatsapp.close());
  expect(await whatsapp.tell?.(notice(phone), signal())).toMatchObject({ kind: 'delivered' });
  expect(graph.last().template).toMatchObject({
    name: 'carta',
    components: [{ parameters: [{ text: notice(phone).text }] }],
  });
  await whatsapp.deliver(sample({ address: phone, unsubscribe: link }), signal());
  expect(graph.last().template.components[0].parameters[0].text).toMatch(/ Cancelar: https:\S+$/);
});
