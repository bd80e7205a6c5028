import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// A real Mosquitto for tests: on the loopback, with its persistence in a temporary folder of its own.

const START_LIMIT_MS = 20_000;

/** The broker's program, or null: in Debian's place, or named in ATALAIA_MOSQUITTO. */
function findMosquitto(): string | null {
  const candidates = [process.env.ATALAIA_MOSQUITTO, '/usr/sbin/mosquitto', '/usr/bin/mosquitto'];
  return candidates.find((path) => path !== undefined && existsSync(path)) ?? null;
}

/** Why no broker can be started here, with the remedy; undefined when one can. */
export function whyNoMosquitto(): string | undefined {
  try {
    import.meta.resolve('mqtt');
  } catch {
    return 'no MQTT client: npm install mqtt@5';
  }
  return findMosquitto()
    ? undefined
    : 'no Mosquitto: apt-get install mosquitto, or name its program in ATALAIA_MOSQUITTO';
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A running broker. Only the process that it started is ended, by its id. */
export class Mosquitto {
  readonly #folder = mkdtempSync(join(tmpdir(), 'atalaia-mosquitto-'));
  readonly #port: number;
  #process: ChildProcess | undefined;

  private constructor(port: number, lines: readonly string[]) {
    this.#port = port;
    const settings = [
      `listener ${port} 127.0.0.1`,
      'persistence true',
      `persistence_location ${this.#folder}/`,
      // Written at each change: what was acknowledged survives SIGKILL.
      'autosave_interval 1',
      'autosave_on_changes true',
      'max_queued_messages 0',
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      ...(lines.length > 0 ? lines : ['allow_anonymous true']),
    ];
    writeFileSync(join(this.#folder, 'mosquitto.conf'), `${settings.join('\n')}\n`);
  }

  static async start(lines: readonly string[] = []): Promise<Mosquitto> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await new Promise((done) => server.close(done));
    const broker = new Mosquitto(port, lines);
    await broker.restart();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.#port}`;
  }

  /** Where the broker's files lie. */
  get folder(): string {
    return this.#folder;
  }

  async restart(): Promise<void> {
    const program = findMosquitto() as string;
    this.#process = spawn(program, ['-c', join(this.#folder, 'mosquitto.conf')], { stdio: 'ignore' });
    const end = performance.now() + START_LIMIT_MS;
    while (!(await this.#answers())) {
      if (performance.now() > end) throw new Error('Mosquitto does not answer');
      await pause(25);
    }
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.#port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  async stop(): Promise<void> {
    await this.kill('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
