import { z } from 'zod';
import { textLimits, within } from '../../alerts/message-text.ts';
import type { Channel } from '../channel.ts';
import { createHttp, outcomeOf } from './http.ts';
import { httpUrl, type TextDeps, textFor, textKeys } from './text.ts';

export const slackConfig = z.strictObject({
  kind: z.literal('slack'),
  /** The incoming webhook, a secret; a subscription's own address goes before it. */
  url: httpUrl,
  ...textKeys,
});
export type SlackConfig = z.infer<typeof slackConfig>;

/** A channel to an incoming webhook of Slack: a block of plain text, in which no name can call people or make links. */
export function createSlack(config: SlackConfig, deps: TextDeps): Channel {
  const { url, language, allowPrivate } = config;
  const http = createHttp({ ...deps, allowPrivate, secrets: [url] });
  return {
    deliver(notification, signal) {
      const text = textFor(notification, language, deps.environment, within(textLimits.slack));
      const body = JSON.stringify({
        // What notifications show; here the three characters of Slack's markup are told as entities.
        text: text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
        blocks: [{ type: 'section', text: { type: 'plain_text', text, emoji: false } }],
      });
      const headers = { 'content-type': 'application/json' };
      return http.send(notification.address ?? url, { headers, body }, signal, (answer) =>
        // The cause is one word, such as no_service or channel_is_archived.
        outcomeOf(answer, deps.clock.now(), /^\w{1,60}$/.test(answer.text) ? answer.text : ''),
      );
    },
    close: () => http.close(),
  };
}
