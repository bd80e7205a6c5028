import { isIP } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { Agent, type Dispatcher, request } from 'undici';
import { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import type { Channel, Notification, Outcome } from '../channel.ts';
import { ForbiddenAddress, forbidden, isPublicAddress, pinnedLookup, type Resolve } from './address.ts';

const TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_RETRY_AFTER_MS = 60 * 60_000;

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
export function createWebhook(config: WebhookConfig, deps: WebhookDeps): Channel {
  const timeoutMs = deps.timeoutMs ?? TIMEOUT_MS;
  const agent = new Agent({
    connect: { timeout: timeoutMs, lookup: pinnedLookup(config.allowPrivate, deps.resolve) },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: MAX_ANSWER_BYTES,
    connections: 32,
  });
  const signer = config.secret === undefined ? undefined : signerOf(config.secret);
  return {
    async deliver(notification, signal) {
      const target = notification.address ?? config.url;
      const problem = refused(target, config.allowPrivate);
      if (problem !== undefined) return { kind: 'rejected', reason: problem };
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      try {
        const answer = await request(target, {
          dispatcher: agent,
          method: 'POST',
          signal: limit,
          body: notification.body,
          headers: headersOf(notification, signer, deps.clock.now()),
        });
        const outcome = outcomeOf(answer, deps.clock.now());
        await drain(answer.body);
        return outcome;
      } catch (error) {
        return failureOf(error, timeoutMs, limit);
      }
    },
    close: () => agent.destroy(),
  };
}

const signerOf = (secret: string): Webhook =>
  secret.startsWith('whsec_') ? new Webhook(secret) : new Webhook(secret, { format: 'raw' });

function refused(target: string, allowPrivate: boolean): string | undefined {
  const url = URL.parse(target);
  if (url === null) return `"${target}" is no URL`;
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return `${url.protocol} is not http or https`;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // A literal address never reaches the lookup.
  return isIP(host) !== 0 && !allowPrivate && !isPublicAddress(host)
    ? forbidden(host, host).message
    : undefined;
}

function headersOf(
  { key, body }: Notification,
  signer: Webhook | undefined,
  now: number,
): Record<string, string> {
  const at = new Date(now);
  return {
    'content-type': 'application/json',
    'user-agent': 'atalaia',
    'idempotency-key': key,
    'webhook-id': key,
    'webhook-timestamp': String(Math.floor(now / 1000)),
    ...(signer ? { 'webhook-signature': signer.sign(key, at, body) } : {}),
  };
}

function outcomeOf({ statusCode, headers }: Dispatcher.ResponseData, now: number): Outcome {
  const reason = `HTTP ${statusCode}`;
  if (statusCode >= 200 && statusCode < 300) return { kind: 'delivered', receipt: reason };
  if (statusCode >= 500 || statusCode === 408 || statusCode === 425 || statusCode === 429) {
    const afterMs =
      statusCode === 429 || statusCode === 503 ? retryAfterMs(headers['retry-after'], now) : undefined;
    return { kind: 'retry-later', reason, ...(afterMs === undefined ? {} : { afterMs }) };
  }
  if (statusCode >= 300 && statusCode < 400)
    return { kind: 'rejected', reason: `${reason}: redirects are not followed; give the final URL` };
  return { kind: 'rejected', reason };
}

/** `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3), at most an hour; undefined when absent or senseless. */
export function retryAfterMs(
  header: string | readonly string[] | undefined,
  now: number,
): number | undefined {
  const text = (typeof header === 'string' ? header : header?.[0])?.trim();
  if (!text) return undefined;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}

/** Reads the answer away so that the connection can be used again; one that is too long or slow loses it. */
async function drain(body: Dispatcher.ResponseData['body']): Promise<void> {
  try {
    let size = 0;
    for await (const chunk of body) {
      size += (chunk as Uint8Array).length;
      if (size > MAX_ANSWER_BYTES) break;
    }
  } catch {
    // The status has decided; what follows it does not count.
  } finally {
    body.destroy();
  }
}

function failureOf(error: unknown, timeoutMs: number, limit: AbortSignal): Outcome {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ForbiddenAddress) return { kind: 'rejected', reason: cause.message };
  }
  if (limit.aborted) return { kind: 'retry-later', reason: `no answer within ${timeoutMs} ms` };
  return {
    kind: 'retry-later',
    reason: error instanceof Error ? error.message || error.name : 'network fault',
  };
}
