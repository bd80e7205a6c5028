import { writeFileSync } from 'node:fs';
import { createServer, connect as dial } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Notification } from '../../src/delivery/channel.ts';
import { createMqtt, mqttConfig } from '../../src/delivery/channels/mqtt.ts';
import {
  type MqttSource,
  type MqttSourceEvent,
  type MqttSourceOptions,
  openMqttSource,
  pauseAfter,
} from '../../src/ingest/sources/mqtt/source.ts';
import type { AlertEvent } from '../../src/model/alert.ts';
import { Mosquitto, whyNoMosquitto } from '../servers/mosquitto.ts';
import { MqttPeer } from '../servers/mqtt-peer.ts';
import { pause, temporaryFolder, until } from './server.ts';

// What a broker does in between: subscriptions that it refuses, sessions that another takes, messages that it refuses.

const reason = whyNoMosquitto();
let peer: MqttPeer;
const opened = new Set<MqttSource>();
beforeEach(async () => {
  peer = await MqttPeer.start();
});
afterEach(async () => {
  await Promise.all([...opened].map((source) => source.close()));
  opened.clear();
  await peer.stop();
});

async function open(more: Partial<MqttSourceOptions>): Promise<{ events: MqttSourceEvent[] }> {
  const events: MqttSourceEvent[] = [];
  const source = await openMqttSource({
    ...{ urls: [peer.url], version: '3.1.1', clientId: 'a', sessionS: 60, inFlight: 3, retryMs: 50 },
    ...{ topics: ['s/#'], takesRetained: false, openTimeoutMs: 5000 },
    onMessage: async () => undefined,
    onEvent: (event) => events.push(event),
    ...more,
  });
  opened.add(source);
  return { events };
}

test('a subscription that is refused after a reconnection is tried again until it is granted', async () => {
  const { events } = await open({});
  peer.refuse(2);
  peer.cut();
  await until(() => events.at(-1)?.kind === 'reachable', 20_000, 'the subscription');
  expect(peer.subscriptions).toBe(4);
  expect(events.map(({ kind }) => kind)).toEqual(['unreachable', 'reachable']);
});

test('a subscription that is refused at first is refused for good, with what to do', async () => {
  peer.refuse(1);
  await expect(open({})).rejects.toMatchObject({
    code: 'ATL_CONFIG',
    message: expect.stringContaining('Check the filters and the rights'),
  });
});

test('several are handled at once, one of a topic at a time, and acknowledged as they came', async () => {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  await open({
    onMessage: ({ body }) => {
      const text = Buffer.from(body).toString();
      started.push(text);
      return new Promise((done) => ends.set(text, done));
    },
  });
  peer.publish(1, 's/A', 'A1');
  peer.publish(2, 's/B', 'B1');
  peer.publish(3, 's/A', 'A2');
  peer.publish(4, 's/C', 'C1');
  await until(() => started.length === 2, 5000, 'the first of A and B');
  await pause(100);
  // A2 waits for A1; C1 for room.
  expect(started).toEqual(['A1', 'B1']);
  ends.get('B1')?.();
  await until(() => started.length === 3, 5000, 'room');
  expect([started[2], peer.acknowledged]).toEqual(['C1', []]);
  ends.get('C1')?.();
  ends.get('A1')?.();
  await until(() => started.length === 4, 5000, 'the second of A');
  await until(() => peer.acknowledged.length === 2, 5000, 'acknowledgements');
  expect([started[3], peer.acknowledged]).toEqual(['A2', [1, 2]]);
  ends.get('A2')?.();
  await until(() => peer.acknowledged.length === 4, 5000, 'the others');
  expect(peer.acknowledged).toEqual([1, 2, 3, 4]);
});

test('what came by a connection that is lost is not acknowledged on the next one', async () => {
  const ends: (() => void)[] = [];
  const { events } = await open({ onMessage: () => new Promise((done) => ends.push(done)) });
  peer.publish(1, 's/A', 'A1');
  await until(() => ends.length === 1, 5000, 'the first');
  peer.cut();
  await until(() => events.at(-1)?.kind === 'reachable', 10_000, 'the next connection');
  ends[0]?.();
  peer.publish(7, 's/B', 'B1');
  await until(() => ends.length === 2, 5000, 'the second');
  ends[1]?.();
  await until(() => peer.acknowledged.length > 0, 5000, 'an acknowledgement');
  expect(peer.acknowledged).toEqual([7]);
});

test('a connection that ends soon is waited for longer each time, up to a bound', () => {
  expect([0, 0, 0].reduce((ms, lived) => pauseAfter(lived, ms, 500), 500)).toBe(4000);
  expect(pauseAfter(10, 25_000, 500)).toBe(30_000);
  expect(pauseAfter(60_000, 30_000, 500)).toBe(500);
});

test.skipIf(reason !== undefined)(
  `a message that the broker refuses fails alone, and the connection stays${reason ? ` (skipped: ${reason})` : ''}`,
  async () => {
    const folder = temporaryFolder();
    const rights = join(folder.path, 'rights');
    writeFileSync(rights, 'topic write atalaia/#\n');
    const broker = await Mosquitto.start([
      'max_queued_messages 1000',
      'allow_anonymous true',
      `acl_file ${rights}`,
    ]);
    let connections = 0;
    const between = createServer((socket) => {
      connections++;
      const there = dial(Number(new URL(broker.url).port), '127.0.0.1');
      for (const end of [socket, there]) end.on('error', () => undefined);
      socket.pipe(there).pipe(socket);
    }).listen(0, '127.0.0.1');
    await new Promise((done) => between.once('listening', done));
    const { port } = between.address() as { port: number };
    const channel = createMqtt(mqttConfig.parse({ kind: 'mqtt', urls: [`mqtt://127.0.0.1:${port}`] }));
    const event = {
      alert: 'a1',
      event: 'raised',
      subject: { id: 'A' },
      level: 'red',
    } as unknown as AlertEvent;
    const deliver = (address: string) =>
      channel.deliver({ key: 'k', event, body: '{}', address } as Notification, AbortSignal.timeout(5000));
    try {
      const all = await Promise.all(['atalaia/a', 'secret', 'atalaia/b'].map(deliver));
      expect(all.map(({ kind }) => kind)).toEqual(['delivered', 'rejected', 'delivered']);
      expect((await deliver('atalaia/c')).kind).toBe('delivered');
      expect(connections).toBe(1);
    } finally {
      await channel.close();
      between.close();
      await broker.stop();
      folder.remove();
    }
  },
);
