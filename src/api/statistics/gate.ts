import type { FastifyReply, FastifyRequest } from 'fastify';
import { AtalaiaError } from '../../lib/errors.ts';
import { SECOND_MS } from '../../model/time.ts';
import { callerOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { HttpProblem } from '../problem.ts';

/** Of one address one is made at a time; so many more wait for it. */
const MAX_IN_LINE = 8;
/** Addresses served at once: those who are signed in find room behind them. */
const MAX_ADDRESSES = 4;
/** An answer is given again for this long without a look at the archive. */
const FRESH_MS = 60 * SECOND_MS;
const MAX_KNOWN = 256;
const RETRY_AFTER_S = 2;

/** Whether a request is anybody's, on a server that asks who people are. */
export const isAnonymous = (request: FastifyRequest, deps: ApiDeps): boolean =>
  deps.access?.isRequired === true && callerOf(request) === undefined;

/** Bounds what those who say no name can make the server compute: the same thread takes in reports and tells alerts. */
export class AnonymousGate {
  readonly #lines = new Map<string, { count: number; last: Promise<unknown> }>();
  readonly #known = new Map<string, { readonly tag: string; readonly at: number }>();
  readonly #now: () => number;

  /** `now`: ms of the machine. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Runs `work` when those before it of the same address are done. Rejects with 429 (its line is full) or 503 (too many addresses). */
  async turn<T>(request: FastifyRequest, reply: FastifyReply, work: () => Promise<T>): Promise<T> {
    const { ip } = request;
    const line = this.#lines.get(ip) ?? { count: 0, last: Promise.resolve() };
    const refused = line.count >= MAX_IN_LINE || (line.count === 0 && this.#lines.size >= MAX_ADDRESSES);
    if (refused) {
      reply.header('Retry-After', String(RETRY_AFTER_S));
      const again = `Ask again in ${RETRY_AFTER_S} s, or sign in.`;
      if (line.count > 0)
        throw new HttpProblem('ATL_TOO_MANY', `${MAX_IN_LINE} statistics of ${ip} are under way. ${again}`);
      throw new AtalaiaError(
        'ATL_BUSY',
        `Statistics are made for ${MAX_ADDRESSES} addresses already. ${again}`,
      );
    }
    line.count++;
    this.#lines.set(ip, line);
    const mine = line.last.then(work);
    line.last = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      if (--line.count === 0) this.#lines.delete(ip);
    }
  }

  /** The tag that the question had a moment ago. */
  recent(question: string): string | undefined {
    const known = this.#known.get(question);
    return known && this.#now() - known.at < FRESH_MS ? known.tag : undefined;
  }

  remember(question: string, tag: string): void {
    this.#known.delete(question);
    this.#known.set(question, { tag, at: this.#now() });
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value as string);
  }
}
