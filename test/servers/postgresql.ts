import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandIn, loopback, type Place } from './network.ts';

/** Where the server's programs lie, or null: PostgreSQL 15 or newer in Debian's place, or named in ATALAIA_POSTGRESQL_BIN. */
export function findPostgresql(): string | null {
  const named = process.env.ATALAIA_POSTGRESQL_BIN;
  if (named) return existsSync(join(named, 'postgres')) ? named : null;
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return null;
  const versions = readdirSync(root)
    .map(Number)
    .filter((version) => version >= 15 && existsSync(join(root, String(version), 'bin/postgres')));
  return versions.length > 0 ? join(root, String(Math.max(...versions)), 'bin') : null;
}

/** Added to the name of a suite that is skipped. */
export const postgresqlHint = findPostgresql()
  ? ''
  : ' (skipped: PostgreSQL is not installed; `apt-get install postgresql`, or name its programs in ATALAIA_POSTGRESQL_BIN)';

const START_LIMIT_MS = 60_000;
const SETTINGS = {
  // Eight processes with all connections that each may take (docs/postgresql.md), and the tests' own.
  max_connections: '220',
  shared_buffers: '64MB',
  max_wal_size: '512MB',
  wal_level: 'replica',
  max_wal_senders: '4',
  log_min_messages: 'warning',
};

/** The server refuses to run as root: it gets a user of its own where we are root. */
function serverUser(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((entry) => entry.startsWith(`${name}:`));
    if (line) {
      const [, , uid, gid] = line.split(':');
      return { uid: Number(uid), gid: Number(gid) };
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody.');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A PostgreSQL server of its own in a temporary folder, on a free loopback port; ended by its own process id only. */
export class PostgresqlServer {
  readonly #bin: string;
  readonly #folder: string;
  readonly port: number;
  #child: ChildProcess | null = null;
  #log = '';

  readonly #place: Place;

  private constructor(bin: string, folder: string, port: number, place: Place) {
    this.#bin = bin;
    this.#place = place;
    this.#folder = folder;
    this.port = port;
  }

  /** Makes a cluster and starts it, on the loopback or in another place; `of` makes it a streaming replica of that server. */
  static async start(of?: PostgresqlServer, place = loopback): Promise<PostgresqlServer> {
    const bin = findPostgresql();
    if (!bin) throw new Error(`No PostgreSQL${postgresqlHint}`);
    const user = serverUser();
    const folder = mkdtempSync(join(tmpdir(), 'atalaia-postgresql-'));
    mkdirSync(join(folder, 'socket'));
    if (user.uid !== undefined) {
      chownSync(folder, user.uid, user.gid as number);
      chownSync(join(folder, 'socket'), user.uid, user.gid as number);
    }
    const server = new PostgresqlServer(bin, folder, await freePort(), place);
    const data = join(folder, 'data');
    if (of) server.#run('pg_basebackup', ['-D', data, '-R', '-X', 'stream', '-c', 'fast', '-d', of.url]);
    else
      server.#run('initdb', ['-D', data, '-U', 'atalaia', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8']);
    if (place !== loopback)
      appendFileSync(join(data, 'pg_hba.conf'), `host all all ${place.host}/30 trust\n`);
    await server.restart();
    return server;
  }

  get url(): string {
    return `postgresql://atalaia@${this.#place.host}:${this.port}/postgres`;
  }

  /** Another place is entered as root, so the user is changed there. */
  #asUser(command: readonly string[]): [string, string[], { uid?: number; gid?: number }] {
    const user = serverUser();
    if (this.#place === loopback) return [...commandIn(loopback, ...command), user];
    const change = ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
    return [...commandIn(this.#place, ...change, ...command), {}];
  }

  #run(program: string, args: readonly string[]): void {
    const { status, stderr } = spawnSync(join(this.#bin, program), args, {
      ...serverUser(),
      cwd: this.#folder,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
  }

  /** Starts the server where it does not run; after a kill it may have to wait for its orphans to end. */
  async restart(): Promise<void> {
    const end = performance.now() + START_LIMIT_MS;
    while (!(await this.#tryStart())) {
      if (performance.now() > end) throw new Error(`PostgreSQL does not start:\n${this.#log}`);
      await pause(50);
    }
  }

  async #tryStart(): Promise<boolean> {
    const settings = Object.entries({
      ...SETTINGS,
      listen_addresses: this.#place.host,
      port: String(this.port),
      unix_socket_directories: join(this.#folder, 'socket'),
    }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const [program, args, user] = this.#asUser([
      join(this.#bin, 'postgres'),
      '-D',
      join(this.#folder, 'data'),
      ...settings,
    ]);
    const child = spawn(program, args, { ...user, cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-20_000);
    });
    this.#child = child;
    const end = performance.now() + START_LIMIT_MS;
    while (child.exitCode === null && child.signalCode === null && performance.now() < end) {
      const { status } = spawnSync(join(this.#bin, 'pg_isready'), [
        '-q',
        '-h',
        this.#place.host,
        '-p',
        String(this.port),
      ]);
      if (status === 0) return true;
      await pause(30);
    }
    return false;
  }

  /**
   * `kill -9` of the postmaster; with `everything` of all its processes in the same moment, as when the machine stops.
   * Without, backends notice a little later, perhaps after a commit.
   */
  async kill(everything: boolean): Promise<void> {
    const child = this.#child;
    if (!child?.pid) return;
    const victims = everything ? [child.pid, ...childrenOf(child.pid)] : [child.pid];
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null;
    for (const pid of victims) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It had ended by itself.
      }
    }
    await ended;
  }

  /** Ends it (fast shutdown) and removes its folder. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGINT');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

/** Processes whose parent is this one, as /proc tells; none where there is no /proc. */
function childrenOf(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number);
}
