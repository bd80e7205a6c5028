import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KinesisServer, whyNoKinesis } from '../servers/kinesis.ts';
import { MotoServer, whyNoMoto } from '../servers/moto.ts';
import { findPostgresql, PostgresqlServer } from '../servers/postgresql.ts';
import { freePort, root, temporaryFolder, until } from './server.ts';

// The container's own command, as the Dockerfile has it, with a configuration by environment variables alone, against
// emulators of Kinesis, S3, SNS and SQS and a real PostgreSQL.

const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
const listAfter = (word: string): string[] =>
  JSON.parse(new RegExp(`^\\s*${word} (\\[.*\\])$`, 'm').exec(dockerfile)?.[1] ?? 'null') as string[];
const command = [...listAfter('ENTRYPOINT'), ...listAfter('CMD(?= \\["start")')];
const health = listAfter('CMD(?= \\["node")');
const USER = 1000;

/** Lays a folder out as the image has it: what the Dockerfile copies, and nothing else. */
function layOut(image: string): void {
  const copied = [...dockerfile.matchAll(/^COPY --from=build \/app\/(\S+) /gm)].map(
    ([, path]) => path as string,
  );
  expect(copied).toEqual(expect.arrayContaining(['node_modules', 'src']));
  mkdirSync(image);
  for (const path of copied) {
    if (path === 'node_modules') symlinkSync(join(root, path), join(image, path));
    // The dashboard is built for the image; here it may not be.
    else if (existsSync(join(root, path))) cpSync(join(root, path), join(image, path), { recursive: true });
  }
}

/** A process of the container: cut off from our own variables, and not root, so that it can write to its data alone. */
class Container {
  readonly #child: ChildProcess;
  readonly ended: Promise<number>;
  output = '';

  constructor(
    image: string,
    [program = '', ...args]: readonly string[],
    env: Readonly<Record<string, string>>,
  ) {
    expect(program).toBe('node');
    const isRoot = process.getuid?.() === 0;
    this.#child = spawn(process.execPath, args, {
      cwd: image,
      env: { PATH: process.env.PATH ?? '', NODE_NO_WARNINGS: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(isRoot ? { uid: USER, gid: USER } : {}),
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output = (this.output + text).slice(-100_000);
      });
    this.ended = new Promise((resolve) => this.#child.once('close', (code) => resolve(code ?? -1)));
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<number> {
    this.#child.kill(signal);
    return this.ended;
  }
}

const reason =
  whyNoKinesis() ??
  whyNoMoto() ??
  (findPostgresql() ? undefined : 'no PostgreSQL: apt-get install postgresql');

describe.skipIf(reason !== undefined)(`the container's entry point${reason ? ` (${reason})` : ''}`, () => {
  const folder = temporaryFolder();
  const image = join(folder.path, 'app');
  const running: Container[] = [];
  let kinesis: KinesisServer;
  let moto: MotoServer;
  /** S3 alone, so that it can be away alone. */
  let storage: MotoServer;
  let database: PostgresqlServer;
  let s3: S3Client;
  let sqs: SQSClient;
  let queue: string;
  let env: Record<string, string>;
  let base: string;

  beforeAll(async () => {
    [kinesis, moto, storage, database] = await Promise.all([
      KinesisServer.start(),
      MotoServer.start(),
      MotoServer.start(),
      PostgresqlServer.start(),
    ]);
    const access = {
      region: 'us-east-1',
      endpoint: moto.endpoint,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    };
    s3 = new S3Client({ ...access, endpoint: storage.endpoint, forcePathStyle: true });
    sqs = new SQSClient(access);
    const sns = new SNSClient(access);
    await s3.send(new CreateBucketCommand({ Bucket: 'atalaia-checkpoints' }));
    const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'alerts' }));
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'alerts' }));
    queue = QueueUrl;
    const found = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: found.Attributes?.QueueArn }));
    sns.destroy();

    layOut(image);
    const data = join(folder.path, 'data');
    mkdirSync(data);
    if (process.getuid?.() === 0) for (const path of [folder.path, data]) chownSync(path, USER, USER);
    const port = await freePort();
    base = `http://127.0.0.1:${port}`;
    const channel = { kind: 'sns', region: 'us-east-1', endpoint: moto.endpoint };
    env = {
      ...moto.env,
      ATALAIA_ENVIRONMENT: 'exercise',
      ATALAIA_SERVER_ID: 'aws-test',
      ATALAIA_LOG_KIND: 'kinesis',
      ATALAIA_LOG_STREAM: 'atalaia-entry',
      ATALAIA_LOG_REGION: 'us-east-1',
      ATALAIA_LOG_CONSUMER: 'atalaia',
      ATALAIA_STORE_KIND: 'postgresql',
      ATALAIA_STORE_URL: database.url,
      ATALAIA_CHECKPOINTS_KIND: 's3',
      ATALAIA_CHECKPOINTS_BUCKET: 'atalaia-checkpoints',
      ATALAIA_CHECKPOINTS_REGION: 'us-east-1',
      ATALAIA_PIPELINE_PARTITIONS: '4',
      ATALAIA_PIPELINE_CHECKPOINTEVERY: '1s',
      ATALAIA_CHANNELS: JSON.stringify({ topic: { ...channel, topic: TopicArn }, sms: channel }),
      ATALAIA_SUBSCRIPTIONS: JSON.stringify([
        { name: 'topic', channel: 'topic', level: 'yellow', areas: 'all' },
        { name: 'duty', channel: 'sms', level: 'orange', areas: 'all', address: '+5551999998888' },
      ]),
      // Where the container differs from this machine: its volume, its port, its addresses of AWS.
      ATALAIA_DATA: data,
      ATALAIA_PORT: String(port),
      ATALAIA_LOG_ENDPOINT: kinesis.access.endpoint as string,
      ATALAIA_CHECKPOINTS_ENDPOINT: storage.endpoint,
    };
  }, 120_000);

  afterAll(async () => {
    for (const one of running) if (!one.hasEnded) await one.stop('SIGKILL');
    s3?.destroy();
    sqs?.destroy();
    await Promise.all([kinesis?.stop(), moto?.stop(), storage?.stop(), database?.stop()]);
    folder.remove();
  });

  /** Another task beside the first one: a volume and an address of its own. */
  async function otherTask(): Promise<Readonly<Record<string, string>>> {
    const data = join(folder.path, 'data-2');
    mkdirSync(data);
    if (process.getuid?.() === 0) chownSync(data, USER, USER);
    return { ATALAIA_DATA: data, ATALAIA_PORT: String(await freePort()) };
  }

  async function start(more: Readonly<Record<string, string>> = {}): Promise<Container> {
    const container = new Container(image, command, { ...env, ...more });
    running.push(container);
    await until(() => container.hasEnded || isHealthy(more), 90_000, 'the container to be healthy').catch(
      (cause) => {
        throw new Error(`It wrote:\n${container.output}`, { cause });
      },
    );
    expect(container.hasEnded, container.output).toBe(false);
    return container;
  }

  const isHealthy = (more: Readonly<Record<string, string>> = {}): boolean =>
    spawnSync(process.execPath, health.slice(1), { cwd: image, env: { ...env, ...more } }).status === 0;

  async function send(method: string, path: string, body: object): Promise<void> {
    const answer = await fetch(`${base}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.ok, await answer.text()).toBe(true);
  }
  const observedAt = new Date(Math.floor(Date.now() / 60_000 - 3) * 60_000).toISOString().replace('.000', '');
  /** Rain of one hour, mm; said again it is a correction. */
  const report = (rainfall: number): Promise<void> =>
    send('POST', '/api/v1/observations', {
      station: 'QUINTAL',
      observedAt,
      interval: 'PT1H',
      values: { rainfall },
    });

  /** Alert events that the queue behind the topic has got by now. */
  const events: { event: string; level: string; alert: string }[] = [];
  async function received(): Promise<typeof events> {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10 }),
    );
    for (const { Body = '{}', ReceiptHandle } of Messages) {
      events.push(JSON.parse((JSON.parse(Body) as { Message: string }).Message));
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle }));
    }
    return events;
  }

  test('the deployment on AWS sets no variable that is not tried here', () => {
    const service = readFileSync(join(root, 'deploy/aws/lib/service.ts'), 'utf8');
    const names = [...new Set(service.match(/\bATALAIA_[A-Z_]+/g))];
    // A replica and shards need more servers; test/integration/postgresql-*.test.ts has them.
    const elsewhere = ['ATALAIA_STORE_READURL', 'ATALAIA_STORE_SHARDS'];
    expect(names.length).toBeGreaterThan(12);
    expect(names.filter((name) => !(name in env) && !elsewhere.includes(name))).toEqual([]);
  });

  test('two tasks share the partitions, each with a consumer of its own', async () => {
    const tasks = [await start(), await start(await otherTask())];
    const consumers = (): Promise<string[]> =>
      kinesis.admin(async (client, sdk) => {
        const stream = { StreamName: 'atalaia-entry' };
        const { StreamDescriptionSummary: found } = await client.send(
          new sdk.DescribeStreamSummaryCommand(stream),
        );
        const { Consumers = [] } = await client.send(
          new sdk.ListStreamConsumersCommand({ StreamARN: found?.StreamARN }),
        );
        return Consumers.map(({ ConsumerName = '' }) => ConsumerName).sort();
      });
    expect(await consumers()).toEqual([1, 2].map((n) => expect.stringMatching(`^atalaia-[0-9a-f]{8}-${n}$`)));
    await until(
      () => tasks.every(({ output }) => output.includes('partitions taken')),
      60_000,
      'both tasks to hold partitions',
    );
    for (const task of tasks) expect(await task.stop('SIGTERM'), task.output).toBe(0);
    await until(async () => (await consumers()).length === 0, 20_000, 'the consumers to be gone');
  });

  test('an alert goes from the stream to topic and telephone; a restart goes on from the checkpoint on S3, and alerts do without it', async () => {
    expect(isHealthy()).toBe(false);
    const first = await start();
    await send('PUT', '/api/v1/stations/QUINTAL', {
      name: 'Quintal',
      latitude: -30.03,
      longitude: -51.22,
      altitude: 10,
      region: '4314902',
      timeZone: 'America/Sao_Paulo',
      interval: 'PT1H',
    });
    await report(35);
    await until(async () => (await received()).length > 0, 60_000, 'the alert in the queue');
    expect(events[0]).toMatchObject({ event: 'raised', level: 'orange', rule: 'chuva-intensa' });
    await until(async () => (await moto.texts()).length > 0, 30_000, 'the text message');
    expect((await moto.texts())[0]).toMatchObject({
      number: '+5551999998888',
      text: expect.stringMatching(/^EXERCICIO: Perigo: Chuvas intensas, Quintal/),
    });
    const metrics = await (await fetch(`${base}/metrics`)).text();
    expect(metrics).toMatch(/^atalaia_ready 1$/m);
    expect(metrics).toMatch(/^atalaia_outbox_oldest_seconds \d/m);
    expect(await first.stop('SIGTERM'), first.output).toBe(0);

    const { Contents = [] } = await s3.send(
      new ListObjectsV2Command({
        Bucket: 'atalaia-checkpoints',
        Prefix: 'atalaia/checkpoints/kinesis-atalaia-entry/',
      }),
    );
    expect(Contents.map(({ Key = '' }) => Key.split('/')[3]).sort()).toEqual(
      expect.arrayContaining(['0', '1', '2', '3']),
    );

    const second = await start();
    await report(70);
    await until(async () => (await received()).length > 1, 60_000, 'the escalation in the queue');
    // The alert of before the restart was gone on with, and nothing was told twice.
    expect(events.map(({ event, level }) => [event, level])).toEqual([
      ['raised', 'orange'],
      ['escalated', 'red'],
    ]);
    expect(events[1]?.alert).toBe(events[0]?.alert);
    expect(second.output).not.toMatch(/passed over|refold/);

    // Without S3 alerts go on: what was said was wrong, and the alert is taken back.
    await storage.stop();
    await report(1);
    await until(async () => (await received()).length > 2, 60_000, 'the end in the queue');
    expect(events[2]).toMatchObject({ event: 'ended', endReason: 'withdrawn' });
    await until(
      () => second.output.includes('checkpoint not kept'),
      60_000,
      'the word of the lost checkpoint',
    );
    expect([second.hasEnded, isHealthy()]).toEqual([false, true]);
    await second.stop('SIGKILL');
  });
});
