import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  openRabbitSource,
  type RabbitMessage,
  type RabbitSource,
  type RabbitSourceOptions,
} from '../../src/ingest/sources/rabbitmq/source.ts';
import { loadClient } from '../../src/log/rabbitmq/client.ts';
import { RabbitmqCluster, whyNoRabbitmq } from '../servers/rabbitmq.ts';

const reason = whyNoRabbitmq();
const textOf = (message: RabbitMessage): string => Buffer.from(message.body).toString();

async function eventually(isSo: () => boolean | Promise<boolean>, forMs = 20_000): Promise<void> {
  const until = performance.now() + forMs;
  let isSoNow = await isSo();
  while (!isSoNow && performance.now() < until) {
    await new Promise((done) => setTimeout(done, 20));
    isSoNow = await isSo();
  }
  expect(isSoNow).toBe(true);
}

describe.skipIf(reason !== undefined)(
  `messages from an exchange of RabbitMQ${reason ? ` (${reason})` : ''}`,
  () => {
    let cluster: RabbitmqCluster;
    let connection: ChannelModel;
    let channel: ConfirmChannel;
    let queue = '';
    let queues = 0;
    const opened: RabbitSource[] = [];
    beforeAll(async () => {
      cluster = await RabbitmqCluster.start(1);
    }, 300_000);
    afterAll(() => cluster?.stop());
    beforeEach(async () => {
      connection = await (await loadClient()).connect(cluster.urls[0] as string);
      connection.on('error', () => undefined);
      channel = await connection.createConfirmChannel();
      await channel.assertExchange('stations', 'topic', { durable: true });
      queue = `atalaia-${queues++}`;
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((source) => source.close()));
      await connection.close().catch(() => undefined);
    });

    const open = async (more: Partial<RabbitSourceOptions>): Promise<RabbitSource> => {
      const source = await openRabbitSource({
        urls: cluster.urls,
        exchange: 'stations',
        routingKey: `${queue}.#`,
        queue,
        retryAfterMs: 20,
        onMessage: async () => undefined,
        ...more,
      });
      opened.push(source);
      return source;
    };
    const send = async (...texts: string[]): Promise<void> => {
      for (const text of texts)
        channel.publish('stations', `${queue}.rs`, Buffer.from(text), { persistent: true });
      await channel.waitForConfirms();
    };
    /** What the queue still has for the next consumer; a closed source has given everything back. */
    const left = async (): Promise<number> => (await channel.checkQueue(queue)).messageCount;

    test('brings messages in order, and acknowledges each only when its handler has resolved', async () => {
      const seen: string[] = [];
      let release = (): void => undefined;
      const held = new Promise<void>((done) => {
        release = done;
      });
      const source = await open({
        prefetch: 3,
        onMessage: async (message) => {
          seen.push(textOf(message));
          await held;
        },
      });
      await send('1', '2', '3', '4', '5');
      await eventually(() => seen.length === 3);
      await new Promise((done) => setTimeout(done, 200));
      expect(seen).toEqual(['1', '2', '3']);
      release();
      await eventually(() => seen.length === 5);
      expect(seen).toEqual(['1', '2', '3', '4', '5']);
      await source.close();
      await eventually(async () => (await left()) === 0);
    });

    test('a message that was in hand when the connection went comes again', async () => {
      const deliveries: number[] = [];
      let release = (): void => undefined;
      const held = new Promise<void>((done) => {
        release = done;
      });
      const source = await open({
        onMessage: async (message) => {
          deliveries.push(message.delivery);
          if (deliveries.length === 1) await held;
        },
      });
      await send('a');
      await eventually(() => deliveries.length === 1);
      await eventually(async () => (await cluster.dropConnections()) > 0);
      await eventually(() => deliveries.length === 2);
      // The first answer is for a channel that is gone: it must not disturb the new one.
      release();
      connection = await (await loadClient()).connect(cluster.urls[0] as string);
      channel = await connection.createConfirmChannel();
      await send('b');
      await eventually(() => deliveries.length === 3);
      expect(deliveries).toEqual([1, 2, 1]);
      await source.close();
      expect(await left()).toBe(0);
    });

    test('what fails comes back until it is taken; the others pass', async () => {
      const deliveries: number[] = [];
      const seen: string[] = [];
      const source = await open({
        onMessage: async (message) => {
          if (textOf(message) === 'late') {
            deliveries.push(message.delivery);
            if (deliveries.length < 7) throw new Error('not yet');
          }
          seen.push(textOf(message));
        },
      });
      await send('1', 'late', '2');
      await eventually(() => seen.length === 3);
      expect(deliveries).toEqual([1, 2, 3, 4, 5, 6, 7]);
      expect(seen).toEqual(['1', '2', 'late']);
      await source.close();
      expect(await left()).toBe(0);
    });

    test('goes on by itself after the connection was lost, and loses nothing', async () => {
      const seen = new Set<string>();
      const events: string[] = [];
      await open({
        onMessage: async (message) => void seen.add(textOf(message)),
        onEvent: ({ kind }) => void events.push(kind),
      });
      await send('before');
      await eventually(() => seen.has('before'));
      await eventually(async () => (await cluster.dropConnections()) > 0);
      connection = await (await loadClient()).connect(cluster.urls[0] as string);
      channel = await connection.createConfirmChannel();
      await send('after');
      await eventually(() => seen.has('after'));
      expect(events).toEqual(['unreachable', 'reachable']);
    });

    test('an exchange that is not there is told', async () => {
      await expect(open({ exchange: 'nowhere' })).rejects.toMatchObject({
        code: 'ATL_CONFIG',
        message: expect.stringContaining('nowhere'),
      });
    });
  },
);
