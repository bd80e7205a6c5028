import type { Client, Pool, PoolClient } from 'pg';
import { AtalaiaError } from '../../../lib/errors.ts';
import { type ConnectionOptions, openPool } from './client.ts';
import { kindOf, storeError } from './failures.ts';
import { CopyBroken, type Row, type Session, sessionOf, type Value } from './session.ts';

interface TransactionOptions {
  /**
   * Asked when the connection went away while COMMIT was under way: does the transaction stand? Without it the work is
   * repeated, so it must be a no-op the second time.
   */
  readonly isCommitted?: () => Promise<boolean>;
}

/**
 * A pool of connections. Lost connections and deadlocks are met by trying again until `retryMs` has passed. Single
 * statements are repeated too when it is not known whether they took effect: give only such as may be.
 */
export interface Database extends Omit<Session, 'copyIn' | 'copyOut'> {
  readonly place: string;
  transaction<T>(work: (session: Session) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * Does something, by other connections, while this one holds an advisory lock of the session; `retryMs` for the lock.
   * Outside of a transaction, which the server would end as idle.
   */
  locked<T>(space: number, name: string, work: () => Promise<T>): Promise<T>;
  /** Waits for what is under way, then lets the connections go; later calls reject with ATL_STORE. */
  close(): Promise<void>;
}

/** Calls that wait for a connection; one more is refused. */
const MAX_WAITING = 1000;
const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 1000;

/** Carries the knowledge that COMMIT had been sent. */
class CommitLost extends Error {}

/** Opens a pool; connections are made when first needed. Rejects with ATL_CONFIG on a wrong address or a missing package. */
export async function openDatabase(options: ConnectionOptions): Promise<Database> {
  const { pool, place } = await openPool(options);
  return new PooledDatabase(pool, place, options);
}

class PooledDatabase implements Database {
  readonly place: string;
  readonly #pool: Pool;
  readonly #retryMs: number;
  readonly #isPrepared: boolean;
  readonly #underWay = new Set<Promise<unknown>>();
  #locking: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(pool: Pool, place: string, { retryMs, prepare = false }: ConnectionOptions) {
    this.#pool = pool;
    this.place = place;
    this.#retryMs = retryMs;
    this.#isPrepared = prepare;
  }

  all(sql: string, ...values: readonly Value[]): Promise<readonly Row[]> {
    return this.#call((client) => sessionOf(client, this.#isPrepared).all(sql, ...values), false);
  }

  get(sql: string, ...values: readonly Value[]): Promise<Row | undefined> {
    return this.#call((client) => sessionOf(client, this.#isPrepared).get(sql, ...values), false);
  }

  run(sql: string, ...values: readonly Value[]): Promise<number> {
    return this.#call((client) => sessionOf(client, this.#isPrepared).run(sql, ...values), false);
  }

  transaction<T>(work: (session: Session) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    // What the work found in the attempt whose COMMIT was lost.
    const last: { result?: T } = {};
    const attempt = (client: PoolClient): Promise<T> =>
      inTransaction(client, () => work(sessionOf(client, this.#isPrepared)), last);
    const { isCommitted } = options;
    const settle =
      isCommitted && (async () => ((await isCommitted()) ? { result: last.result as T } : undefined));
    return this.#call(attempt, true, settle);
  }

  locked<T>(space: number, name: string, work: () => Promise<T>): Promise<T> {
    // One of this process at a time: those who wait for the lock must not have all connections.
    const mine = this.#locking.then(() => this.#locked([space, name], work));
    this.#locking = mine.catch(() => {});
    return mine;
  }

  async #locked<T>(lock: readonly [number, string], work: () => Promise<T>): Promise<T> {
    const outcome = await this.#call(async (client) => {
      await client.query('SELECT pg_advisory_lock($1, hashtext($2))', [...lock]);
      // Whatever the work throws is its own: only the lock is asked for again.
      const done = await work().then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      );
      // With its connection goes the lock.
      await client.query('SELECT pg_advisory_unlock($1, hashtext($2))', [...lock]).catch(() => endOf(client));
      return done;
    }, true);
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled([...this.#underWay]).then(() => this.#pool.end());
    return this.#closing;
  }

  async #call<T>(
    work: (client: PoolClient) => Promise<T>,
    isTransaction: boolean,
    settle?: () => Promise<{ result: T } | undefined>,
  ): Promise<T> {
    if (this.#closing)
      throw new AtalaiaError('ATL_STORE', `${this.place} is closed. Open it again before using it.`);
    const call = this.#attempts(work, isTransaction, settle);
    this.#underWay.add(call);
    try {
      return await call;
    } finally {
      this.#underWay.delete(call);
    }
  }

  async #attempts<T>(
    work: (client: PoolClient) => Promise<T>,
    isTransaction: boolean,
    settle?: () => Promise<{ result: T } | undefined>,
  ): Promise<T> {
    const deadline = performance.now() + this.#retryMs;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
      try {
        return await this.#once(work);
      } catch (error) {
        const isCommitLost = error instanceof CommitLost;
        const cause = isCommitLost || error instanceof CopyBroken ? error.cause : error;
        if (error instanceof CopyBroken || kindOf(cause) === 'failed' || performance.now() + pause > deadline)
          throw storeError(this.place, cause, isCommitLost || !isTransaction);
        await new Promise((resolve) => setTimeout(resolve, pause));
        if (isCommitLost && settle) {
          const settled = await settle().catch(() => {
            throw storeError(this.place, cause, true);
          });
          if (settled) return settled.result;
        }
      }
    }
  }

  async #once<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    if (this.#pool.waitingCount >= MAX_WAITING) {
      throw new AtalaiaError(
        'ATL_BUSY',
        `${this.place}: ${MAX_WAITING} calls wait for a connection. Try again in a few seconds.`,
      );
    }
    const client = await this.#pool.connect();
    let isBroken = false;
    try {
      return await work(client);
    } catch (error) {
      isBroken =
        error instanceof CopyBroken || kindOf(error instanceof CommitLost ? error.cause : error) === 'lost';
      throw error;
    } finally {
      client.release(isBroken);
    }
  }
}

/** The pool throws away what has ended. */
const endOf = (client: PoolClient): void => void (client as unknown as Client).end().catch(() => {});

async function inTransaction<T>(
  client: PoolClient,
  work: () => Promise<T>,
  last: { result?: T },
): Promise<T> {
  await client.query('BEGIN');
  let result: T;
  try {
    result = await work();
  } catch (error) {
    // A connection that cannot roll back is lost, and the server rolls back by itself.
    if (kindOf(error) !== 'lost' && !(error instanceof CopyBroken)) await client.query('ROLLBACK');
    throw error;
  }
  last.result = result;
  try {
    await client.query('COMMIT');
  } catch (cause) {
    if (kindOf(cause) !== 'lost') throw cause;
    throw new CommitLost('COMMIT was not answered', { cause });
  }
  return result;
}
