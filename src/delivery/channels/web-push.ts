import { z } from 'zod';
import { headlineText, textLimits, within } from '../../alerts/message-text.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import {
  encryptPush,
  MAX_PUSH_BYTES,
  type PushTarget,
  pushTopic,
  readVapid,
  vapidHeader,
} from '../../lib/web-push.ts';
import type { Level } from '../../model/rule.ts';
import { DAY_MS, HOUR_MS, SECOND_MS } from '../../model/time.ts';
import type { Channel, Notification, Outcome } from '../channel.ts';
import { createHttp, type HttpAnswer, outcomeOf } from './http.ts';
import { type TextDeps, textFor, textKeys, toldOf } from './text.ts';

export const webPushConfig = z.strictObject({
  kind: z.literal('web-push'),
  /** Whom the push service can ask, `mailto:` or `https:` (RFC 8292, section 2.1). */
  subject: z.string().regex(/^(mailto:[^@\s]+@[^@\s]+|https:\/\/\S+)$/, 'mailto:… or https://… is expected'),
  /** VAPID private key, 32 bytes in base64url. */
  privateKey: z.string().refine((text) => readVapid(text) !== undefined, 'a VAPID private key is expected'),
  ...textKeys,
});
export type WebPushConfig = z.infer<typeof webPushConfig>;

export interface WebPushDeps extends TextDeps {
  /** A subscription of a browser has ended: nobody is to be told there any more. */
  readonly gone?: (address: string) => Promise<void>;
}

/** How long a push service keeps a message for a device that is off: at most the life of the alert. */
const livesMs: Readonly<Record<Level, number>> = { yellow: HOUR_MS, orange: 6 * HOUR_MS, red: DAY_MS };
const urgencies: Readonly<Record<Level, string>> = { yellow: 'normal', orange: 'high', red: 'high' };
/** A signature's life; services refuse more than 24 h (RFC 8292, section 2). */
const SIGNED_MS = 12 * HOUR_MS;

/**
 * A channel to browsers by Web Push: encrypted for the receiver (RFC 8291), signed (RFC 8292), and by its topic the newest
 * revision of an alert takes the place of one that still waits (RFC 8030). 404 and 410 end the subscription.
 */
export function createWebPush(config: WebPushConfig, deps: WebPushDeps): Channel {
  const { subject, allowPrivate } = config;
  const vapid = readVapid(config.privateKey);
  if (vapid === undefined)
    throw new AtalaiaError(
      'ATL_CONFIG',
      'privateKey of a web-push channel is no VAPID key; see docs/channels.md.',
    );
  const http = createHttp({ ...deps, allowPrivate });
  return {
    async deliver(notification, signal) {
      const { address, event } = notification;
      const target = pushTargetOf(address ?? '');
      if (typeof target === 'string') return { kind: 'rejected', reason: target };
      const now = deps.clock.now();
      let body: Uint8Array;
      try {
        body = encryptPush(payloadOf(notification, config, deps), target);
      } catch {
        return { kind: 'rejected', reason: 'the key p256dh of the subscription is no point of P-256' };
      }
      const headers = {
        'content-encoding': 'aes128gcm',
        'content-type': 'application/octet-stream',
        authorization: vapidHeader(vapid, target.endpoint, subject, now + SIGNED_MS),
        ttl: String(ttlOf(notification, now)),
        urgency: urgencies[event.level],
        topic: pushTopic(notification.companions ? notification.key : event.alert),
      };
      const outcome = await http.send(target.endpoint, { headers, body }, signal, (answer) =>
        judge(answer, now),
      );
      if (outcome.kind === 'rejected' && outcome.reason.startsWith(ENDED)) await deps.gone?.(address ?? '');
      return outcome;
    },
    close: () => http.close(),
  };
}

const ENDED = 'the subscription has ended';

function judge(answer: HttpAnswer, now: number): Outcome {
  const { status, headers } = answer;
  if (status === 404 || status === 410) return { kind: 'rejected', reason: `${ENDED} (HTTP ${status})` };
  const outcome = outcomeOf(answer, now);
  const { location } = headers;
  return outcome.kind === 'delivered' && typeof location === 'string'
    ? { kind: 'delivered', receipt: `Web Push ${location.split('/').at(-1)}` }
    : outcome;
}

/** Seconds, of what is left of the alert; a minute at least. */
function ttlOf({ event, facts }: Notification, now: number): number {
  const left = facts && event.event !== 'ended' ? facts.expiresAt - now : HOUR_MS;
  return Math.round(Math.max(60 * SECOND_MS, Math.min(livesMs[event.level], left)) / SECOND_MS);
}

/** What the service worker shows: `title` and `body` bear the mark of a drill, both. */
function payloadOf(notification: Notification, config: WebPushConfig, { environment }: TextDeps): Uint8Array {
  const language = notification.language ?? config.language;
  const { alert, level, event } = notification.event;
  const title = headlineText(toldOf(notification), language, environment, within(textLimits.subject));
  const written = (body: string): Buffer =>
    Buffer.from(JSON.stringify({ title, body, alert, level, event, environment, language }));
  const fits = (text: string): boolean =>
    text.length <= textLimits.push && written(text).length <= MAX_PUSH_BYTES;
  return written(textFor(notification, config.language, environment, fits));
}

/** `https://push.example/…#p256dh=…&auth=…`: the endpoint with the keys behind it; else what is wrong. */
function pushTargetOf(address: string): PushTarget | string {
  const url = URL.parse(address);
  if (url === null) return 'no address of Web Push: endpoint#p256dh=…&auth=… is expected';
  const keys = new URLSearchParams(url.hash.slice(1));
  const [p256dh, auth] = [keys.get('p256dh'), keys.get('auth')].map((text) =>
    Buffer.from(text ?? '', 'base64url'),
  ) as [Buffer, Buffer];
  if (p256dh.length !== 65 || auth.length !== 16)
    return 'the keys p256dh and auth of the subscription are not right';
  url.hash = '';
  return { endpoint: url.href, p256dh, auth };
}
