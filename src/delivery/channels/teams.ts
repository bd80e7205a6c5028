import { z } from 'zod';
import { textLimits, within } from '../../alerts/message-text.ts';
import type { Channel, Outcome } from '../channel.ts';
import { createHttp, type HttpAnswer, later, outcomeOf, retryAfterMs } from './http.ts';
import { httpUrl, type TextDeps, textFor, textKeys } from './text.ts';

export const teamsConfig = z.strictObject({
  kind: z.literal('teams'),
  /** The webhook of a workflow or connector, a secret; a subscription's own address goes before it. */
  url: httpUrl,
  ...textKeys,
});
export type TeamsConfig = z.infer<typeof teamsConfig>;

const styles = { yellow: 'warning', orange: 'warning', red: 'attention' } as const;

/** A channel to a webhook of Microsoft Teams: an Adaptive Card 1.4 whose text is no Markdown. */
export function createTeams(config: TeamsConfig, deps: TextDeps): Channel {
  const { url, language, allowPrivate } = config;
  const http = createHttp({ ...deps, allowPrivate, secrets: [url] });
  return {
    deliver(notification, signal) {
      const text = textFor(notification, language, deps.environment, within(textLimits.teams));
      const color = styles[notification.event.level];
      const content = {
        $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
        type: 'AdaptiveCard',
        version: '1.4',
        // What a notification on a telephone shows.
        fallbackText: text,
        body: [{ type: 'RichTextBlock', inlines: [{ type: 'TextRun', text, weight: 'bolder', color }] }],
      };
      const attachment = {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content,
      };
      const body = JSON.stringify({ type: 'message', attachments: [attachment] });
      const headers = { 'content-type': 'application/json' };
      return http.send(notification.address ?? url, { headers, body }, signal, (answer) =>
        judge(answer, deps.clock.now()),
      );
    },
    close: () => http.close(),
  };
}

/** Connectors answer 200 to what Teams behind them refused, with its status in a sentence. */
function judge(answer: HttpAnswer, now: number): Outcome {
  const inner = answer.status < 300 ? /HTTP error (\d{3})/.exec(answer.text)?.[1] : undefined;
  if (inner === undefined) return outcomeOf(answer, now);
  const { headers, text } = answer;
  return inner === '429'
    ? later('HTTP 200 with error 429', retryAfterMs(headers['retry-after'], now))
    : outcomeOf({ status: Number(inner), headers, text }, now);
}
