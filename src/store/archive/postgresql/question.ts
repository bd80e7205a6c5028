import type { Client, QueryConfig, QueryResult } from 'pg';
import { AtalaiaError } from '../../../lib/errors.ts';
import { openPool } from '../../ledger/postgresql/client.ts';
import { sqlStateOf, textOf } from '../../ledger/postgresql/failures.ts';
import {
  questionOf,
  refusedBy,
  type SqlAnswer,
  type SqlQuestion,
  type SqlValue,
  tookTooLong,
} from '../question.ts';

/** Rows that one answer of the server brings. */
const PAGE = 1000;
/** SQLSTATE of a statement that the server ended. */
const CANCELLED = '57014';

/** Rights by which a question could read the server's files or run programs, whatever its transaction may. */
const MAY_REACH_OUT = `SELECT rolsuper OR EXISTS (SELECT FROM pg_roles r
    WHERE r.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
      AND pg_has_role(current_user, r.oid, 'MEMBER')) AS unsafe
  FROM pg_roles WHERE rolname = current_user`;

/**
 * Asks an archive in PostgreSQL through a cursor inside a transaction that may only read. Rejects with ATL_INPUT when the
 * question is refused or takes too long, ATL_CONFIG when the role could read the server's files, ATL_STORE when there is no server.
 */
export async function askPostgresql(
  { url, schema }: { readonly url: string; readonly schema: string },
  question: SqlQuestion,
): Promise<SqlAnswer> {
  const sql = questionOf(question.sql);
  const { timeoutMs } = question;
  const { pool, place } = await openPool({
    ...{ url, schema, connections: 1, statementTimeoutMs: timeoutMs, lockTimeoutMs: timeoutMs, retryMs: 0 },
  });
  try {
    const client = (await pool.connect().catch((cause) => {
      throw new AtalaiaError(
        'ATL_STORE',
        `${place} cannot be reached: ${textOf(cause)}. Start it, or mend store.url.`,
      );
    })) as unknown as Client & { release(destroy: boolean): void };
    try {
      return await ask(client, sql, question);
    } catch (error) {
      if (error instanceof AtalaiaError) throw error;
      throw sqlStateOf(error) === CANCELLED || /timeout/i.test(textOf(error))
        ? tookTooLong(question)
        : refusedBy(error);
    } finally {
      // Its transaction ends with it, whatever was asked.
      client.release(true);
    }
  } finally {
    await pool.end();
  }
}

async function ask(
  client: Client,
  sql: string,
  { limit, memoryMb, timeoutMs }: SqlQuestion,
): Promise<SqlAnswer> {
  // The extended protocol takes one statement at a time: nothing can be written behind a semicolon.
  const run = (text: string): Promise<QueryResult<SqlValue[]>> =>
    client.query({ text, rowMode: 'array', queryMode: 'extended', types } as QueryConfig) as never;
  const [[isUnsafe] = []] = (await run(MAY_REACH_OUT)).rows;
  if (isUnsafe === true)
    throw new AtalaiaError(
      'ATL_CONFIG',
      'The role of store.url is a superuser or may read the files of the server, so a question could too. Name a role with SELECT on the schema alone in store.readUrl, or in a configuration of its own (docs/sql.md).',
    );
  await run('BEGIN READ ONLY');
  // A sort or a hash takes the work memory once or some times.
  await run(`SET LOCAL work_mem = '${Math.max(1, Math.floor(memoryMb / 4))}MB'`);
  await run('SET LOCAL max_parallel_workers_per_gather = 0');
  const deadline = performance.now() + timeoutMs;
  await run(`DECLARE question NO SCROLL CURSOR FOR ${sql}\n`);
  const rows: SqlValue[][] = [];
  let columns: readonly string[] = [];
  for (;;) {
    const leftMs = Math.ceil(deadline - performance.now());
    if (leftMs <= 0) throw Object.assign(new Error('timeout'), { code: CANCELLED });
    await run(`SET LOCAL statement_timeout = ${leftMs}`);
    const page = await run(`FETCH ${Math.min(PAGE, limit + 1 - rows.length)} FROM question`);
    columns = distinct(page.fields.map(({ name }) => name));
    rows.push(...page.rows);
    if (page.rows.length === 0 || rows.length > limit) break;
  }
  return { columns, rows: rows.slice(0, limit), isCut: rows.length > limit };
}

/** A second `count` becomes `count:1`, as the other engine has it. */
const distinct = (names: readonly string[]): string[] =>
  names.map((name, i) => {
    const before = names.slice(0, i).filter((other) => other === name).length;
    return before === 0 ? name : `${name}:${before}`;
  });

const BOOL = 16;
/** int2, int4, int8, float4, float8, numeric. */
const numbers: ReadonlySet<number> = new Set([21, 23, 20, 700, 701, 1700]);
const types = {
  getTypeParser: (oid: number) => (text: string | Buffer) => {
    if (oid === BOOL) return text === 't';
    const value = numbers.has(oid) ? Number(text) : Number.NaN;
    const isExact = Number.isFinite(value) && (!/^-?\d+$/.test(String(text)) || Number.isSafeInteger(value));
    return isExact ? value : String(text);
  },
};
