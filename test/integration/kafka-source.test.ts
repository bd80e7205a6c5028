import { Producer, stringSerializers } from '@platformatic/kafka';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type KafkaMessage,
  type KafkaSource,
  type KafkaSourceOptions,
  openKafkaSource,
} from '../../src/ingest/sources/kafka/source.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { KafkaCluster, whyNoKafka } from '../servers/kafka.ts';
import { seeded, tellSeed } from './fault-load.ts';
import { pause, until } from './server.ts';

const reason = whyNoKafka();
const PARTITIONS = 6;
const textOf = ({ body }: KafkaMessage): string => Buffer.from(body).toString();

describe.skipIf(reason !== undefined)(
  `records of a topic of others${reason ? ` (skipped: ${reason})` : ''}`,
  () => {
    let cluster: KafkaCluster;
    let producer: Producer<string, string, string, string>;
    let topic = '';
    let topics = 0;
    const opened = new Set<KafkaSource>();
    beforeAll(async () => {
      cluster = await KafkaCluster.start(1);
      producer = new Producer({
        clientId: 'stations',
        bootstrapBrokers: [...cluster.brokers],
        serializers: stringSerializers,
      });
    }, 300_000);
    afterAll(async () => {
      await producer?.close();
      await cluster?.stop();
    });
    beforeEach(async () => {
      topic = `foreign-${topics++}`;
      await (await openKafkaLog({ brokers: cluster.brokers, topic, partitions: PARTITIONS })).close();
    });
    afterEach(async () => {
      await Promise.all([...opened].map((source) => source.close()));
      opened.clear();
    });

    const open = async (more: Partial<KafkaSourceOptions>): Promise<KafkaSource> => {
      const source = await openKafkaSource({
        brokers: cluster.brokers,
        topic,
        group: topic,
        from: 'oldest',
        onMessage: async () => undefined,
        ...more,
      });
      opened.add(source);
      return source;
    };
    const send = async (texts: readonly string[], partition?: number): Promise<void> => {
      const messages = texts.map((text) => ({
        topic,
        key: text,
        value: text,
        headers: new Map([['Content-Type', 'text/csv']]),
        ...(partition === undefined ? {} : { partition }),
      }));
      await producer.send({ acks: -1, messages });
    };
    const numbers = (from: number, to: number): string[] =>
      Array.from({ length: to - from }, (_, i) => String(from + i));

    test('come in the order of their partition, with their headers; who comes after begins behind them', async () => {
      const seen: KafkaMessage[] = [];
      const source = await open({ onMessage: async (message) => void seen.push(message) });
      await send(numbers(0, 500), 2);
      await until(() => seen.length === 500, 30_000, 'all');
      expect(seen.map(textOf)).toEqual(numbers(0, 500));
      expect(seen[0]).toMatchObject({ partition: 2, offset: 0 });
      expect(seen[0]?.headers.get('content-type')).toBe('text/csv');
      await source.close();
      await open({ onMessage: async (message) => void seen.push(message) });
      await send(['more'], 2);
      await until(() => seen.length > 500, 30_000, 'the next');
      expect(seen.slice(500).map(textOf)).toEqual(['more']);
    });

    test('the position stays before what is not handled yet: it comes again to the next', async () => {
      let isStopping = false;
      const hand: string[] = [];
      const source = await open({
        onMessage: async (message) => {
          if (textOf(message) === 'good') return;
          hand.push(textOf(message));
          // As a log that cannot write, until it is told to stop.
          await until(() => isStopping, 60_000, 'the stop');
          throw new Error('not written');
        },
      });
      await send(['good'], 0);
      await send(['bad', 'good'], 1);
      await until(() => hand.length > 0, 30_000, 'the bad one');
      // Longer than positions take to be written.
      await pause(1500);
      isStopping = true;
      await source.close();
      const again: string[] = [];
      await open({ onMessage: async (message) => void again.push(textOf(message)) });
      await until(() => again.length >= 2, 30_000, 'what was in hand');
      expect(again).toEqual(['bad', 'good']);
    });

    test('what failed is told and brought again, and holds up no other partition', async () => {
      const seen: string[] = [];
      const events: string[] = [];
      let failures = 2;
      await open({
        onMessage: async (message) => {
          if (message.partition === 3 && failures-- > 0) throw new Error('not yet');
          seen.push(textOf(message));
        },
        onEvent: ({ kind }) => void events.push(kind),
      });
      await send(['late'], 3);
      await send(['other'], 4);
      await until(() => seen.length === 2, 30_000, 'both');
      expect(seen).toEqual(['other', 'late']);
      expect(events).toEqual(['failed', 'failed']);
    });

    test('begins at the newest where it is told so, and keeps that place from then on', async () => {
      await send(['before'], 0);
      const seen: string[] = [];
      const source = await open({
        from: 'newest',
        onMessage: async (message) => void seen.push(textOf(message)),
      });
      // The place is kept when the partitions are given.
      await pause(2500);
      await source.close();
      await send(['while away'], 0);
      await open({ from: 'newest', onMessage: async (message) => void seen.push(textOf(message)) });
      await until(() => seen.length > 0, 30_000, 'what came meanwhile');
      expect(seen).toEqual(['while away']);
    });

    test('records that retention took before they were read are told as a gap', async () => {
      const seen: string[] = [];
      const source = await open({ onMessage: async (message) => void seen.push(textOf(message)) });
      await send(['read'], 0);
      await until(() => seen.length === 1, 30_000, 'the first');
      await source.close();
      await send(numbers(0, 10), 0);
      const log = await openKafkaLog({ brokers: cluster.brokers, topic, partitions: PARTITIONS });
      await log.trim([8]);
      await log.close();
      const events: object[] = [];
      await open({
        onMessage: async (message) => void seen.push(textOf(message)),
        onEvent: (event) => void events.push(event),
      });
      await until(() => seen.length === 4, 30_000, 'what is left');
      expect(seen).toEqual(['read', '7', '8', '9']);
      expect(events).toEqual([{ kind: 'gap', partition: 0, asked: 1, oldest: 8 }]);
    });

    test('a topic that is not there is told', async () => {
      await expect(open({ topic: 'nowhere' })).rejects.toMatchObject({
        code: 'ATL_CONFIG',
        message: expect.stringContaining('nowhere'),
      });
    });

    test('a storm of members that come and go loses nothing', async () => {
      const random = seeded(tellSeed('rebalance storm'));
      const handled = new Map<string, number>();
      const join = (): Promise<KafkaSource> =>
        open({
          onMessage: async (message) => {
            await pause(random() * 5);
            handled.set(textOf(message), (handled.get(textOf(message)) ?? 0) + 1);
          },
        });
      const members = [await join()];
      let sent = 0;
      let isOver = false;
      const sending = (async () => {
        while (!isOver) {
          await send(numbers(sent, sent + 20));
          sent += 20;
          await pause(20);
        }
      })();
      for (let change = 0; change < 24; change++) {
        await pause(random() * 400);
        if (members.length > 1 && (members.length === 4 || random() < 0.5)) {
          const leaver = members.splice(Math.floor(random() * members.length), 1)[0] as KafkaSource;
          opened.delete(leaver);
          await leaver.close();
        } else members.push(await join());
      }
      isOver = true;
      await sending;
      const stormAt = performance.now();
      await until(() => handled.size >= sent, 60_000, `all ${sent} records; ${handled.size} came`);
      expect([...handled.keys()].map(Number).sort((a, b) => a - b)).toEqual([...Array(sent).keys()]);
      const repeated = [...handled.values()].filter((times) => times > 1).length;
      console.log(
        `24 changes of the group under ${sent} records: all handled ${Math.round(performance.now() - stormAt)} ms after the last change, ${repeated} more than once`,
      );
    });
  },
);
