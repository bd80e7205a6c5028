import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandIn, loopback, type Place } from './network.ts';

// A real RabbitMQ for tests: one node or a cluster of three on the loopback, in a temporary folder of its own. The
// programs under lib/ are run directly: those in /usr/sbin change to the user rabbitmq and to the system's folders.

const START_LIMIT_MS = 150_000;

/** Where the server's programs lie, or null: in Debian's place, or named in ATALAIA_RABBITMQ_BIN. */
export function findRabbitmq(): string | null {
  const bin = process.env.ATALAIA_RABBITMQ_BIN ?? '/usr/lib/rabbitmq/bin';
  return existsSync(join(bin, 'rabbitmq-server')) ? bin : null;
}

function hasClient(): boolean {
  try {
    import.meta.resolve('amqplib');
    return true;
  } catch {
    return false;
  }
}

/** Why no server can be started here, with the remedy; undefined when one can. */
export function whyNoRabbitmq(): string | undefined {
  if (!hasClient()) return 'no AMQP client: npm install amqplib@2';
  if (!findRabbitmq())
    return 'no RabbitMQ: apt-get install rabbitmq-server, or name its programs in ATALAIA_RABBITMQ_BIN';
  return undefined;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

interface Node {
  readonly name: string;
  readonly folder: string;
  readonly amqpPort: number;
  readonly distPort: number;
  readonly apiPort: number;
  process: ChildProcess | undefined;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A running RabbitMQ. Only processes that it started are ended, each by its id. */
export class RabbitmqCluster {
  readonly #bin: string;
  readonly #folder: string;
  readonly #epmdPort: number;
  readonly #nodes: readonly Node[];

  readonly #place: Place;

  private constructor(bin: string, folder: string, epmdPort: number, nodes: readonly Node[], place: Place) {
    this.#bin = bin;
    this.#place = place;
    this.#folder = folder;
    this.#epmdPort = epmdPort;
    this.#nodes = nodes;
  }

  /** Starts `size` nodes, which join by themselves (peer discovery from the configuration), on the loopback or in another place. */
  static async start(size = 1, place = loopback): Promise<RabbitmqCluster> {
    const bin = findRabbitmq();
    if (!bin) throw new Error(whyNoRabbitmq());
    const folder = mkdtempSync(join(tmpdir(), 'atalaia-rabbitmq-'));
    const [epmdPort, ...ports] = await freePorts(1 + 3 * size);
    const nodes = Array.from({ length: size }, (_, i): Node => {
      const name = `r${i + 1}@localhost`;
      const [amqpPort, distPort, apiPort] = ports.slice(3 * i, 3 * i + 3) as [number, number, number];
      return { name, folder: join(folder, `r${i + 1}`), amqpPort, distPort, apiPort, process: undefined };
    });
    // The cookie is what lets nodes talk to each other; Erlang wants it readable by its owner only.
    writeFileSync(join(folder, '.erlang.cookie'), randomBytes(16).toString('hex').toUpperCase(), {
      mode: 0o400,
    });
    for (const node of nodes) {
      mkdirSync(node.folder);
      writeFileSync(join(node.folder, 'rabbitmq.conf'), settings(node, nodes, place.host));
      writeFileSync(join(node.folder, 'enabled_plugins'), '[rabbitmq_management].\n');
    }
    const cluster = new RabbitmqCluster(bin, folder, epmdPort as number, nodes, place);
    try {
      await Promise.all(nodes.map((_, i) => cluster.startNode(i)));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** AMQP addresses of the nodes, in the order of their numbers. */
  get urls(): readonly string[] {
    return this.#nodes.map(({ amqpPort }) => `amqp://guest:guest@${this.#place.host}:${amqpPort}`);
  }

  /** Starts a node that does not run; resolves when it takes clients. */
  async startNode(index: number): Promise<void> {
    const node = this.#node(index);
    const [program, args] = commandIn(this.#place, join(this.#bin, 'rabbitmq-server'));
    const child = spawn(program, args, {
      cwd: node.folder,
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore'],
      env: {
        PATH: process.env.PATH,
        LANG: 'C.UTF-8',
        HOME: this.#folder,
        ERL_EPMD_ADDRESS: '127.0.0.1',
        ERL_EPMD_PORT: String(this.#epmdPort),
        RABBITMQ_NODENAME: node.name,
        RABBITMQ_DIST_PORT: String(node.distPort),
        RABBITMQ_MNESIA_BASE: join(node.folder, 'data'),
        RABBITMQ_LOG_BASE: join(node.folder, 'log'),
        RABBITMQ_PID_FILE: join(node.folder, 'pid'),
        RABBITMQ_CONFIG_FILE: join(node.folder, 'rabbitmq'),
        RABBITMQ_CONF_ENV_FILE: 'none',
        RABBITMQ_ENABLED_PLUGINS_FILE: join(node.folder, 'enabled_plugins'),
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
          '-kernel inet_dist_use_interface {127,0,0,1} net_ticktime 8 +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none',
      },
    });
    node.process = child;
    const until = performance.now() + START_LIMIT_MS;
    while (!(await takesConnections(this.#place.host, node.amqpPort))) {
      if (child.exitCode !== null || performance.now() > until)
        throw new Error(`RabbitMQ node ${node.name} does not start: ${this.log(index).slice(-3000)}`);
      await pause(100);
    }
  }

  /** `kill -9` of a node: the loss of its process, its files stay. */
  async kill(index: number): Promise<void> {
    const node = this.#node(index);
    const child = node.process;
    node.process = undefined;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    // The group: the script's shell, the virtual machine and its port programs, which it started.
    process.kill(-child.pid, 'SIGKILL');
    await gone;
  }

  /** Drops every client connection of all nodes, as a fault of the network would. */
  async dropConnections(): Promise<number> {
    const found = (await this.api('GET', '/api/connections')) as { name: string }[];
    for (const { name } of found) await this.api('DELETE', `/api/connections/${encodeURIComponent(name)}`);
    return found.length;
  }

  /** A request to the management interface of a node. */
  async api(method: string, path: string, body?: unknown, index = 0): Promise<unknown> {
    const response = await fetch(`http://${this.#place.host}:${this.#node(index).apiPort}${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}`,
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok && response.status !== 404)
      throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** The number of the node that leads a stream or quorum queue. */
  async leaderOf(queue: string, by = 0): Promise<number> {
    const found = (await this.api('GET', `/api/queues/%2F/${encodeURIComponent(queue)}`, undefined, by)) as {
      node?: string;
    };
    return this.#nodes.findIndex(({ name }) => name === found.node);
  }

  /** What a node wrote to its log. */
  log(index: number): string {
    const node = this.#node(index);
    const path = join(node.folder, 'log', `${node.name}.log`);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((_, i) => this.kill(i)));
    await this.#stopPortMapper();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  /** The first node started a port mapper (epmd) on our port as a daemon: it is told to end by its own protocol. */
  async #stopPortMapper(): Promise<void> {
    // KILL_REQ; it is refused while the mapper still believes a node to be alive.
    for (let tries = 0; tries < 20 && (await this.#killRequest()); tries++) await pause(100);
  }

  /** Whether a port mapper answered. */
  #killRequest(): Promise<boolean> {
    return new Promise((done) => {
      const socket = connect(this.#epmdPort, '127.0.0.1', () => {
        socket.write(Buffer.from([0, 1, 'k'.charCodeAt(0)]));
      });
      socket.setTimeout(2000, () => socket.destroy());
      socket.on('data', () => undefined);
      socket.on('error', () => done(false));
      socket.on('close', () => done(true));
    });
  }

  #node(index: number): Node {
    const node = this.#nodes[index];
    if (!node) throw new Error(`The cluster has no node ${index}.`);
    return node;
  }
}

/** A listening port is not enough while the node still boots: it must answer the protocol header. */
function takesConnections(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, host, () => socket.write(Buffer.from([65, 77, 81, 80, 0, 0, 9, 1])));
    const end = (isUp: boolean): void => {
      socket.destroy();
      done(isUp);
    };
    socket.setTimeout(2000, () => end(false));
    socket.once('data', () => end(true));
    socket.once('error', () => end(false));
    socket.once('close', () => done(false));
  });
}

/** Times are short, so that what happens after a minute elsewhere can be tested. */
function settings(node: Node, nodes: readonly Node[], host: string): string {
  return [
    `listeners.tcp.1 = ${host}:${node.amqpPort}`,
    `management.tcp.ip = ${host}`,
    `management.tcp.port = ${node.apiPort}`,
    'cluster_partition_handling = pause_minority',
    'cluster_formation.peer_discovery_backend = classic_config',
    ...nodes.map(({ name }, i) => `cluster_formation.classic_config.nodes.${i + 1} = ${name}`),
    // The only user of a new node; by default it may come from the loopback interface alone.
    'loopback_users = none',
    'log.file.level = info',
    'collect_statistics_interval = 1000',
    'vm_memory_high_watermark.absolute = 1GB',
    'disk_free_limit.absolute = 50MB',
    '',
  ].join('\n');
}
