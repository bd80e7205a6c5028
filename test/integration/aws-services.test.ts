import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CheckpointStore } from '../../src/app/checkpoints/checkpoints.ts';
import type { Outcome } from '../../src/delivery/channel.ts';
import { createSns, type SnsConfig, snsConfig } from '../../src/delivery/channels/sns.ts';
import type { AlertEvent } from '../../src/model/alert.ts';
import { checkpointMediumConformance } from '../../src/store/checkpoints/conformance.ts';
import { openS3Checkpoints } from '../../src/store/checkpoints/s3/medium.ts';
import { MotoServer, whyNoMoto } from '../servers/moto.ts';

// S3 and SNS as a deployment uses them, against an emulator.

const reason = whyNoMoto();
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
let server: MotoServer;
let s3: S3Client;
const access = () => ({ region: 'us-east-1', endpoint: server.endpoint, credentials });
const before = { ...process.env };

beforeAll(async () => {
  if (reason !== undefined) return;
  server = await MotoServer.start();
  Object.assign(process.env, server.env);
  s3 = new S3Client({ ...access(), forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: 'atalaia-test' }));
});
afterAll(async () => {
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION']) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
  s3?.destroy();
  await server?.stop();
});

describe.skipIf(reason !== undefined)(`checkpoints on S3${reason ? ` (${reason})` : ''}`, () => {
  let prefixes = 0;
  const open = (prefix: string, more: object = {}) =>
    openS3Checkpoints({
      bucket: 'atalaia-test',
      prefix,
      region: 'us-east-1',
      endpoint: server.endpoint,
      holds: async () => true,
      monotonicMs: () => performance.now(),
      ...more,
    });

  checkpointMediumConformance('S3', {
    open: () => open(`conformance-${++prefixes}`),
    beside: () => open(`conformance-${prefixes}/`),
  });

  test('more than one page of a listing is read', async () => {
    const medium = await open('pages');
    const offsets = Array.from({ length: 1005 }, (_, i) => i * 3);
    for (const offset of offsets) await medium.write(0, offset, new Uint8Array([1]));
    expect(await medium.offsets(0)).toEqual(offsets);
    await medium.remove(0, offsets.slice(1), undefined);
    expect(await medium.offsets(0)).toEqual([0]);
  });

  test('who was replaced removes nothing, also when the answer about it came too late', async () => {
    let now = 0;
    const held = { partition: 1, epoch: 4 };
    const medium = await open('fenced', {
      monotonicMs: () => now,
      holds: async (partition: number, epoch: number) => {
        now += partition === 2 ? 6000 : 1;
        return epoch === held.epoch;
      },
    });
    for (const partition of [1, 2]) await medium.write(partition, 9, new Uint8Array([1]));
    await medium.remove(1, [9], 3);
    await medium.remove(2, [9], 4);
    expect([await medium.offsets(1), await medium.offsets(2)]).toEqual([[9], [9]]);
    await medium.remove(1, [9], 4);
    expect(await medium.offsets(1)).toEqual([]);
  });

  test('objects of others under the prefix are left alone', async () => {
    const Bucket = 'atalaia-test';
    await s3.send(new PutObjectCommand({ Bucket, Key: 'mixed/0/readme.txt', Body: 'x' }));
    const store = new CheckpointStore(await open('mixed'), () => {});
    for (const offset of [10, 20, 30]) await store.writeSealed(0, offset, new Uint8Array([1]));
    expect(await store.thin(0, [30])).toEqual([20, 30]);
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'mixed/' }));
    expect(Contents?.map(({ Key }) => Key)).toEqual([
      'mixed/0/0000000000000020.ckpt',
      'mixed/0/0000000000000030.ckpt',
      'mixed/0/readme.txt',
    ]);
  });

  test('a bucket that is not there is a wrong configuration; S3 that is away is no damaged checkpoint', async () => {
    await expect(open('x', { bucket: 'nobody-has-this' })).rejects.toMatchObject({
      code: 'ATL_CONFIG',
      message: expect.stringContaining('nobody-has-this'),
    });
    const away = await MotoServer.start();
    const other = new S3Client({ ...access(), endpoint: away.endpoint, forcePathStyle: true });
    await other.send(new CreateBucketCommand({ Bucket: 'atalaia-test' }));
    other.destroy();
    const medium = await open('x', { endpoint: away.endpoint });
    await medium.write(0, 1, new Uint8Array([1]));
    await away.stop();
    const told: unknown[] = [];
    const store = new CheckpointStore(medium, (...passed) => told.push(passed));
    await expect(store.newest(0, 1)).rejects.toMatchObject({ code: 'ATL_STORE' });
    await expect(medium.read(0, 1)).rejects.toMatchObject({ code: 'ATL_STORE' });
    expect(told).toEqual([]);
  });
});

const event: AlertEvent = {
  alert: '0123456789abcdef0123456789abcdef',
  revision: 1,
  event: 'raised',
  rule: 'chuva-intensa',
  hazard: 'rain',
  subject: { kind: 'station', id: 'A801' },
  level: 'red',
  onsetAt: 1_714_500_000_000,
  at: 1_714_500_000_000,
  issuedAt: 1_714_500_001_000,
  evidence: [],
};

describe.skipIf(reason !== undefined)(`the channel sns${reason ? ` (${reason})` : ''}`, () => {
  async function deliver(settings: Partial<SnsConfig>, address?: string): Promise<Outcome> {
    const config = snsConfig.parse({
      kind: 'sns',
      region: 'us-east-1',
      endpoint: server.endpoint,
      ...settings,
    });
    const channel = createSns(config, { environment: 'exercise' });
    const body = '{"alert":"0123"}';
    try {
      return await channel.deliver(
        { key: 'key-1', event, body, ...(address === undefined ? {} : { address }) },
        new AbortController().signal,
      );
    } finally {
      await channel.close();
    }
  }

  /** A topic and a queue that is subscribed to it. */
  async function topicWithQueue(
    name: string,
  ): Promise<{ topic: string; received: () => Promise<unknown[]> }> {
    const sns = new SNSClient(access());
    const sqs = new SQSClient(access());
    const Attributes = name.endsWith('.fifo') ? { FifoTopic: 'true' } : undefined;
    const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: name, Attributes }));
    const queue = await sqs.send(
      new CreateQueueCommand({
        QueueName: name,
        ...(Attributes ? { Attributes: { FifoQueue: 'true' } } : {}),
      }),
    );
    const { QueueUrl } = queue;
    const found = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: found.Attributes?.QueueArn }));
    const received = async (): Promise<unknown[]> => {
      const answer = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      return (answer.Messages ?? []).map(({ Body = '' }) => JSON.parse(Body));
    };
    return { topic: TopicArn, received };
  }

  test('publishes the alert event to the topic, with what subscribers filter by', async () => {
    const { topic, received } = await topicWithQueue('alerts');
    expect(await deliver({ topic })).toMatchObject({
      kind: 'delivered',
      receipt: expect.stringMatching(/^SNS /),
    });
    const values = (all: object): object =>
      Object.fromEntries(Object.entries(all).map(([name, { Value }]) => [name, Value]));
    const [message] = (await received()) as { Message: string; MessageAttributes: object }[];
    expect(message?.Message).toBe('{"alert":"0123"}');
    expect(values(message?.MessageAttributes ?? {})).toEqual({
      environment: 'exercise',
      event: 'raised',
      level: 'red',
      rule: 'chuva-intensa',
      hazard: 'rain',
      idempotencyKey: 'key-1',
    });
  });

  test('a FIFO topic takes a repeated delivery once', async () => {
    const { topic, received } = await topicWithQueue('alerts.fifo');
    for (const _ of [1, 2]) expect(await deliver({ topic })).toMatchObject({ kind: 'delivered' });
    expect(await received()).toHaveLength(1);
  });

  test('sends a text message to the telephone number, which says that it is a drill', async () => {
    expect(await deliver({}, '+5551999998888')).toMatchObject({ kind: 'delivered' });
    expect((await server.texts()).at(-1)).toEqual({
      number: '+5551999998888',
      text: 'EXERCICIO: Grande perigo: Chuvas intensas, A801',
    });
  });

  test('what is no number, or has nowhere to go, is rejected; a server that is away is tried again', async () => {
    const sent = (await server.texts()).length;
    expect(await deliver({}, '51 99999-8888')).toMatchObject({ kind: 'rejected' });
    expect(await deliver({})).toMatchObject({ kind: 'rejected' });
    expect(await deliver({ endpoint: 'http://127.0.0.1:9' }, '+5551999998888')).toMatchObject({
      kind: 'retry-later',
    });
    expect(await server.texts()).toHaveLength(sent);
  });
});
