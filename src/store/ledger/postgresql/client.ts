import type { Pool, PoolConfig } from 'pg';
import { AtalaiaError } from '../../../lib/errors.ts';

/** How this process uses one PostgreSQL server. Spans in ms; every one has a bound. */
export interface ConnectionOptions {
  /** `postgresql://user:password@host:port/database?sslmode=verify-full`. */
  readonly url: string;
  /** Schema that holds the tables; made when missing. */
  readonly schema: string;
  /** Connections at most. */
  readonly connections: number;
  /** A statement that runs longer is cancelled by the server. */
  readonly statementTimeoutMs: number;
  /** Waiting longer than this for another transaction's lock is given up. */
  readonly lockTimeoutMs: number;
  /** How long a lost connection or a deadlock is met by trying again before the call rejects. */
  readonly retryMs: number;
  /** Statements are planned once per connection: a third faster where they are few and fixed. Default no. */
  readonly prepare?: boolean;
}

const INT8 = 20;
const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_MS = 60_000;
/** Beyond the server's own timeout: the network swallowed the answer. */
const SILENCE_MS = 5000;
/** A process that stops in the middle of a transaction must not hold up the others for long. */
const IDLE_IN_TRANSACTION_MS = 15_000;

/** Loads the client packages; ATL_CONFIG names them when one is missing. */
async function load(): Promise<typeof import('pg')> {
  try {
    await import('pg-copy-streams');
    return (await import('pg')).default as unknown as typeof import('pg');
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      'PostgreSQL needs the packages pg and pg-copy-streams, which are not installed. Run `npm install pg pg-copy-streams`.',
      { cause },
    );
  }
}

/** A pool whose sessions all have our schema, UTC and timeouts; 64-bit integers arrive as numbers. */
export async function openPool(options: ConnectionOptions): Promise<{ pool: Pool; place: string }> {
  const pg = await load();
  const { url, settings } = splitUrl(options.url);
  if (!/^[a-z_][a-z0-9_]{0,40}$/.test(options.schema)) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      `PostgreSQL schema ${options.schema}: use lower-case letters, digits and _.`,
    );
  }
  const session = {
    search_path: options.schema,
    timezone: 'UTC',
    jit: 'off',
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.lockTimeoutMs,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    // The server notices a dead client in half a minute and lets its locks go.
    tcp_keepalives_idle: 10,
    tcp_keepalives_interval: 5,
    tcp_keepalives_count: 3,
  };
  const config: PoolConfig = {
    connectionString: url,
    application_name: 'atalaia',
    options: [settings, ...Object.entries(session).map(([name, value]) => `-c ${name}=${value}`)]
      .join(' ')
      .trim(),
    max: options.connections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_MS,
    query_timeout: options.statementTimeoutMs + SILENCE_MS,
    keepAlive: true,
    types: {
      getTypeParser: ((oid: number, format: 'text') =>
        oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
    },
  };
  const pool = new pg.Pool(config);
  // A connection that breaks while idle, or between two statements, is thrown away; the next statement tells.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return { pool, place: placeOf(url) };
}

/** Server settings given in the address (`options=…`) are kept beside ours. */
function splitUrl(text: string): { url: string; settings: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      'The address of the PostgreSQL server is none. Write postgresql://user@host:5432/database.',
    );
  }
  const settings = url.searchParams.get('options') ?? '';
  url.searchParams.delete('options');
  return { url: url.href, settings };
}

function placeOf(text: string): string {
  const url = new URL(text);
  const host = url.host || (url.searchParams.get('host') ?? 'localhost');
  return `PostgreSQL ${host}${url.pathname}`;
}
