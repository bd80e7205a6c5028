import type { Producer } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { ID_HEADER, openKafkaTopic } from '../../src/log/kafka/kafka-topic.ts';
import type { Log, LogEntry } from '../../src/log/log.ts';
import { KafkaCluster, whyNoKafka } from '../servers/kafka.ts';

// What others do to a topic: transactions that leave holes, compression, missing keys and values, retention.

const reason = whyNoKafka();
let cluster: KafkaCluster;
let client: typeof import('@platformatic/kafka');

const textOf = ({ key, payload }: LogEntry): string => `${key}:${Buffer.from(payload).toString()}`;
const open = (topic: string, more: object = {}): Promise<Log> =>
  openKafkaLog({ brokers: cluster.brokers, topic, partitions: 1, groupPrefix: `${topic}-`, ...more });
const message = (topic: string, value: string) => ({
  topic,
  partition: 0,
  key: Buffer.from('k'),
  value: Buffer.from(value),
});

async function all(log: Log, until: number, limit = 1000): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for (let at = 0; at < until; ) {
    const more = await log.read(0, at, limit, 0);
    if (more.length === 0) break;
    entries.push(...more);
    at = more.at(-1)!.offset + 1;
  }
  return entries;
}

describe.skipIf(reason !== undefined)(
  `what others write to a topic of Kafka${reason ? ` (${reason})` : ''}`,
  () => {
    const producers: Producer[] = [];
    const producer = (more: object = {}): Producer => {
      const made = new client.Producer({
        clientId: 'foreign',
        bootstrapBrokers: [...cluster.brokers],
        ...more,
      });
      producers.push(made);
      return made;
    };
    beforeAll(async () => {
      client = await import('@platformatic/kafka');
      cluster = await KafkaCluster.start(1);
    }, 300_000);
    afterAll(async () => {
      await Promise.all(producers.map((one) => one.close().catch(() => undefined)));
      await cluster?.stop();
    });

    test('aborted transactions are not read, committed ones are, and their markers leave holes', async () => {
      const log = await open('transactions');
      const foreign = producer({ idempotent: true, transactionalId: 'foreign' });
      await log.append([{ partition: 0, key: 'k', payload: Buffer.from('first') }]);
      const committed = await foreign.beginTransaction();
      await committed.send({ messages: ['c1', 'c2'].map((value) => message('transactions', value)) });
      await log.append([{ partition: 0, key: 'k', payload: Buffer.from('between') }]);
      await committed.commit();
      const aborted = await foreign.beginTransaction();
      await aborted.send({ messages: ['a1', 'a2'].map((value) => message('transactions', value)) });
      await log.append([{ partition: 0, key: 'k', payload: Buffer.from('beside') }]);
      await aborted.abort();
      const [last] = await log.append([{ partition: 0, key: 'k', payload: Buffer.from('last') }]);
      for (const limit of [1000, 1]) {
        const entries = await all(log, last! + 1, limit);
        expect(entries.map(textOf)).toEqual(
          ['first', 'c1', 'c2', 'between', 'beside', 'last'].map((text) => `k:${text}`),
        );
        expect(entries.at(-1)!.offset).toBe(last);
      }
      // A position in a hole is no gap: what comes next is read.
      const { next } = await log.bounds(0);
      expect(next).toBe(9 + 1 - 0);
      const fromMarker = await log.read(0, 4, 1, 1000);
      expect(textOf(fromMarker[0]!)).toBe('k:beside');
      await log.close();
    });

    test('a read that may not wait passes over more aborted records than one fetch brings', async () => {
      const log = await open('long-abort');
      const foreign = producer({ idempotent: true, transactionalId: 'long' });
      const aborted = await foreign.beginTransaction();
      for (let i = 0; i < 5; i++)
        await aborted.send({ messages: [message('long-abort', 'x'.repeat(600 << 10))] });
      await aborted.abort();
      await log.append([{ partition: 0, key: 'k', payload: Buffer.from('behind') }]);
      expect((await log.read(0, 0, 10, 0)).map(textOf)).toEqual(['k:behind']);
      await log.close();
    });

    test('a transaction that is open holds back what lies behind it, until it ends', async () => {
      const log = await open('pending');
      const foreign = producer({ idempotent: true, transactionalId: 'slow' });
      const pending = await foreign.beginTransaction();
      await pending.send({ messages: [message('pending', 'p')] });
      await log.append([{ partition: 0, key: 'k', payload: Buffer.from('behind') }]);
      expect(await log.read(0, 0, 10, 300)).toEqual([]);
      const waiting = log.read(0, 0, 10, 20_000);
      await pending.commit();
      expect((await waiting).map(textOf)).toEqual(['k:p', 'k:behind']);
      await log.close();
    });

    test('reads what others compress, and records without key or value', async () => {
      const log = await open('compressed');
      const foreign = producer();
      for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const)
        await foreign.send({ messages: [message('compressed', compression)], compression, acks: -1 });
      await foreign
        .send({
          messages: [{ topic: 'compressed', partition: 0 } as unknown as ReturnType<typeof message>],
          acks: -1,
        })
        .catch(() => undefined);
      await log.append([{ partition: 0, key: 'k', payload: Buffer.from('own') }]);
      const { next } = await log.bounds(0);
      const texts = (await all(log, next)).map(textOf);
      expect(texts.slice(0, 4)).toEqual(['k:gzip', 'k:snappy', 'k:lz4', 'k:zstd']);
      expect(texts.at(-1)).toBe('k:own');
      await log.close();
    });

    test('what retention removed is a gap that is named, also for a read that waits', async () => {
      const log = await open('retained', { retentionMs: 300 });
      await log.append([{ partition: 0, key: 'k', payload: Buffer.from('old') }]);
      const until = Date.now() + 30_000;
      while ((await log.bounds(0)).oldest === 0 && Date.now() < until)
        await new Promise((done) => setTimeout(done, 100));
      for (const waitMs of [0, 1000]) {
        await expect(log.read(0, 0, 1, waitMs)).rejects.toMatchObject({
          code: 'ATL_LOG_GAP',
          message: expect.stringMatching(/\b0\b.*\b1\b/),
        });
      }
      await log.close();
    });

    test('a topic that is deleted and made anew is not taken for the old one', async () => {
      const log = await open('remade');
      await log.append([{ partition: 0, key: 'k', payload: Buffer.from('old') }]);
      const admin = new client.Admin({ clientId: 'foreign', bootstrapBrokers: [...cluster.brokers] });
      await admin.deleteTopics({ topics: ['remade'] });
      const other = await open('remade');
      await expect(log.read(0, 0, 1, 5000)).rejects.toMatchObject({ code: 'ATL_LOG_DAMAGED' });
      await other.close();
      await log.close();
      await admin.close();
    });

    test('writes an alert once: repeats, also after a restart, are dropped by their id', async () => {
      const options = { brokers: cluster.brokers, topic: 'alerts', partitions: 3, tail: 100 };
      const first = await openKafkaTopic(options);
      await Promise.all([1, 2, 3, 4].map((n) => first.put('a', `${n}`, `a/${n}`)));
      await Promise.all([
        first.put('a', '4 again', 'a/4'),
        first.put('b', '1', 'b/1'),
        first.put('b', '1', 'b/1'),
      ]);
      await first.close();
      const second = await openKafkaTopic(options);
      await second.put('a', '3 again', 'a/3');
      await second.put('a', '5', 'a/5');
      await second.close();
      const log = await openKafkaLog({ ...options, groupPrefix: 'x-' });
      const entries: LogEntry[] = [];
      for (const partition of [0, 1, 2]) entries.push(...(await log.read(partition, 0, 100)));
      expect(entries.filter(({ key }) => key === 'a').map(textOf)).toEqual([
        'a:1',
        'a:2',
        'a:3',
        'a:4',
        'a:5',
      ]);
      expect(entries.filter(({ key }) => key === 'b').map(textOf)).toEqual(['b:1']);
      expect(ID_HEADER).toBe('atalaia-id');
      await log.close();
    });

    test('a cluster that asks for a user: the right one is let in, the wrong one is told so', async () => {
      const guarded = await KafkaCluster.start(1, 'geheim');
      const as = (password: string): Promise<Log> =>
        openKafkaLog({
          brokers: guarded.brokers,
          topic: 'guarded',
          partitions: 1,
          sasl: { mechanism: 'PLAIN', username: 'atalaia', password },
        });
      try {
        const log = await as('geheim');
        expect(await log.append([{ partition: 0, key: 'k', payload: Buffer.from('v') }])).toEqual([0]);
        expect((await log.read(0, 0, 1, 1000)).map(textOf)).toEqual(['k:v']);
        await log.close();
        await expect(as('wrong')).rejects.toMatchObject({
          code: 'ATL_CONFIG',
          message: expect.stringContaining('log.sasl'),
        });
      } finally {
        await guarded.stop();
      }
    });
  },
);
