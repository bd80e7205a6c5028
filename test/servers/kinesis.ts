import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KinesisClient } from '@aws-sdk/client-kinesis';
import type { KinesisAccess } from '../../src/log/kinesis/client.ts';

// An emulator of AWS Kinesis for tests: kinesis-mock, as the npm package kinesis-local brings it.

const resolved = (name: string): string | undefined => {
  try {
    return fileURLToPath(import.meta.resolve(name));
  } catch {
    return undefined;
  }
};

function emulator(): string | undefined {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const main = join(folder, 'node_modules/kinesis-local/main.js');
    if (existsSync(main)) return main;
    if (folder === dirname(folder)) return undefined;
  }
}

/** Why no emulator can be started here, with the remedy; undefined when one can. */
export function whyNoKinesis(): string | undefined {
  if (!resolved('@aws-sdk/client-kinesis') || !resolved('@smithy/node-http-handler'))
    return 'no Kinesis client: npm install @aws-sdk/client-kinesis@3 @smithy/node-http-handler@4';
  if (!emulator()) return 'no emulator of Kinesis: npm install kinesis-local@0.6.2';
  return undefined;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

/** The emulator in a process of its own; it keeps everything in memory and knows no limits of throughput. */
export class KinesisServer {
  readonly access: KinesisAccess;
  readonly #port: number;
  readonly #tlsPort: number;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  constructor(folder: string, port: number, tlsPort: number) {
    this.#folder = folder;
    this.#port = port;
    this.#tlsPort = tlsPort;
    this.access = {
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${port}`,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    };
  }

  static async start(): Promise<KinesisServer> {
    const [port, tlsPort] = (await freePorts(2)) as [number, number];
    const server = new KinesisServer(await mkdtemp(join(tmpdir(), 'atalaia-kinesis-')), port, tlsPort);
    await server.#run();
    return server;
  }

  async #run(): Promise<void> {
    const main = emulator() as string;
    const changes = [
      'CREATE_STREAM',
      'SPLIT_SHARD',
      'MERGE_SHARDS',
      'REGISTER_STREAM_CONSUMER',
      'DEREGISTER_STREAM_CONSUMER',
    ];
    const child = spawn(process.execPath, [main], {
      cwd: this.#folder,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...process.env,
        ...Object.fromEntries(changes.map((name) => [`${name}_DURATION`, '20ms'])),
        KINESIS_MOCK_CERT_PATH: join(dirname(main), 'server.json'),
        KINESIS_MOCK_PLAIN_PORT: String(this.#port),
        KINESIS_MOCK_TLS_PORT: String(this.#tlsPort),
        SHARD_LIMIT: '1000',
        LOG_LEVEL: 'ERROR',
      },
    });
    this.#process = child;
    const until = Date.now() + 60_000;
    for (;;) {
      const isUp = await fetch(`http://127.0.0.1:${this.#port}/healthcheck`).then(
        (answer) => answer.ok,
        () => false,
      );
      if (isUp) return;
      if (child.exitCode !== null || Date.now() > until)
        throw new Error('The emulator of Kinesis did not start.');
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  /** One call of what an operator does. */
  async admin<T>(
    call: (client: KinesisClient, sdk: typeof import('@aws-sdk/client-kinesis')) => Promise<T>,
  ): Promise<T> {
    const sdk = await import('@aws-sdk/client-kinesis');
    const { NodeHttpHandler } = await import('@smithy/node-http-handler');
    const { region, endpoint, credentials } = this.access;
    const client = new sdk.KinesisClient({
      ...{ region: region!, endpoint: endpoint!, credentials: credentials! },
      requestHandler: new NodeHttpHandler(),
    });
    return call(client, sdk).finally(() => client.destroy());
  }

  /** All shards that the stream keeps, open or ended. */
  shardsOf(stream: string) {
    return this.admin(
      async (client, sdk) =>
        (await client.send(new sdk.ListShardsCommand({ StreamName: stream }))).Shards ?? [],
    );
  }

  /** Splits the stream's first shard at a quarter of all keys, and waits until it has happened. */
  async splitFirst(stream: string): Promise<void> {
    const before = await this.shardsOf(stream);
    await this.admin((client, sdk) =>
      client.send(
        new sdk.SplitShardCommand({
          StreamName: stream,
          ShardToSplit: before[0]?.ShardId,
          NewStartingHashKey: (2n ** 126n).toString(),
        }),
      ),
    );
    await this.#untilShards(stream, before.length + 2);
  }

  /** Merges the second half of what was split into the second of the first two shards. */
  async mergeRight(stream: string): Promise<void> {
    const before = await this.shardsOf(stream);
    await this.admin((client, sdk) =>
      client.send(
        new sdk.MergeShardsCommand({
          StreamName: stream,
          ShardToMerge: before.at(-1)?.ShardId,
          AdjacentShardToMerge: before[1]?.ShardId,
        }),
      ),
    );
    await this.#untilShards(stream, before.length + 1);
  }

  async #untilShards(stream: string, count: number): Promise<void> {
    const end = Date.now() + 20_000;
    while ((await this.shardsOf(stream)).length < count) {
      if (Date.now() > end) throw new Error(`Stream ${stream} did not get ${count} shards.`);
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  /** CPU time of the emulator, s; where the system tells. */
  async cpuSeconds(): Promise<number | undefined> {
    try {
      const stat = await readFile(`/proc/${this.#process?.pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[11]) + Number(fields[12])) / 100;
    } catch {
      return undefined;
    }
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child && child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
