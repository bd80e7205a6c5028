import { z } from 'zod';
import { textLimits, within } from '../../alerts/message-text.ts';
import type { Channel, Outcome } from '../channel.ts';
import { createHttp, type HttpAnswer, jsonOf, later, outcomeOf } from './http.ts';
import { httpUrl, type TextDeps, textFor, textKeys } from './text.ts';

export const discordConfig = z.strictObject({
  kind: z.literal('discord'),
  /** The webhook, a secret; a subscription's own address goes before it. */
  url: httpUrl,
  ...textKeys,
});
export type DiscordConfig = z.infer<typeof discordConfig>;

/** Signs of Discord's Markdown. */
const MARKUP = /[\\*_~`|>#[\]()<@]/g;

/** A channel to a webhook of Discord (Execute Webhook, `wait=true`): plain text that mentions nobody. */
export function createDiscord(config: DiscordConfig, deps: TextDeps): Channel {
  const { language, allowPrivate } = config;
  const http = createHttp({ ...deps, allowPrivate, secrets: [config.url] });
  const plain = (text: string): string => text.replace(MARKUP, '\\$&');
  return {
    async deliver(notification, signal) {
      const url = URL.parse(notification.address ?? config.url);
      if (url === null) return { kind: 'rejected', reason: 'the address is no URL' };
      // Only then the answer bears the message's id.
      url.searchParams.set('wait', 'true');
      const fits = within(textLimits.discord);
      const content = textFor(notification, language, deps.environment, (text) => fits(plain(text)));
      const body = JSON.stringify({ content: plain(content), allowed_mentions: { parse: [] } });
      const headers = { 'content-type': 'application/json' };
      return http.send(url.href, { headers, body }, signal, (answer) => judge(answer, deps.clock.now()));
    },
    close: () => http.close(),
  };
}

function judge(answer: HttpAnswer, now: number): Outcome {
  const { id, message, retry_after: seconds } = jsonOf(answer.text);
  const outcome = outcomeOf(answer, now, typeof message === 'string' ? message : '');
  if (outcome.kind === 'delivered' && typeof id === 'string')
    return { kind: 'delivered', receipt: `Discord ${id}` };
  // More exact than the header, which is in whole seconds.
  if (outcome.kind === 'retry-later' && typeof seconds === 'number')
    return later(outcome.reason, seconds * 1000);
  return outcome;
}
