import { realpathSync } from 'node:fs';
import { type DuckDBConnection, DuckDBInstance, StatementType } from '@duckdb/node-api';
import { AtalaiaError } from '../../../lib/errors.ts';
import {
  questionOf,
  refusedBy,
  type SqlAnswer,
  type SqlQuestion,
  type SqlValue,
  tookTooLong,
} from '../question.ts';
import { quote } from './queries.ts';

/** How long an engine that was interrupted may take to say so, ms; then it is left alone. */
const GRACE_MS = 3000;

/**
 * Asks an archive file that nobody has open for writing, or the Parquet files of a lake in a folder (view `observations`).
 * The engine can open no other file and no address, changes nothing and cannot be set otherwise. Rejects with ATL_INPUT
 * when the question is refused, takes too long or needs too much memory, and ATL_CONFLICT while a server has the file.
 */
export async function askDuckdb(
  of: { readonly file: string } | { readonly lake: string },
  question: SqlQuestion,
): Promise<SqlAnswer> {
  const sql = questionOf(question.sql);
  const instance = await open(of, question);
  const connection = await instance.connect();
  let isStuck = false;
  const onStuck = (): void => {
    isStuck = true;
  };
  try {
    await connection.run("SET TimeZone = 'UTC'");
    if ('lake' in of) await openLake(connection, realpathSync(of.lake));
    await connection.run('SET lock_configuration = true');
    return await bounded(connection, question, onStuck, () => ask(connection, sql, question.limit));
  } finally {
    // To close what does not hear would be to wait for it.
    if (!isStuck) {
      connection.closeSync();
      instance.closeSync();
    }
  }
}

async function open(
  of: { readonly file: string } | { readonly lake: string },
  { memoryMb }: SqlQuestion,
): Promise<DuckDBInstance> {
  const settings = {
    memory_limit: `${memoryMb}MB`,
    threads: '2',
    // What does not fit in memory is refused, not written to the disk.
    max_temp_directory_size: '0MB',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  };
  if ('lake' in of) return DuckDBInstance.create(':memory:', settings);
  try {
    return await DuckDBInstance.create(of.file, {
      ...settings,
      access_mode: 'READ_ONLY',
      enable_external_access: 'false',
    });
  } catch (cause) {
    const text = cause instanceof Error ? (cause.message.split('\n')[0] as string) : String(cause);
    if (/set lock on file|being used by another process/i.test(text))
      throw new AtalaiaError(
        'ATL_CONFLICT',
        `Archive ${of.file} is open in a running Atalaia, and one process at a time can open it. Ask a lake that the server writes (lake: in atalaia.yaml, then --lake DIR), ask the API, or stop the server.`,
        { cause },
      );
    throw new AtalaiaError(
      'ATL_STORE',
      `Archive ${of.file} cannot be read: ${text}. Start Atalaia once, which repairs or renews it, or restore a backup.`,
      { cause },
    );
  }
}

async function openLake(connection: DuckDBConnection, folder: string): Promise<void> {
  try {
    await connection.run(`SET allowed_directories = [${quote(folder)}]`);
    await connection.run('SET enable_external_access = false');
    await connection.run(
      `CREATE VIEW observations AS FROM read_parquet(${quote(`${folder}/observations/*/*/*/*.parquet`)},
        hive_partitioning = true, hive_types = {'year': 'INTEGER', 'month': 'INTEGER', 'region': 'VARCHAR'})`,
    );
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_NOT_FOUND',
      `No lake in ${folder}. Write one with atalaia export --format parquet --lake DIR.`,
      { cause },
    );
  }
}

/** The engine is interrupted at the end of the time; one that does not hear it is not waited for. */
async function bounded<T>(
  connection: DuckDBConnection,
  question: SqlQuestion,
  onStuck: () => void,
  work: () => Promise<T>,
): Promise<T> {
  let isLate = false;
  const timers: NodeJS.Timeout[] = [];
  const late = new Promise<never>((_, reject) => {
    const interrupt = (): void => {
      isLate = true;
      connection.interrupt();
      const giveUp = (): void => {
        onStuck();
        reject(tookTooLong(question));
      };
      timers.push(setTimeout(giveUp, GRACE_MS));
    };
    timers.push(setTimeout(interrupt, question.timeoutMs));
  });
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    if (isLate) throw tookTooLong(question);
    if (error instanceof AtalaiaError) throw error;
    const isMemory = error instanceof Error && /out of memory/i.test(error.message);
    throw refusedBy(error, isMemory ? '. Ask about fewer stations or days, or give --memory.' : '');
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

async function ask(connection: DuckDBConnection, sql: string, limit: number): Promise<SqlAnswer> {
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1)
    throw new AtalaiaError('ATL_INPUT', `Ask one question at a time; these are ${statements.count}.`);
  const prepared = await statements.prepare(0);
  if (prepared.statementType !== StatementType.SELECT)
    throw new AtalaiaError(
      'ATL_INPUT',
      `This is no question but ${StatementType[prepared.statementType]}. The archive is read only here.`,
    );
  const reader = await prepared.streamAndReadUntil(limit + 1);
  const rows = reader.getRows().slice(0, limit);
  return {
    columns: reader.deduplicatedColumnNames(),
    rows: rows.map((row) => row.map(plain)),
    isCut: reader.currentRowCount > limit,
  };
}

/** Whole numbers beyond 2^53, times and lists as text. */
function plain(value: unknown): SqlValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  return String(value);
}
