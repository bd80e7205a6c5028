import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type MqttMessage,
  type MqttSource,
  type MqttSourceEvent,
  type MqttSourceOptions,
  openMqttSource,
} from '../../src/ingest/sources/mqtt/source.ts';
import { Mosquitto, whyNoMosquitto } from '../servers/mosquitto.ts';
import { pause, until } from './server.ts';

const reason = whyNoMosquitto();
const textOf = ({ body }: MqttMessage): string => Buffer.from(body).toString();

describe.skipIf(reason !== undefined).each(['3.1.1', '5'] as const)(
  `messages of a broker, MQTT %s${reason ? ` (skipped: ${reason})` : ''}`,
  (version) => {
    let broker: Mosquitto;
    const clients = new Set<MqttClient>();
    const opened = new Set<MqttSource>();
    let tests = 0;
    beforeAll(async () => {
      broker = await Mosquitto.start();
    });
    afterAll(() => broker?.stop());
    afterEach(async () => {
      await Promise.all([...opened].map((source) => source.close()));
      await Promise.all([...clients].map((client) => client.endAsync(true)));
      opened.clear();
      clients.clear();
      tests++;
    });

    const open = async (more: Partial<MqttSourceOptions>): Promise<MqttSource> => {
      const source = await openMqttSource({
        urls: [broker.url],
        version,
        clientId: `atalaia-${version}-${tests}`,
        sessionS: 3600,
        inFlight: 20,
        retryMs: 200,
        topics: [`stations-${version}-${tests}/#`],
        takesRetained: false,
        onMessage: async () => undefined,
        openTimeoutMs: 5000,
        ...more,
      });
      opened.add(source);
      return source;
    };
    const publisher = async (more: IClientOptions = {}): Promise<MqttClient> => {
      const client = await mqtt.connectAsync(broker.url, { protocolVersion: 5, ...more });
      client.on('error', () => undefined);
      clients.add(client);
      return client;
    };
    const topic = (name: string): string => `stations-${version}-${tests}/${name}`;
    const numbers = (from: number, to: number): string[] =>
      Array.from({ length: to - from }, (_, i) => String(from + i));

    test('come in order, with topic and media type; a session keeps what came while we were away', async () => {
      const seen: MqttMessage[] = [];
      const onMessage = async (message: MqttMessage): Promise<void> => void seen.push(message);
      const source = await open({ onMessage });
      const client = await publisher();
      const properties = { contentType: 'text/csv' };
      for (const text of numbers(0, 300)) void client.publishAsync(topic('A'), text, { qos: 1, properties });
      await until(() => seen.length === 300, 30_000, 'all');
      expect(seen.map(textOf)).toEqual(numbers(0, 300));
      expect(seen[0]?.topic).toBe(topic('A'));
      expect(seen[0]?.contentType).toBe(version === '5' ? 'text/csv' : undefined);
      await source.close();
      opened.delete(source);
      for (const text of numbers(300, 400)) await client.publishAsync(topic('A'), text, { qos: 1 });
      await open({ onMessage });
      await until(() => seen.length >= 400, 30_000, 'what came meanwhile');
      expect(seen.map(textOf)).toEqual(numbers(0, 400));
    });

    test('are acknowledged only when they are durable: what was in hand comes again', async () => {
      const first: string[] = [];
      const source = await open({
        onMessage: (message) => {
          first.push(textOf(message));
          return first.length <= 5 ? Promise.resolve() : new Promise(() => undefined);
        },
      });
      const client = await publisher();
      for (const text of numbers(0, 50)) await client.publishAsync(topic('A'), text, { qos: 1 });
      await until(() => first.length === 6, 10_000, 'the sixth in hand');
      await pause(300);
      // One after the other: nothing beyond what is in hand was taken from the broker's hands.
      expect(first).toEqual(numbers(0, 6));
      opened.delete(source);
      void source.close();
      const second: string[] = [];
      await pause(100);
      await open({ onMessage: async (message) => void second.push(textOf(message)) });
      await until(() => second.length >= 45, 20_000, 'the others');
      expect([...new Set(second)].sort((a, b) => Number(a) - Number(b))).toEqual(numbers(5, 50));
    });

    test('one that fails is handed over again, and those behind it wait', async () => {
      const seen: string[] = [];
      const events: MqttSourceEvent[] = [];
      let failures = 2;
      await open({
        onMessage: async (message) => {
          if (textOf(message) === '1' && failures-- > 0) throw new Error('the log is full');
          seen.push(textOf(message));
        },
        onEvent: (event) => events.push(event),
      });
      const client = await publisher();
      for (const text of numbers(0, 3)) await client.publishAsync(topic('A'), text, { qos: 1 });
      await until(() => seen.length === 3, 10_000, 'all');
      expect(seen).toEqual(numbers(0, 3));
      expect(events).toEqual(
        [1, 2].map(() => ({ kind: 'failed', topic: topic('A'), failure: 'the log is full' })),
      );
    });

    test('retained ones are taken only when that is wished, and told otherwise', async () => {
      const client = await publisher();
      await client.publishAsync(topic('A'), 'old', { qos: 1, retain: true });
      const events: MqttSourceEvent[] = [];
      const seen: string[] = [];
      const onMessage = async (message: MqttMessage): Promise<void> => void seen.push(textOf(message));
      await open({ onMessage, onEvent: (event) => events.push(event) });
      await client.publishAsync(topic('B'), 'new', { qos: 1 });
      await until(() => seen.length === 1, 10_000, 'the new one');
      expect(seen).toEqual(['new']);
      expect(events).toEqual([{ kind: 'retained', topic: topic('A') }]);
      const all: string[] = [];
      await open({
        clientId: `other-${version}-${tests}`,
        takesRetained: true,
        onMessage: async (message) => void all.push(textOf(message)),
      });
      await until(() => all.length === 1, 10_000, 'the retained one');
      expect(all).toEqual(['old']);
    });

    test('are shared by the sources of a group, each once', async () => {
      const seen: [string[], string[]] = [[], []];
      for (const [i, list] of seen.entries())
        await open({
          clientId: `shared-${version}-${tests}-${i}`,
          sharedGroup: 'atalaia',
          onMessage: async (message) => void list.push(textOf(message)),
        });
      const client = await publisher();
      for (const text of numbers(0, 100)) await client.publishAsync(topic('A'), text, { qos: 1 });
      await until(() => seen.flat().length >= 100, 20_000, 'all');
      await pause(200);
      expect(seen.flat().sort((a, b) => Number(a) - Number(b))).toEqual(numbers(0, 100));
      for (const list of seen) expect(list.length).toBeGreaterThan(10);
    });

    test('nothing that the broker took is lost when it is killed', async () => {
      const seen = new Set<string>();
      const events: MqttSourceEvent[] = [];
      await open({
        onMessage: async (message) => {
          await pause(2);
          seen.add(textOf(message));
        },
        onEvent: (event) => events.push(event),
      });
      const client = await publisher({ reconnectPeriod: 100, clean: false, clientId: `p-${version}` });
      const sent: Promise<unknown>[] = [];
      for (const text of numbers(0, 400)) {
        sent.push(client.publishAsync(topic('A'), text, { qos: 1 }));
        if (text === '150') {
          await Promise.all(sent);
          // Mosquitto writes what it keeps once a second.
          await pause(1500);
          await broker.kill();
          await until(() => events.some(({ kind }) => kind === 'unreachable'), 20_000, 'the loss to be told');
          await broker.restart();
        }
      }
      await Promise.all(sent);
      await until(() => seen.size === 400, 30_000, 'all');
      expect(events.map(({ kind }) => kind)).toEqual(['unreachable', 'reachable']);
    });
  },
);

describe.skipIf(reason !== undefined)(
  `a broker with passwords${reason ? ` (skipped: ${reason})` : ''}`,
  () => {
    test('refuses for good who has none, or no right to a topic', async () => {
      const broker = await Mosquitto.start(['allow_anonymous false', 'password_file /dev/null']);
      try {
        const options = {
          urls: [broker.url],
          version: '5',
          clientId: 'x',
          sessionS: 60,
          inFlight: 20,
          retryMs: 100,
          topics: ['a/#'],
          takesRetained: false,
          onMessage: async () => undefined,
          openTimeoutMs: 5000,
        } as const;
        await expect(openMqttSource(options)).rejects.toMatchObject({ code: 'ATL_CONFIG' });
        await broker.kill();
        await expect(openMqttSource({ ...options, openTimeoutMs: 500 })).rejects.toMatchObject({
          code: 'ATL_BUSY',
        });
      } finally {
        await broker.stop();
      }
    });
  },
);
