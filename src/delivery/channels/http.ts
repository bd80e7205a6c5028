import { isIP } from 'node:net';
import { Agent, type Dispatcher, request } from 'undici';
import {
  ForbiddenAddress,
  forbidden,
  isPublicAddress,
  pinnedLookup,
  type Resolve,
} from '../../lib/address.ts';
import type { Outcome } from '../channel.ts';

const TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_RETRY_AFTER_MS = 60 * 60_000;
const MAX_REASON = 300;

export interface HttpOptions {
  /** Allows receivers in private networks and on this machine. */
  readonly allowPrivate: boolean;
  readonly resolve?: Resolve;
  readonly timeoutMs?: number;
  /** Texts that no reason may show, whatever a receiver repeats. */
  readonly secrets?: readonly (string | undefined)[];
}

export interface HttpRequest {
  readonly method?: 'POST' | 'PUT' | 'GET';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  /** At most 64 KiB of it. */
  readonly text: string;
}

/** The HTTP of the channels: bounded in time and size, no redirects, and no address that the policy forbids. */
export interface HttpClient {
  /** Sends and lets `read` judge the answer. Network faults are tried again later; never throws. */
  send(
    target: string,
    what: HttpRequest,
    signal: AbortSignal,
    read: (answer: HttpAnswer) => Outcome,
  ): Promise<Outcome>;
  close(): Promise<void>;
}

/** Connections are kept and shared; a reason never holds the target's path, which of many services is a secret. */
export function createHttp(options: HttpOptions): HttpClient {
  const { allowPrivate, timeoutMs = TIMEOUT_MS, secrets = [] } = options;
  const agent = new Agent({
    connect: { timeout: timeoutMs, lookup: pinnedLookup(allowPrivate, options.resolve) },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: MAX_ANSWER_BYTES,
    connections: 32,
  });
  return {
    async send(target, { method = 'POST', headers, body }, signal, read) {
      const problem = refused(target, allowPrivate);
      if (problem !== undefined) return { kind: 'rejected', reason: problem };
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const unsaid = [...secrets, ...secretParts(target)];
      try {
        const answer = await request(target, {
          dispatcher: agent,
          method,
          signal: limit,
          headers: { 'user-agent': 'atalaia', ...headers },
          ...(body === undefined ? {} : { body }),
        });
        const text = await textOf(answer.body);
        return hidden(read({ status: answer.statusCode, headers: answer.headers, text }), unsaid);
      } catch (error) {
        return hidden(failureOf(error, timeoutMs, limit), unsaid);
      }
    },
    close: () => agent.destroy(),
  };
}

/** Why the server must not send there; the address itself is not told. */
function refused(target: string, allowPrivate: boolean): string | undefined {
  const url = URL.parse(target);
  if (url === null) return 'the address is no URL';
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return `${url.protocol} is not http or https`;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // A literal address never reaches the lookup.
  return isIP(host) !== 0 && !allowPrivate && !isPublicAddress(host)
    ? forbidden(host, host).message
    : undefined;
}

/** What of an address lets others send: all behind the host, and each long part of it. */
function secretParts(target: string): string[] {
  const { pathname = '/', search = '', searchParams } = URL.parse(target) ?? {};
  const parts = [...pathname.split('/'), ...(searchParams?.values() ?? [])].filter(
    (part) => part.length >= 12,
  );
  return [...(pathname === '/' ? [] : [pathname + search, pathname]), ...parts];
}

/** What a status means by itself: 2xx delivered; 408, 425, 429 and 5xx later; the others rejected. */
export function outcomeOf({ status, headers }: HttpAnswer, now: number, detail = ''): Outcome {
  const reason = `HTTP ${status}${detail === '' ? '' : `: ${detail}`}`;
  if (status >= 200 && status < 300) return { kind: 'delivered', receipt: reason };
  if (status >= 500 || status === 408 || status === 425 || status === 429) {
    const afterMs = status === 429 || status === 503 ? retryAfterMs(headers['retry-after'], now) : undefined;
    return later(reason, afterMs);
  }
  if (status >= 300 && status < 400)
    return { kind: 'rejected', reason: `${reason}: redirects are not followed; give the final URL` };
  return { kind: 'rejected', reason };
}

/** Again, not before `afterMs`; at most an hour is waited, whatever the receiver asks for. */
export function later(reason: string, afterMs?: number): Outcome & { readonly kind: 'retry-later' } {
  if (afterMs === undefined || !Number.isFinite(afterMs)) return { kind: 'retry-later', reason };
  return { kind: 'retry-later', reason, afterMs: Math.min(MAX_RETRY_AFTER_MS, Math.max(0, afterMs)) };
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

/** An answer as JSON, so far as it is an object; anything else is an empty one. */
export function jsonOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Takes secrets out of what an outcome tells, and what is too long. */
export function hidden(outcome: Outcome, secrets: readonly (string | undefined)[]): Outcome {
  const clean = (text: string): string =>
    secrets
      .reduce<string>((rest, secret) => (secret ? rest.replaceAll(secret, '[secret]') : rest), text)
      .replace(/\s+/g, ' ')
      .slice(0, MAX_REASON);
  if (outcome.kind !== 'delivered') return { ...outcome, reason: clean(outcome.reason) };
  return outcome.receipt === undefined ? outcome : { ...outcome, receipt: clean(outcome.receipt) };
}

/** Reads the answer so that the connection can be used again; one that is too long or slow loses it. */
async function textOf(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk as Uint8Array);
      size += (chunk as Uint8Array).length;
      if (size > MAX_ANSWER_BYTES) break;
    }
  } catch {
    // The status has decided; what follows it does not count.
  } finally {
    body.destroy();
  }
  return Buffer.concat(chunks).toString('utf8');
}

function failureOf(error: unknown, timeoutMs: number, limit: AbortSignal): Outcome {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ForbiddenAddress) return { kind: 'rejected', reason: cause.message };
  }
  if (limit.aborted) return later(`no answer within ${timeoutMs} ms`);
  return later(error instanceof Error ? error.message || error.name : 'network fault');
}
