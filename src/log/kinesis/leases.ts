import type { Clock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { HeldLease, LeaseTable } from '../../store/ledger/coordination.ts';

export interface LeasesOptions {
  readonly table: LeaseTable;
  /** Name of this process's life; no other one has it. */
  readonly owner: string;
  /** A lease that was not renewed for this long, ms by the table's clock, may be taken from its holder. */
  readonly ttlMs: number;
  readonly clock: Clock;
  /** Spans that this clock and the table's show differ by at most this part; default 0.05. */
  readonly maxDrift?: number;
}

interface Held {
  readonly epoch: number;
  /** Monotonic ms of our clock until which the table surely calls it ours. */
  readonly until: number;
}

/**
 * The leases that one process holds, and until when it may be sure of them: a span of its own clock that began before
 * the table's did and is shorter by twice the drift. What the clocks show is of no account.
 */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #drift: number;
  readonly #held = new Map<string, Held>();

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#drift = options.maxDrift ?? 0.05;
    if (this.#drift < 0 || this.#drift >= 0.5)
      throw new AtalaiaError(
        'ATL_CONFIG',
        `The drift of clocks is ${this.#drift}. Give a part from 0 to below 0.5.`,
      );
  }

  /** The epoch of a lease that this process surely holds at this moment; undefined when it does not. */
  holds(name: string): number | undefined {
    const held = this.#held.get(name);
    return held && this.#options.clock.monotonicMs() < held.until ? held.epoch : undefined;
  }

  /** Tries to get these; resolves with the names of those that it surely holds now. */
  async take(names: readonly string[]): Promise<readonly string[]> {
    const { table, owner, ttlMs } = this.#options;
    const wanted = names.filter((name) => this.holds(name) === undefined);
    const until = this.#until();
    const got = wanted.length > 0 ? await table.take(owner, wanted, ttlMs) : [];
    for (const { name, epoch } of got) this.#held.set(name, { epoch, until });
    return names.filter((name) => this.holds(name) !== undefined);
  }

  /** Prolongs all that it holds; what was lost, or ran out meanwhile, it holds no more. */
  async renew(): Promise<void> {
    const { table, owner, ttlMs } = this.#options;
    for (const name of this.#held.keys()) if (this.holds(name) === undefined) this.#held.delete(name);
    const asked = this.#rows([...this.#held.keys()]);
    if (asked.length === 0) return;
    const until = this.#until();
    const kept = new Set(await table.renew(owner, asked, ttlMs));
    for (const { name, epoch } of asked) {
      // It may have been given back, or got again, while the call was under way.
      if (this.#held.get(name)?.epoch !== epoch) continue;
      if (kept.has(name)) this.#held.set(name, { epoch, until });
      else this.#held.delete(name);
    }
  }

  /** Gives leases back, so that others need not wait. What they protect must have ended before. */
  async release(names: readonly string[]): Promise<void> {
    const rows = this.#rows(names);
    for (const { name } of rows) this.#held.delete(name);
    if (rows.length > 0) await this.#options.table.release(this.#options.owner, rows);
  }

  #rows(names: readonly string[]): HeldLease[] {
    return names.flatMap((name) => {
      const held = this.#held.get(name);
      return held ? [{ name, epoch: held.epoch }] : [];
    });
  }

  /** Of a call that begins now: the table counts from some moment after. */
  #until(): number {
    return this.#options.clock.monotonicMs() + this.#options.ttlMs * (1 - 2 * this.#drift);
  }
}
