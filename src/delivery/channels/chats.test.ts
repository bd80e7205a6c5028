import { afterEach, describe, expect, test } from 'vitest';
import type { Channel, Outcome } from '../channel.ts';
import { createDiscord, discordConfig } from './discord.ts';
import { deliver, openReceiver, type Reply, type Seen, sample, sampleDeps } from './fixture.ts';
import { createSlack, slackConfig } from './slack.ts';
import { createTeams, teamsConfig } from './teams.ts';
import { createTelegram, telegramConfig } from './telegram.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const TOKEN = '123456:AAbbccddeeffgghhiijjkkllmmnnoo';
const kinds: Record<string, (url: string, allowPrivate?: boolean) => Channel> = {
  telegram: (url, allowPrivate = true) =>
    createTelegram(
      telegramConfig.parse({ kind: 'telegram', token: TOKEN, chat: '-100123', url, allowPrivate }),
      sampleDeps(),
    ),
  slack: (url, allowPrivate = true) =>
    createSlack(
      slackConfig.parse({ kind: 'slack', url: `${url}/services/T0/B0/hush-hush-hush`, allowPrivate }),
      sampleDeps(),
    ),
  discord: (url, allowPrivate = true) =>
    createDiscord(
      discordConfig.parse({ kind: 'discord', url: `${url}/api/webhooks/1/hush-hush-hush`, allowPrivate }),
      sampleDeps(),
    ),
  teams: (url, allowPrivate = true) =>
    createTeams(
      teamsConfig.parse({
        kind: 'teams',
        url: `${url}/workflows/hush-hush-hush?sig=hush-hush-hush`,
        allowPrivate,
      }),
      sampleDeps(),
    ),
};
const HEAD = 'EXERCÍCIO: Grande perigo: Chuvas intensas, São <!channel> *João* & @everyone';
const TEXT = `${HEAD}. Até 02/05 18:00. Saia de áreas baixas.`;

async function told(kind: string, reply: Reply, more = {}): Promise<{ outcome: Outcome; seen: Seen }> {
  const receiver = await openReceiver(() => reply);
  closers.push(receiver.close);
  const outcome = await deliver((kinds[kind] as (url: string) => Channel)(receiver.url), sample(more));
  return { outcome, seen: receiver.seen[0] as Seen };
}
const json = (status: number, body: object, headers: Record<string, string> = {}): Reply => ({
  ...{ status, headers: { 'content-type': 'application/json', ...headers } },
  body: JSON.stringify(body),
});

describe.each(Object.keys(kinds))('%s', (kind) => {
  const make = kinds[kind] as (url: string, allowPrivate?: boolean) => Channel;

  test('faults and rates are tried again, redirects are not followed', async () => {
    expect((await told(kind, { status: 503, headers: { 'retry-after': '9' } })).outcome).toMatchObject({
      ...{ kind: 'retry-later', afterMs: 9000 },
    });
    expect(
      (await told(kind, { status: 307, headers: { location: 'http://127.0.0.1:1/' } })).outcome,
    ).toMatchObject({
      kind: 'rejected',
    });
    expect(await deliver(make('http://127.0.0.1:1'), sample())).toMatchObject({ kind: 'retry-later' });
  });

  test('no reason shows a secret, whatever a receiver repeats', async () => {
    for (const status of [400, 401, 403, 404, 429, 500]) {
      const receiver = await openReceiver(({ path }) =>
        json(status, { description: `no ${path} ${TOKEN}`, message: `no ${path}` }),
      );
      closers.push(receiver.close);
      const outcome = await deliver(make(receiver.url), sample());
      expect(outcome.kind).not.toBe('delivered');
      expect(JSON.stringify(outcome)).not.toContain(TOKEN);
      expect(JSON.stringify(outcome)).not.toContain('hush');
    }
  });

  test('our own network is refused unless allowed', async () => {
    const receiver = await openReceiver(() => ({ status: 200 }));
    closers.push(receiver.close);
    expect(await deliver(make(receiver.url, false), sample())).toMatchObject({ kind: 'rejected' });
    expect(receiver.seen).toEqual([]);
  });

  test('several alerts in one message are told in one text', async () => {
    const { event } = sample();
    const companions = [event, { ...event, subject: { kind: 'station' as const, id: 'A802' } }];
    const { seen } = await told(kind, json(200, { ok: true, result: { message_id: 1 }, id: '1' }), {
      companions,
    });
    expect(seen.body.toString()).toContain(
      'EXERCÍCIO: Grande perigo: Chuvas intensas, 2 alertas. A801, A802',
    );
  });
});

test('telegram: sendMessage, its receipt, and what its errors mean', async () => {
  const { outcome, seen } = await told('telegram', json(200, { ok: true, result: { message_id: 77 } }));
  expect(outcome).toEqual({ kind: 'delivered', receipt: 'Telegram 77' });
  expect(seen).toMatchObject({ method: 'POST', path: `/bot${TOKEN}/sendMessage` });
  expect(JSON.parse(seen.body.toString())).toEqual({
    chat_id: '-100123',
    text: TEXT,
    link_preview_options: { is_disabled: true },
    disable_notification: false,
  });
  const error = async (code: number, description: string, parameters?: object): Promise<Outcome> =>
    (await told('telegram', json(code, { ok: false, error_code: code, description, parameters }))).outcome;
  expect(await error(429, 'Too Many Requests: retry after 14', { retry_after: 14 })).toMatchObject({
    ...{ kind: 'retry-later', afterMs: 14_000 },
  });
  expect(await error(429, 'Too Many Requests', { retry_after: 1e9 })).toMatchObject({ afterMs: 3_600_000 });
  expect(await error(403, 'Forbidden: bot was blocked by the user')).toEqual({
    ...{ kind: 'rejected', reason: 'HTTP 403: Forbidden: bot was blocked by the user' },
  });
  expect(await error(400, 'Bad Request: chat not found')).toMatchObject({ kind: 'rejected' });
  expect(await error(401, 'Unauthorized')).toMatchObject({ kind: 'retry-later' });
  expect((await told('telegram', { status: 200, body: '<html>' })).outcome).toMatchObject({
    kind: 'retry-later',
  });
  expect((await told('telegram', json(200, { ok: true }), { address: 'no chat' })).outcome).toMatchObject({
    kind: 'rejected',
  });
});

test('slack: plain text in a block, entities in the notification, causes in a word', async () => {
  const { outcome, seen } = await told('slack', { status: 200, body: 'ok' });
  expect(outcome).toMatchObject({ kind: 'delivered' });
  const { text, blocks } = JSON.parse(seen.body.toString());
  expect(blocks).toEqual([{ type: 'section', text: { type: 'plain_text', text: TEXT, emoji: false } }]);
  expect(text).toBe(TEXT.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;'));
  expect((await told('slack', { status: 410, body: 'channel_is_archived' })).outcome).toEqual({
    ...{ kind: 'rejected', reason: 'HTTP 410: channel_is_archived' },
  });
  expect((await told('slack', { status: 429, headers: { 'retry-after': '30' } })).outcome).toMatchObject({
    afterMs: 30_000,
  });
});

test('discord: mentions nobody, waits for the id, and for as long as the JSON asks', async () => {
  const { outcome, seen } = await told('discord', json(200, { id: '1122' }));
  expect(outcome).toEqual({ kind: 'delivered', receipt: 'Discord 1122' });
  expect(seen.path).toBe('/api/webhooks/1/hush-hush-hush?wait=true');
  const body = JSON.parse(seen.body.toString());
  expect(body.allowed_mentions).toEqual({ parse: [] });
  expect(body.content.replaceAll('\\', '')).toBe(TEXT);
  expect(body.content).toContain('\\*João\\*');
  const rate = json(
    429,
    { message: 'You are being rate limited.', retry_after: 0.65 },
    { 'retry-after': '1' },
  );
  expect((await told('discord', rate)).outcome).toMatchObject({ kind: 'retry-later', afterMs: 650 });
  expect((await told('discord', json(404, { message: 'Unknown Webhook', code: 10015 }))).outcome).toEqual({
    ...{ kind: 'rejected', reason: 'HTTP 404: Unknown Webhook' },
  });
});

test('teams: an Adaptive Card, and the error that a connector hides in a 200', async () => {
  const { outcome, seen } = await told('teams', { status: 202 });
  expect(outcome).toMatchObject({ kind: 'delivered' });
  const { type, attachments } = JSON.parse(seen.body.toString());
  expect(type).toBe('message');
  expect(attachments[0].contentType).toBe('application/vnd.microsoft.card.adaptive');
  expect(attachments[0].content).toMatchObject({ type: 'AdaptiveCard', version: '1.4', fallbackText: TEXT });
  expect(attachments[0].content.body[0].inlines[0].text).toBe(TEXT);
  const inner = (code: number): Reply => ({
    status: 200,
    body: `Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error ${code} with ContextId x`,
  });
  expect((await told('teams', inner(429))).outcome).toMatchObject({ kind: 'retry-later' });
  expect((await told('teams', inner(413))).outcome).toMatchObject({ kind: 'rejected' });
});
