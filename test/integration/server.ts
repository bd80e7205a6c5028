import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { formatAlertEvent } from '../../src/alerts/event-json.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { nodeDisk } from '../../src/lib/disk.ts';
import { openEmbeddedLog } from '../../src/log/embedded/embedded-log.ts';
import type { LogEntry } from '../../src/log/log.ts';
import { openSqliteLedger } from '../../src/store/ledger/sqlite/ledger.ts';
import { commandIn, loopback, type Place } from '../servers/network.ts';

export const root = join(import.meta.dirname, '../..');
const main = join(root, 'src/main.ts');
const START_LIMIT_MS = 60_000;

/** A new folder and the act that removes it. */
export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'atalaia-integration-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where it runs; default here. */
  readonly place?: Place;
}

/** A process of the program: what it writes is kept, and it is ended by its own id only. */
export class Program {
  readonly #child: ChildProcess;
  readonly ended: Promise<number>;
  readonly place: Place;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], { cwd, env = {}, place = loopback }: RunOptions) {
    this.place = place;
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('ATALAIA_'));
    this.#child = spawn(...commandIn(place, process.execPath, main, ...args), {
      cwd,
      env: { ...Object.fromEntries(own), ATALAIA_LANG: 'en', NODE_NO_WARNINGS: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => this.#child.once('close', (code) => resolve(code ?? -1)));
  }

  /** Stops it in the middle of what it does, or lets it go on as if nothing had been. */
  freeze(isFrozen: boolean): void {
    this.#child.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT');
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The most memory that it had (resident set), MiB; where the system tells (Linux). */
  peakMiB(): number {
    const file = `/proc/${this.#child.pid}/status`;
    const status = existsSync(file) ? readFileSync(file, 'utf8') : '';
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  }

  /** Where it listens; undefined until it says so. */
  get url(): string | undefined {
    return /^Open (http:\S+)$/m.exec(this.stdout)?.[1];
  }

  /** Resolves with the address when it listens; rejects with what it wrote when it ends before. */
  async listening(): Promise<string> {
    await until(() => this.url !== undefined || this.hasEnded, START_LIMIT_MS, 'the server to listen').catch(
      (cause) => {
        throw new Error(`The server does not listen; it wrote:\n${this.stdout}\n${this.stderr}`, { cause });
      },
    );
    if (this.url === undefined) throw new Error(`The server ended:\n${this.stdout}\n${this.stderr}`);
    return this.url;
  }

  /** Sends the signal and resolves with the exit status (-1: ended by a signal). */
  async signal(name: 'SIGKILL' | 'SIGTERM' | 'SIGINT'): Promise<number> {
    this.#child.kill(name);
    return this.ended;
  }
}

/** Runs a command to its end. */
export async function run(
  args: readonly string[],
  options: RunOptions,
): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> {
  const program = new Program(args, options);
  const limit = setTimeout(() => void program.signal('SIGKILL'), START_LIMIT_MS);
  const status = await program.ended;
  clearTimeout(limit);
  return { status, stdout: program.stdout, stderr: program.stderr };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `holds` says so, at most `limitMs`. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  limitMs: number,
  what: string,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Waited ${limitMs} ms for ${what}`);
    await pause(25);
  }
}

/** Waits until every record of the log is folded and its effects are committed, as the server's status tells. */
export async function caughtUp(url: string): Promise<void> {
  let quiet = 0;
  await until(
    async () => {
      const answer = await fetch(`${url}/api/v1/status`);
      const { counts } = (await answer.json()) as { counts: { lagRecords: number } };
      // The status is a second old at most; with the margin of the archive and the ledger.
      quiet = counts.lagRecords === 0 ? quiet + 1 : 0;
      return quiet > 80;
    },
    60_000,
    'the fold to catch up',
  );
}

/** The alert events that the ledger of a stopped server holds, as lines. */
export async function recordedEvents(data: string): Promise<string[]> {
  const ledger = await openSqliteLedger({ path: join(data, 'ledger.sqlite') });
  try {
    const lines: string[] = [];
    for await (const event of ledger.events()) lines.push(formatAlertEvent(event));
    return lines;
  } finally {
    await ledger.close();
  }
}

/** Every entry of a stopped server's log, by partition in order. */
export async function logEntries(data: string, partitions: number): Promise<LogEntry[]> {
  const log = await openEmbeddedLog({
    directory: join(data, 'log'),
    partitions,
    disk: nodeDisk,
    clock: systemClock,
  });
  try {
    const entries: LogEntry[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      let { oldest: offset } = await log.bounds(partition);
      for (;;) {
        const page = await log.read(partition, offset, 5000, 0);
        const last = page.at(-1);
        if (!last) break;
        entries.push(...page);
        offset = last.offset + 1;
      }
    }
    return entries;
  } finally {
    await log.close();
  }
}

/** Rows of observations in the archive of a stopped server, and how many of them are of different keys. */
export async function archivedRows(data: string): Promise<{ readonly rows: number; readonly keys: number }> {
  const instance = await DuckDBInstance.create(join(data, 'archive.duckdb'));
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(
    'SELECT count(*)::DOUBLE, count(DISTINCT (station, quantity, observed_at, interval_ms))::DOUBLE FROM observations',
  );
  const [rows, keys] = reader.getRows()[0] as [number, number];
  connection.closeSync();
  instance.closeSync();
  return { rows, keys };
}
