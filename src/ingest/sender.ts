import { type Clock, sleep } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';

/** What the server said of one batch. */
export interface BatchAnswer {
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: readonly unknown[];
}

export interface SenderOptions {
  /** Full address of `POST /observations`. */
  readonly url: string;
  readonly key: string | undefined;
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
  /** Attempts for one batch; default 10. */
  readonly attempts?: number;
}

const REQUEST_MS = 60_000;
const MAX_WAIT_MS = 120_000;

/**
 * Posts NDJSON batches. 429, 503 (Retry-After honoured, up to 2 min), other 5xx and a broken connection are tried again
 * with doubling waits from 0.5 s; repeats are no-ops at the server, so that trying again is safe.
 * @throws AtalaiaError ATL_BUSY when the attempts are used up, ATL_INPUT when the server refuses the request itself
 */
export function createSender(options: SenderOptions): { send(body: string): Promise<BatchAnswer> } {
  const attempts = options.attempts ?? 10;
  return {
    async send(body) {
      let reason = '';
      for (let attempt = 0; attempt < attempts; attempt++) {
        const outcome = await post(options, body);
        if (outcome.answer !== undefined) return outcome.answer;
        reason = outcome.reason;
        const waitMs = outcome.retryAfterMs ?? 500 * 2 ** attempt;
        if (attempt + 1 < attempts) await sleep(options.clock, Math.min(waitMs, MAX_WAIT_MS));
      }
      throw new AtalaiaError(
        'ATL_BUSY',
        `${options.url} did not take the reports in ${attempts} attempts (${reason}); start the server or try later.`,
      );
    },
  };
}

interface Outcome {
  readonly answer?: BatchAnswer;
  readonly reason: string;
  readonly retryAfterMs?: number | undefined;
}

async function post(options: SenderOptions, body: string): Promise<Outcome> {
  const headers: Record<string, string> = { 'Content-Type': 'application/x-ndjson' };
  if (options.key !== undefined) headers.Authorization = `Bearer ${options.key}`;
  let response: Response;
  let text: string;
  try {
    response = await options.fetch(options.url, {
      method: 'POST',
      headers,
      body,
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    text = await response.text();
  } catch (error) {
    const cause = (error as Error).cause;
    return { reason: cause instanceof Error ? cause.message : (error as Error).message };
  }
  const { status } = response;
  if (status === 429 || status >= 500) {
    return {
      reason: `status ${status}`,
      retryAfterMs: retryAfter(response.headers.get('retry-after'), options.clock),
    };
  }
  const answer = readAnswer(text);
  if ((status === 202 || status === 422) && answer !== undefined) return { answer, reason: '' };
  throw new AtalaiaError(
    'ATL_INPUT',
    `${options.url} refused the reports with status ${status}: ${text.slice(0, 300)}. Check the address and --key.`,
  );
}

/** Retry-After in seconds or as an HTTP date (RFC 9110, section 10.2.3), to ms. */
function retryAfter(header: string | null, clock: Clock): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - clock.now());
}

function readAnswer(text: string): BatchAnswer | undefined {
  try {
    const { accepted, duplicates, rejected } = JSON.parse(text) as Partial<BatchAnswer>;
    if (typeof accepted === 'number' && typeof duplicates === 'number' && Array.isArray(rejected))
      return { accepted, duplicates, rejected };
  } catch {
    // Not the contract's answer: the caller says so.
  }
  return undefined;
}
