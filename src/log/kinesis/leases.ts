import type { Clock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';

/** One lease: who has it, and how often it was written. The counter only grows; it is the fence of its holder, too. */
export interface LeaseRow {
  readonly name: string;
  /** Empty when it was given back. */
  readonly owner: string;
  readonly counter: number;
}

/** The table of the leases, shared by all processes: rows of the ledger. */
export interface LeaseTable {
  get(name: string): Promise<LeaseRow | undefined>;
  /** Writes the row when the kept one has this counter (0 = there is none); false when it has another. */
  put(row: LeaseRow, expected: number): Promise<boolean>;
}

/** A table that ends with the process. */
export function memoryLeaseTable(): LeaseTable {
  const rows = new Map<string, LeaseRow>();
  return {
    get: async (name) => rows.get(name),
    async put(row, expected) {
      if ((rows.get(row.name)?.counter ?? 0) !== expected) return false;
      rows.set(row.name, row);
      return true;
    },
  };
}

export interface LeasesOptions {
  readonly table: LeaseTable;
  /** Name of this process; no other one has it. */
  readonly owner: string;
  /** A lease that was not written for this long, ms, may be taken from its holder. */
  readonly ttlMs: number;
  readonly clock: Clock;
  /** Clocks run fast or slow by at most this part of the time; default 0.05. What they show is of no account. */
  readonly maxDrift?: number;
}

/**
 * Leases by counters, after the Kinesis Client Library: no time of one process is compared with another's. Who wants a
 * lease watches its counter for `ttlMs` of its own clock; who holds it stops earlier, by twice the drift.
 */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #seen = new Map<string, { readonly counter: number; readonly at: number }>();
  readonly #held = new Map<string, { readonly counter: number; readonly until: number }>();

  constructor(options: LeasesOptions) {
    const drift = options.maxDrift ?? 0.05;
    if (drift < 0 || drift >= 0.5)
      throw new AtalaiaError(
        'ATL_CONFIG',
        `The drift of clocks is ${drift}. Give a part from 0 to below 0.5.`,
      );
    this.#options = { ...options, maxDrift: drift };
  }

  /** The fence of a lease that this process surely holds at this moment; undefined when it does not. */
  holds(name: string): number | undefined {
    const held = this.#held.get(name);
    return held && this.#now() < held.until ? held.counter : undefined;
  }

  /**
   * Tries to get a lease that is free, or whose holder has not written it for `ttlMs` since this process first saw it
   * so: to be called again and again. Resolves with the fence, or undefined.
   */
  async take(name: string): Promise<number | undefined> {
    if (this.holds(name) !== undefined) return this.renew(name);
    const row = await this.#options.table.get(name);
    const now = this.#now();
    if (row && row.owner !== '') {
      const seen = this.#seen.get(name);
      if (seen?.counter !== row.counter) {
        this.#seen.set(name, { counter: row.counter, at: now });
        return undefined;
      }
      if (now - seen.at < this.#options.ttlMs) return undefined;
    }
    return this.#write(name, this.#options.owner, row?.counter ?? 0);
  }

  /** Prolongs a lease that this process holds; undefined = it is lost. */
  async renew(name: string): Promise<number | undefined> {
    const counter = this.holds(name);
    return counter === undefined ? undefined : this.#write(name, this.#options.owner, counter);
  }

  /** Gives a lease back, so that others need not wait. What it protects must have ended before. */
  async release(name: string): Promise<void> {
    const held = this.#held.get(name);
    if (!held) return;
    this.#held.delete(name);
    await this.#write(name, '', held.counter);
  }

  async #write(name: string, owner: string, expected: number): Promise<number | undefined> {
    const { table, ttlMs, maxDrift = 0 } = this.#options;
    // Others may see the row from now on: the time counts from before the call.
    const until = this.#now() + ttlMs * (1 - 2 * maxDrift);
    const counter = expected + 1;
    const isWritten = await table.put({ name, owner, counter }, expected);
    this.#seen.delete(name);
    if (!isWritten) this.#held.delete(name);
    else if (owner !== '') this.#held.set(name, { counter, until });
    return isWritten && owner !== '' ? counter : undefined;
  }

  #now(): number {
    return this.#options.clock.monotonicMs();
  }
}
