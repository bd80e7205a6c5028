import { createHash } from 'node:crypto';
import { AtalaiaError } from '../../lib/errors.ts';
import { AnonymousGate } from './gate.ts';

/** Answers kept. */
const MAX_KEPT = 256;
/** Requests that may wait for their turn. */
const MAX_WAITING = 32;

/** Lets what waits on the machine go first: heavy work is cut in pieces, with one of these between. */
export const pause = (): Promise<void> => new Promise((done) => setImmediate(done));

/**
 * Statistics are made one at a time, so that they never hold more than one core and the memory of one, and kept by their
 * tag, which names the data and the question. Two who ask the same wait for the same answer.
 */
export class StatisticsDesk {
  readonly #kept = new Map<string, string>();
  readonly #underWay = new Map<string, Promise<string>>();
  /** For those who say no name. */
  readonly gate = new AnonymousGate();
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when those before it are done. Rejects with ATL_BUSY when 32 wait. */
  async turn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING)
      throw new AtalaiaError(
        'ATL_BUSY',
        `${MAX_WAITING} statistics wait already. Try again in a few seconds.`,
      );
    this.#waiting++;
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    try {
      return await result;
    } finally {
      this.#waiting--;
    }
  }

  /** The answer of a tag, if it is kept. */
  kept(tag: string): string | undefined {
    return this.#kept.get(tag);
  }

  /** The answer of a tag: kept, under way, or made now. */
  async answer(tag: string, make: () => Promise<object>): Promise<string> {
    const kept = this.#kept.get(tag);
    if (kept !== undefined) return kept;
    const made = this.#underWay.get(tag) ?? make().then((answer) => JSON.stringify(answer));
    this.#underWay.set(tag, made);
    try {
      const text = await made;
      this.#kept.set(tag, text);
      if (this.#kept.size > MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value as string);
      return text;
    } finally {
      this.#underWay.delete(tag);
    }
  }
}

/** Name of data and question: equal ones have equal answers. */
export function tagOf(question: unknown, columns: readonly Float64Array[]): string {
  const hash = createHash('sha256').update(JSON.stringify(question));
  for (const { buffer, byteOffset, byteLength } of columns)
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex').slice(0, 32);
}
