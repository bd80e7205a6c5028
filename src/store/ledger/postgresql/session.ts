import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PoolClient } from 'pg';

export type Row = Record<string, unknown>;
export type Value =
  | string
  | number
  | boolean
  | null
  | Uint8Array
  | readonly (string | number | boolean | null)[];

/** Statements on one connection. */
export interface Session {
  all(sql: string, ...values: readonly Value[]): Promise<readonly Row[]>;
  get(sql: string, ...values: readonly Value[]): Promise<Row | undefined>;
  /** Number of rows changed. */
  run(sql: string, ...values: readonly Value[]): Promise<number>;
  /** Feeds `COPY … FROM STDIN` in text format; number of rows. */
  copyIn(sql: string, lines: Iterable<string>): Promise<number>;
  /** Hands on what `COPY … TO STDOUT` writes; number of rows. */
  copyOut(sql: string, ...into: readonly NodeJS.WritableStream[]): Promise<number>;
}

/** The connection stands in the middle of a COPY that nobody reads on: it can only be thrown away. */
export class CopyBroken extends Error {}
/** pg counts its own limit for every query and knows no none; the server's statement timeout is the bound. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Names of prepared statements, for all connections of the process: one per text. */
const statementNames = new Map<string, string>();
function nameOf(sql: string): string {
  const name = statementNames.get(sql) ?? `atalaia_${statementNames.size + 1}`;
  statementNames.set(sql, name);
  return name;
}

/**
 * The statements of a connection that somebody has taken from the pool. `isPrepared`: those with values are parsed and
 * planned once per connection; for pools whose statements are few and fixed.
 */
export function sessionOf(client: PoolClient, isPrepared: boolean): Session {
  const query = (text: string, given: readonly Value[]) => {
    const values = given.map(storable);
    const name = isPrepared && values.length > 0 ? { name: nameOf(text) } : {};
    return client.query({ ...name, text, values });
  };
  return {
    all: async (sql, ...values) => (await query(sql, values)).rows as Row[],
    get: async (sql, ...values) => (await query(sql, values)).rows[0] as Row | undefined,
    run: async (sql, ...values) => (await query(sql, values)).rowCount ?? 0,
    async copyIn(sql, lines) {
      const { from } = (await import('pg-copy-streams')).default;
      const stream = client.query(from(sql));
      await pipeline(Readable.from(lines), stream);
      return stream.rowCount;
    },
    copyOut: (sql, ...into) => copyOut(client, sql, into),
  };
}

async function copyOut(
  client: PoolClient,
  sql: string,
  into: readonly NodeJS.WritableStream[],
): Promise<number> {
  const { to } = (await import('pg-copy-streams')).default;
  // `callback` is put there by pg; calling it ends pg's timer, which the stream does not do.
  const stream = Object.assign(to(sql), { query_timeout: LONGEST_TIMER_MS }) as ReturnType<typeof to> & {
    callback?: () => void;
  };
  try {
    await pipeline([client.query(stream), ...into]);
    return stream.rowCount;
  } catch (cause) {
    // The server's own refusal ends the COPY in order.
    if ((cause as { severity?: unknown }).severity !== undefined) throw cause;
    throw new CopyBroken('COPY was left in the middle', { cause });
  } finally {
    stream.callback?.();
  }
}

/** PostgreSQL's text cannot hold the character NUL; texts from outside may. */
export const withoutNul = (text: string): string => text.replaceAll('\0', '\uFFFD');

function storable(value: Value): unknown {
  if (typeof value === 'string') return withoutNul(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (Array.isArray(value))
    return value.map((entry) => (typeof entry === 'string' ? withoutNul(entry) : entry));
  return value;
}
