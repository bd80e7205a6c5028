import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, connect as openSocket } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { threadId } from 'node:worker_threads';
import { commandIn, loopback, type Place } from './network.ts';

// A real Apache Kafka in KRaft mode for tests: plain jars from Maven Central, run by the Java that is here.

export const KAFKA_VERSION = '4.3.1';
const run = promisify(execFile);
const root = join(process.env.ATALAIA_KAFKA_CACHE ?? join(homedir(), '.cache/atalaia/kafka'));
const jars = join(root, KAFKA_VERSION);
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>test</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
`;

function javaMajor(): number {
  try {
    const text = execFileSync('java', ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Number(/^\S+ (\d+)/.exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function hasMaven(): boolean {
  try {
    execFileSync('mvn', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function hasClient(): boolean {
  try {
    import.meta.resolve('@platformatic/kafka');
    return true;
  } catch {
    return false;
  }
}

/** Why no broker can be started here, with the remedy; undefined when one can. Maven brings the jars (44 MB) once. */
export function whyNoKafka(): string | undefined {
  if (!hasClient()) return 'no Kafka client: npm install @platformatic/kafka@2';
  if (javaMajor() < 17) return 'no Java 17: apt-get install openjdk-17-jre-headless';
  if (existsSync(jars)) return undefined;
  if (!hasMaven()) return 'no Kafka jars and no Maven to get them: apt-get install maven';
  const work = `${jars}.${process.pid}.${threadId}`;
  mkdirSync(work, { recursive: true });
  writeFileSync(join(work, 'pom.xml'), pom);
  const goal = ['-q', '-B', 'dependency:copy-dependencies', '-DincludeScope=runtime'];
  try {
    execFileSync('mvn', [...goal, `-DoutputDirectory=${work}`], {
      cwd: work,
      timeout: 240_000,
      stdio: 'ignore',
    });
    // Another run may have been first.
    if (!existsSync(jars)) renameSync(work, jars);
    return undefined;
  } catch {
    return existsSync(jars)
      ? undefined
      : `Maven could not get Kafka ${KAFKA_VERSION}: run mvn by hand in ${work}`;
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

interface Node {
  readonly id: number;
  readonly port: number;
  readonly folder: string;
  process: ChildProcess | undefined;
}

/** A running cluster of one or more nodes, each broker and controller. */
export class KafkaCluster {
  readonly brokers: readonly string[];
  readonly #folder: string;
  readonly #classPath: string;
  readonly #nodes: readonly Node[];
  readonly #place: Place;

  private constructor(folder: string, classPath: string, nodes: readonly Node[], place: Place) {
    this.#folder = folder;
    this.#classPath = classPath;
    this.#nodes = nodes;
    this.#place = place;
    this.brokers = nodes.map(({ port }) => `${place.host}:${port}`);
  }

  /**
   * Starts `size` nodes on free ports of the loopback, or of another place; with three, everything is kept on all of
   * them. With a `password` clients must show it as user `atalaia` (SASL, mechanism PLAIN).
   */
  static async start(size = 1, password?: string, place = loopback): Promise<KafkaCluster> {
    const classPath = `${jars}/*`;
    const folder = await mkdtemp(join(tmpdir(), 'atalaia-kafka-'));
    const ports = await freePorts(2 * size);
    const voters = Array.from({ length: size }, (_, i) => `${i + 1}@127.0.0.1:${ports[size + i]}`).join(',');
    const nodes = Array.from({ length: size }, (_, i): Node => {
      const node = {
        id: i + 1,
        port: ports[i] as number,
        folder: join(folder, `${i + 1}`),
        process: undefined,
      };
      mkdirSync(node.folder);
      writeFileSync(
        join(node.folder, 'server.properties'),
        properties(node, ports[size + i] as number, voters, size, password, place.host),
      );
      return node;
    });
    const cluster = new KafkaCluster(folder, classPath, nodes, place);
    const clusterId = '5L6g3nShT-eMCtK--X86sw';
    await Promise.all(
      nodes.map((node) =>
        run('java', [
          '-Xmx128m',
          '-cp',
          classPath,
          'kafka.tools.StorageTool',
          'format',
          '-t',
          clusterId,
          '-c',
          join(node.folder, 'server.properties'),
        ]),
      ),
    );
    try {
      await Promise.all(nodes.map((node) => cluster.startNode(node.id)));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Starts a node that does not run; resolves when it takes connections. */
  async startNode(id: number): Promise<void> {
    const node = this.#node(id);
    const out = openSync(join(node.folder, 'server.log'), 'a');
    const [program, args] = commandIn(this.#place, 'java');
    const child = spawn(
      program,
      [
        ...args,
        '-Xms96m',
        '-Xmx320m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
        '-cp',
        this.#classPath,
        'kafka.Kafka',
        join(node.folder, 'server.properties'),
      ],
      { stdio: ['ignore', out, out], cwd: node.folder },
    );
    node.process = child;
    const until = Date.now() + 120_000;
    while (!(await takesConnections(this.#place.host, node.port))) {
      if (child.exitCode !== null || Date.now() > until) {
        throw new Error(`Kafka node ${id} did not start: ${this.log(id).slice(-2000)}`);
      }
      await new Promise((done) => setTimeout(done, 100));
    }
  }

  /** Sends a signal to a node and waits until it is gone; SIGKILL is the loss of its machine. */
  async kill(id: number, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const node = this.#node(id);
    const child = node.process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
    node.process = undefined;
  }

  /** Lets a node hang (its connections stay open and nothing answers), or go on again. */
  hang(id: number, isHanging: boolean): void {
    this.#node(id).process?.kill(isHanging ? 'SIGSTOP' : 'SIGCONT');
  }

  /** What a node wrote to its log. */
  log(id: number): string {
    return readFileSync(join(this.#node(id).folder, 'server.log'), 'utf8');
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map(({ id }) => this.kill(id)));
    await rm(this.#folder, { recursive: true, force: true });
  }

  #node(id: number): Node {
    const node = this.#nodes.find((one) => one.id === id);
    if (!node) throw new Error(`The cluster has no node ${id}.`);
    return node;
  }
}

const takesConnections = (host: string, port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = openSocket(port, host, () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });

/** Configuration of a node; the times are short, so that what happens after minutes elsewhere can be tested. */
function properties(
  node: Node,
  controllerPort: number,
  voters: string,
  size: number,
  password: string | undefined,
  host: string,
): string {
  const sasl =
    password === undefined
      ? {}
      : {
          'sasl.enabled.mechanisms': 'PLAIN',
          'sasl.mechanism.inter.broker.protocol': 'PLAIN',
          'listener.name.clients.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required username="atalaia" password="${password}" user_atalaia="${password}";`,
        };
  const copies = Math.min(3, size);
  const needed = size >= 3 ? 2 : 1;
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': node.id,
    'controller.quorum.voters': voters,
    listeners: `CLIENTS://${host}:${node.port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `CLIENTS://${host}:${node.port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'CLIENTS',
    'listener.security.protocol.map': `CONTROLLER:PLAINTEXT,CLIENTS:${password === undefined ? 'PLAINTEXT' : 'SASL_PLAINTEXT'}`,
    ...sasl,
    'log.dirs': join(node.folder, 'data'),
    'auto.create.topics.enable': false,
    'default.replication.factor': copies,
    'min.insync.replicas': needed,
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': needed,
    'transaction.state.log.num.partitions': 2,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': needed,
    'broker.session.timeout.ms': Number(process.env.ATALAIA_KAFKA_SESSION_MS ?? 3000),
    'broker.heartbeat.interval.ms': 500,
    'group.initial.rebalance.delay.ms': 0,
    'group.consumer.min.session.timeout.ms': 1000,
    'group.consumer.session.timeout.ms': 3000,
    'group.consumer.min.heartbeat.interval.ms': 100,
    'group.consumer.heartbeat.interval.ms': 300,
    'log.retention.check.interval.ms': 500,
    'log.initial.task.delay.ms': 500,
    'file.delete.delay.ms': 100,
    'num.network.threads': 2,
    'num.io.threads': 2,
    'background.threads': 2,
  })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}
