import { z } from 'zod';
import { textLimits, within } from '../../alerts/message-text.ts';
import type { Channel, Outcome } from '../channel.ts';
import { createHttp, type HttpAnswer, jsonOf, later, outcomeOf } from './http.ts';
import { httpUrl, personalKeys, type TextDeps, textFor } from './text.ts';

export const telegramConfig = z.strictObject({
  kind: z.literal('telegram'),
  /** The bot's token, as BotFather gave it. */
  token: z.string().regex(/^\d{3,20}:[\w-]{20,100}$/, 'a token such as 123456:ABC… is expected'),
  /** Chat for subscriptions without an address: a number, or @name of a public channel. */
  chat: z.string().max(100).optional(),
  /** Another address than Telegram's own, of a server of the Bot API in your network. */
  url: httpUrl.default('https://api.telegram.org'),
  ...personalKeys,
});
export type TelegramConfig = z.infer<typeof telegramConfig>;

const CHAT = /^(-?\d{1,20}|@\w{3,64})$/;

/**
 * A channel of the Telegram Bot API (`sendMessage`). Blocked bots and chats that are not there are rejected; a rate is
 * waited for as long as `retry_after` asks; a token that is refused is the operator's to mend, so it is tried again.
 */
export function createTelegram(config: TelegramConfig, deps: TextDeps): Channel {
  const { token, chat, url, language, allowPrivate } = config;
  const http = createHttp({ ...deps, allowPrivate, secrets: [token] });
  const target = `${url.replace(/\/$/, '')}/bot${token}/sendMessage`;
  const post = (body: object, signal: AbortSignal): Promise<Outcome> => {
    const request = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    return http.send(target, request, signal, (answer) => judge(answer, deps.clock.now()));
  };
  return {
    async deliver(notification, signal) {
      const chatId = notification.address ?? chat;
      if (chatId === undefined || !CHAT.test(chatId))
        return {
          kind: 'rejected',
          reason: 'no chat: give the number of a chat, or @name of a public channel',
        };
      const body = {
        chat_id: chatId,
        text: textFor(notification, language, deps.environment, within(textLimits.telegram)),
        link_preview_options: { is_disabled: true },
        disable_notification: notification.event.level === 'yellow',
      };
      return post(body, signal);
    },
    tell: ({ address, text }, signal) =>
      post({ chat_id: address, text, link_preview_options: { is_disabled: true } }, signal),
    close: () => http.close(),
  };
}

function judge(answer: HttpAnswer, now: number): Outcome {
  const { ok, result, description, parameters } = jsonOf(answer.text) as {
    ok?: unknown;
    result?: { message_id?: unknown };
    description?: unknown;
    parameters?: { retry_after?: unknown; migrate_to_chat_id?: unknown };
  };
  if (ok === true) return { kind: 'delivered', receipt: `Telegram ${result?.message_id ?? ''}` };
  const detail = typeof description === 'string' ? description : '';
  const reason = `Telegram ${answer.status}: ${detail}`;
  if (answer.status === 429) return later(reason, Number(parameters?.retry_after ?? Number.NaN) * 1000);
  // Both are what a wrong token gets: 401, or 404 for one that is no token.
  if (answer.status === 401 || answer.status === 404) return later(`${reason}; is the bot's token right?`);
  if (parameters?.migrate_to_chat_id !== undefined)
    return { kind: 'rejected', reason: `${reason}; the chat is now ${parameters.migrate_to_chat_id}` };
  // A gateway's page with status 200 is no answer of the API.
  if (answer.status < 300) return later(`${reason}no answer of the Bot API`);
  return outcomeOf(answer, now, detail);
}
