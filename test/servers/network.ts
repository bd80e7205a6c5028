import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';

// A network of its own for a server (Linux, as root): a namespace and a cable (a veth pair) that a test can pull out.

const ip = (...args: readonly string[]): void => {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
};

let reason: string | undefined | null = null;

/** Why no network can be made here, with the remedy; undefined when one can. */
export function whyNoNetwork(): string | undefined {
  if (reason !== null) return reason;
  reason = undefined;
  if (process.platform !== 'linux') reason = 'network namespaces are Linux';
  else if (process.getuid?.() !== 0) reason = 'network namespaces need root';
  else {
    try {
      new CuttableNetwork().remove();
    } catch (error) {
      reason = `no network namespace (iproute2 and CAP_NET_ADMIN are needed): ${(error as Error).message}`;
    }
  }
  return reason;
}

/** Where a server runs and listens; without it on the loopback interface. */
export interface Place {
  /** Address of the server, as seen from it and from us. */
  readonly host: string;
  /** What is written before a command so that it runs there. */
  readonly within: readonly string[];
}

export const loopback: Place = { host: '127.0.0.1', within: [] };

/** Program and arguments of a command that is to run in a place. */
export function commandIn({ within }: Place, ...command: readonly string[]): [string, string[]] {
  const [program, ...args] = [...within, ...command];
  return [program as string, args];
}

/** An address of Ethernet that nobody has. */
const NOBODY = '02:00:00:00:00:01';

/** A namespace, joined to ours by one cable. The addresses are of 198.18.0.0/15, kept for tests of networks (RFC 2544). */
export class CuttableNetwork implements Place {
  readonly host: string;
  readonly within: readonly string[];
  /** Our end of the cable: what listens here is reached from within, and does not notice that it is cut. */
  readonly here: Place;
  readonly #name: string;
  readonly #cable: string;

  constructor() {
    const number = randomInt(0x4000);
    const net = `198.18.${number >> 6}.${(number & 63) << 2}`.split('.').map(Number);
    const at = (last: number): string => [...net.slice(0, 3), (net[3] as number) + last].join('.');
    this.#name = `atalaia-${number}`;
    this.#cable = `ata${number}`;
    this.host = at(2);
    this.here = { host: at(1), within: [] };
    this.within = ['ip', 'netns', 'exec', this.#name];
    ip('netns', 'add', this.#name);
    try {
      ip('link', 'add', this.#cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#name);
      ip('addr', 'add', `${this.here.host}/30`, 'dev', this.#cable);
      ip('link', 'set', this.#cable, 'up');
      ip('-n', this.#name, 'addr', 'add', `${this.host}/30`, 'dev', 'eth0');
      for (const end of ['eth0', 'lo']) ip('-n', this.#name, 'link', 'set', end, 'up');
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** From now on packets of both ends go to nobody; no end is told of it, and none has lost its address or route. */
  cut(): void {
    const lost = ['lladdr', NOBODY, 'nud', 'permanent'];
    ip('-n', this.#name, 'neigh', 'replace', this.here.host, ...lost, 'dev', 'eth0');
    ip('neigh', 'replace', this.host, ...lost, 'dev', this.#cable);
  }

  heal(): void {
    ip('-n', this.#name, 'neigh', 'del', this.here.host, 'dev', 'eth0');
    ip('neigh', 'del', this.host, 'dev', this.#cable);
  }

  /** Ends what still runs in it (a port mapper of Erlang outlives its nodes), and the cable goes with it. */
  remove(): void {
    const pids = execFileSync('ip', ['netns', 'pids', this.#name], { encoding: 'utf8' });
    for (const pid of pids.split('\n').filter(Boolean)) killIfThere(Number(pid));
    ip('netns', 'del', this.#name);
  }
}

/** One of them may end by itself after it was listed. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
