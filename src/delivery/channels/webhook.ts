import { Webhook } from 'standardwebhooks';
import { z } from 'zod';
import type { Resolve } from '../../lib/address.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Channel, Notification } from '../channel.ts';
import { createHttp, outcomeOf } from './http.ts';

export const webhookConfig = z.strictObject({
  kind: z.literal('webhook'),
  /** http or https; a subscription's own address goes before it. */
  url: z.url({ protocol: /^https?$/ }),
  /** `whsec_` + Base64 (Standard Webhooks), or plain text of 16 characters or more. Without it nothing is signed. */
  secret: z.string().min(16).optional(),
  /** Allows receivers in private networks and on this machine. */
  allowPrivate: z.boolean().default(false),
});
export type WebhookConfig = z.infer<typeof webhookConfig>;

export interface WebhookDeps {
  readonly clock: Clock;
  readonly resolve?: Resolve;
  readonly timeoutMs?: number;
}

/**
 * A channel that posts the alert event as JSON, signed by Standard Webhooks 1.0 (standardwebhooks.com).
 * 2xx delivered; 408, 425, 429, 5xx and network faults later; everything else, redirects too, rejected.
 */
export function createWebhook(config: WebhookConfig, { clock, ...deps }: WebhookDeps): Channel {
  const http = createHttp({ allowPrivate: config.allowPrivate, ...deps });
  const signer = config.secret === undefined ? undefined : signerOf(config.secret);
  return {
    deliver(notification, signal) {
      const { address, body } = notification;
      const headers = headersOf(notification, signer, clock.now());
      return http.send(address ?? config.url, { headers, body }, signal, (answer) =>
        outcomeOf(answer, clock.now()),
      );
    },
    close: () => http.close(),
  };
}

const signerOf = (secret: string): Webhook =>
  secret.startsWith('whsec_') ? new Webhook(secret) : new Webhook(secret, { format: 'raw' });

function headersOf(
  { key, body }: Notification,
  signer: Webhook | undefined,
  now: number,
): Record<string, string> {
  const at = new Date(now);
  return {
    'content-type': 'application/json',
    'idempotency-key': key,
    'webhook-id': key,
    'webhook-timestamp': String(Math.floor(now / 1000)),
    ...(signer ? { 'webhook-signature': signer.sign(key, at, body) } : {}),
  };
}
