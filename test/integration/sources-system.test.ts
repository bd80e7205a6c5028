import { once } from 'node:events';
import { join } from 'node:path';
import { Producer, stringSerializers } from '@platformatic/kafka';
import type { ConfirmChannel } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { loadClient } from '../../src/log/rabbitmq/client.ts';
import { openSqliteLedger } from '../../src/store/ledger/sqlite/ledger.ts';
import { KafkaCluster, whyNoKafka } from '../servers/kafka.ts';
import { RabbitmqCluster, whyNoRabbitmq } from '../servers/rabbitmq.ts';
import { Feeder, LoadedSystem, type Send, seeded, tellSeed } from './fault-load.ts';
import { pause, temporaryFolder, until } from './server.ts';

// Stations that send to a broker of their own: a whole process takes them in from there, with poison between, while it and
// the broker are killed.

const KILLS = process.env.ATALAIA_TEST === 'all' ? 8 : 4;
const POISON = ['{"station":', 'no JSON at all', '{"any":"thing"}'];

/** A slow machine gets more batches; the list that is looked at later has room for 200, and some come twice. */
const MOST_POISON = 60;

/** A broker with something to publish to; `publish` resolves when the broker has the messages. */
interface Broker {
  readonly configuration: string;
  publish(messages: readonly { readonly key: string; readonly text: string }[]): Promise<void>;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

async function rabbitmq(): Promise<Broker> {
  const cluster = await RabbitmqCluster.start(1);
  let channel: ConfirmChannel | undefined;
  let gone: Promise<never>;
  const connect = async (): Promise<ConfirmChannel> => {
    const connection = await (await loadClient()).connect(cluster.urls[0] as string);
    connection.on('error', () => undefined);
    const made = await connection.createConfirmChannel();
    made.on('error', () => undefined);
    gone = once(made, 'close').then(() => Promise.reject(new Error('closed')));
    gone.catch(() => undefined);
    await made.assertExchange('stations', 'topic', { durable: true });
    return made;
  };
  channel = await connect();
  return {
    configuration: `sources: [ { kind: rabbitmq, urls: ["${cluster.urls[0]}"], exchange: stations, routingKey: "br.#", queue: warnings } ]\n`,
    async publish(messages) {
      try {
        channel ??= await connect();
        for (const { key, text } of messages)
          channel.publish('stations', `br.${key}`, Buffer.from(text), { persistent: true });
        await Promise.race([channel.waitForConfirms(), gone]);
      } catch (error) {
        channel = undefined;
        throw error;
      }
    },
    kill: () => cluster.kill(0),
    restart: () => cluster.startNode(0),
    stop: () => cluster.stop(),
  };
}

async function kafka(): Promise<Broker> {
  const cluster = await KafkaCluster.start(1);
  // A topic of others: here it is made by what is at hand.
  await (await openKafkaLog({ brokers: cluster.brokers, topic: 'observations', partitions: 3 })).close();
  const producer = new Producer({
    clientId: 'stations',
    bootstrapBrokers: [...cluster.brokers],
    serializers: stringSerializers,
    retries: 0,
    timeout: 3000,
  });
  return {
    configuration: `sources: [ { kind: kafka, brokers: ["${cluster.brokers[0]}"], topic: observations, group: warnings } ]\n`,
    async publish(messages) {
      await producer.send({
        acks: -1,
        messages: messages.map(({ key, text }) => ({ topic: 'observations', key, value: text })),
      });
    },
    kill: () => cluster.kill(1),
    restart: () => cluster.startNode(1),
    async stop() {
      await producer.close().catch(() => undefined);
      await cluster.stop();
    },
  };
}

const kinds = {
  RabbitMQ: { why: whyNoRabbitmq(), open: rabbitmq },
  Kafka: { why: whyNoKafka(), open: kafka },
};

// Both at once: they mostly wait.
describe.concurrent.each(Object.entries(kinds))('reports from %s', (name, { why, open }) => {
  const folder = temporaryFolder();
  let broker: Broker | undefined;
  let system: LoadedSystem | undefined;
  beforeAll(async () => {
    if (why === undefined) broker = await open();
  }, 300_000);
  afterAll(async () => {
    await system?.kill();
    await broker?.stop();
    folder.remove();
  });

  async function expectToldWhatIsNotThere(configuration: string): Promise<void> {
    const wrong = configuration
      .replace('exchange: stations', 'exchange: nowhere')
      .replace('topic: observations', 'topic: nowhere');
    const other = new LoadedSystem(folder.path, 'wrong', wrong);
    await expect(other.start()).rejects.toThrow(/sources: .*nowhere/s);
    expect(await other.program.ended).toBe(78);
  }

  const metric = async (url: string, line: string): Promise<number> => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return Number(
      text
        .split('\n')
        .find((one) => one.startsWith(line))
        ?.split(' ')
        .at(-1),
    );
  };

  test.skipIf(why !== undefined)(
    `none that the broker has is lost when we and the broker are killed, poison is kept aside, and what is not there is told at the start${why ? ` (skipped: ${why})` : ''}`,
    async () => {
      const random = seeded(tellSeed(`source ${name}`));
      const { configuration, publish, kill, restart } = broker as Broker;
      await expectToldWhatIsNotThere(configuration);
      system = new LoadedSystem(folder.path, 'source', configuration);
      await system.start();
      let poisoned = 0;
      let mustPoison = false;
      const send: Send = async (batch) => {
        const texts = batch.map((report) => JSON.stringify(report));
        // Most stations send by themselves, the last ten together; some send what nobody can read.
        const messages = texts.slice(0, -10).map((text, i) => ({ key: `S${i}`, text }));
        messages.push({ key: 'together', text: `[${texts.slice(-10).join(',')}]` });
        const hasPoison = (random() < 0.5 && poisoned < MOST_POISON) || mustPoison;
        if (hasPoison) {
          const text = POISON[poisoned % POISON.length] as string;
          messages.splice(Math.floor(random() * messages.length), 0, { key: 'broken', text });
        }
        const isTaken = await publish(messages).then(
          () => true,
          () => false,
        );
        if (isTaken && hasPoison) poisoned++;
        return isTaken;
      };
      const feeder = new Feeder(send);
      await feeder.more(3);
      for (let round = 0; round < KILLS; round++) {
        await feeder.sending();
        await pause(random() * 100);
        // We, in the middle of a batch; once the broker too.
        await system.kill();
        if (round === 1) {
          await kill();
          await restart();
        }
        await system.start();
        await feeder.more(2);
      }
      // The broker alone: we stay, and go on by ourselves.
      await kill();
      await until(
        async () => (await metric(system?.url ?? '', 'atalaia_source_up{')) === 0,
        120_000,
        'the loss of the broker to be told',
      );
      await restart();
      await feeder.more(3);
      await until(
        async () => (await metric(system?.url ?? '', 'atalaia_source_up{')) === 1,
        30_000,
        'the broker',
      );
      mustPoison = true;
      while (poisoned < POISON.length) await feeder.more(1);
      await publish([{ key: 'broken', text: 'the last poison' }]);
      const { url } = system;
      const shown = async (): Promise<string[]> => {
        const answer = await fetch(`${url}/api/v1/quarantine?limit=200`);
        return ((await answer.json()) as { items: { text: string }[] }).items.map(({ text }) => text);
      };
      await until(async () => (await shown()).includes('the last poison'), 60_000, 'the last poison');
      // It is kept before it is counted.
      await until(
        async () => (await metric(url, 'atalaia_records_total{what="quarantined"}')) > 0,
        30_000,
        'the count of what is kept aside',
      );
      await system.end(feeder);
      expect(system.program.stderr).toContain('source: quarantined');
      await system.verifyLog(feeder);
      const ledger = await openSqliteLedger({ path: join(system.data, 'ledger.sqlite') });
      const held = await ledger.held({ kind: 'quarantine', limit: 1000 });
      await ledger.close();
      const texts = new Set(held.map(({ payload }) => Buffer.from(payload).toString()));
      expect([...texts].sort()).toEqual([...POISON, 'the last poison'].sort());
      for (const { reason } of held) expect(reason).toMatch(/^(rabbitmq:warnings|kafka:observations): /);
      // Some twice: a batch is published again when its fate is not known, a message comes again after a kill.
      expect(held.length).toBeGreaterThan(poisoned);
      console.log(
        `${name}: ${poisoned + 1} poison messages acknowledged by the broker, ${held.length} kept aside`,
      );
    },
  );
});
