import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { AtalaiaError } from '../../../lib/errors.ts';

export type Row = Record<string, unknown>;

/** A connection with cached statements; every failure leaves as AtalaiaError and every transaction ends. */
export interface Database {
  all(sql: string, ...values: readonly SQLInputValue[]): readonly Row[];
  get(sql: string, ...values: readonly SQLInputValue[]): Row | undefined;
  /** Number of rows changed. */
  run(sql: string, ...values: readonly SQLInputValue[]): number;
  /** Runs a script of several statements, without parameters. */
  script(sql: string): void;
  /** One `BEGIN IMMEDIATE` … `COMMIT`; anything thrown inside rolls all of it back. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/** Waiting for another process's write lock ends after this with ATL_BUSY. */
const BUSY_TIMEOUT_MS = 5000;
const MAX_CACHED_STATEMENTS = 200;
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;

/** Opens (and creates) the file: write-ahead log, every commit synced to disk, foreign keys checked. Throws ATL_STORE. */
export function openDatabase(path: string): Database {
  const connection = connect(path);
  const cache = new Map<string, StatementSync>();
  const prepared = (sql: string): StatementSync => {
    const known = cache.get(sql);
    if (known) return known;
    if (cache.size >= MAX_CACHED_STATEMENTS) cache.clear();
    const statement = connection.prepare(sql);
    cache.set(sql, statement);
    return statement;
  };
  const guarded = <T>(work: () => T): T => {
    if (!connection.isOpen) {
      throw new AtalaiaError('ATL_STORE', `The ledger ${path} is closed. Open it again before using it.`);
    }
    try {
      return work();
    } catch (cause) {
      throw storeError(path, cause);
    }
  };
  return {
    all: (sql, ...values) => guarded(() => prepared(sql).all(...values)),
    get: (sql, ...values) => guarded(() => prepared(sql).get(...values)),
    run: (sql, ...values) => guarded(() => Number(prepared(sql).run(...values).changes)),
    script: (sql) => guarded(() => connection.exec(sql)),
    transaction: (work) =>
      guarded(() => {
        connection.exec('BEGIN IMMEDIATE');
        try {
          const result = work();
          connection.exec('COMMIT');
          return result;
        } catch (error) {
          if (connection.isTransaction) connection.exec('ROLLBACK');
          throw error;
        }
      }),
    close() {
      cache.clear();
      if (connection.isOpen) connection.close();
    },
  };
}

function connect(path: string): DatabaseSync {
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
    const connection = new DatabaseSync(path, {
      timeout: BUSY_TIMEOUT_MS,
      enableForeignKeyConstraints: true,
    });
    // What is deleted is overwritten: who asks to be erased is not left in free pages.
    connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;');
    return connection;
  } catch (cause) {
    throw storeError(path, cause);
  }
}

function storeError(path: string, cause: unknown): AtalaiaError {
  if (cause instanceof AtalaiaError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const code = (cause as { errcode?: number }).errcode ?? 0;
  if ((code & 0xff) === SQLITE_BUSY || (code & 0xff) === SQLITE_LOCKED) {
    const message = `The ledger ${path} is locked by another process (${text}). Try again, or stop the other process.`;
    return new AtalaiaError('ATL_BUSY', message, { cause });
  }
  const message = `The ledger ${path} failed: ${text}. Check the disk and the file's permissions; restore from a backup if it is damaged.`;
  return new AtalaiaError('ATL_STORE', message, { cause });
}
