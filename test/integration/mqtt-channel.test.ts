import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Channel, Notification } from '../../src/delivery/channel.ts';
import { createMqtt, mqttConfig } from '../../src/delivery/channels/mqtt.ts';
import type { AlertEvent } from '../../src/model/alert.ts';
import { Mosquitto, whyNoMosquitto } from '../servers/mosquitto.ts';
import { until } from './server.ts';

const reason = whyNoMosquitto();
const event = {
  alert: 'a1',
  event: 'raised',
  rule: 'chuva',
  hazard: 'rain',
  subject: { kind: 'station', id: 'A/801' },
  level: 'red',
} as unknown as AlertEvent;
const notification = (more: Partial<Notification> = {}): Notification => ({
  key: 'a1.1.sirens',
  event,
  body: '{"alert":"a1"}',
  ...more,
});

describe.skipIf(reason !== undefined)(
  `sirens and signs over MQTT${reason ? ` (skipped: ${reason})` : ''}`,
  () => {
    let broker: Mosquitto;
    let client: MqttClient;
    let channel: Channel | undefined;
    const heard: { topic: string; text: string; packet: IPublishPacket }[] = [];
    beforeAll(async () => {
      broker = await Mosquitto.start();
      client = await mqtt.connectAsync(broker.url, { protocolVersion: 5, reconnectPeriod: 100 });
      client.on('message', (topic, body, packet) => heard.push({ topic, text: body.toString(), packet }));
      await client.subscribeAsync('atalaia/#', { qos: 1 });
    });
    afterEach(async () => {
      await channel?.close();
      heard.length = 0;
    });
    afterAll(async () => {
      await client?.endAsync(true);
      await broker?.stop();
    });
    const open = (more: object = {}): Channel => {
      channel = createMqtt(mqttConfig.parse({ kind: 'mqtt', urls: [broker.url], ...more }));
      return channel;
    };
    const signal = (): AbortSignal => AbortSignal.timeout(5000);

    test.each(['3.1.1', '5'])('an alert event is published and acknowledged, MQTT %s', async (version) => {
      const topic = 'atalaia/alerts/A-801/rain';
      expect(await open({ version }).deliver(notification(), signal())).toEqual({
        kind: 'delivered',
        receipt: `MQTT ${topic}`,
      });
      await until(() => heard.length === 1, 5000, 'the event');
      expect(heard[0]).toMatchObject({ topic, text: '{"alert":"a1"}' });
      const properties = heard[0]?.packet.properties;
      if (version === '5')
        expect(properties).toMatchObject({
          contentType: 'application/json',
          userProperties: { 'idempotency-key': 'a1.1.sirens', event: 'raised', level: 'red' },
        });
    });

    test('a subscription names a topic of its own; one that cannot be published to is rejected', async () => {
      const opened = open();
      await opened.deliver(notification({ address: 'atalaia/sirenes/centro' }), signal());
      await until(() => heard.length === 1, 5000, 'the event');
      expect(heard[0]?.topic).toBe('atalaia/sirenes/centro');
      for (const address of ['atalaia/#', 'a/+/b', ''])
        expect(await opened.deliver(notification({ address }), signal())).toMatchObject({ kind: 'rejected' });
    });

    test('an outage is later; after it the same channel delivers again', async () => {
      const opened = open();
      expect((await opened.deliver(notification(), signal())).kind).toBe('delivered');
      await broker.kill();
      expect((await opened.deliver(notification(), AbortSignal.timeout(500))).kind).toBe('retry-later');
      await broker.restart();
      await until(
        async () => (await opened.deliver(notification(), signal())).kind === 'delivered',
        20_000,
        'delivery',
      );
    });

    test('a sign that was switched off gets the last that was retained', async () => {
      await open({ retain: true, topic: 'atalaia/signs/{subject}' }).deliver(notification(), signal());
      const sign = await mqtt.connectAsync(broker.url, { protocolVersion: 5 });
      const seen: string[] = [];
      sign.on('message', (_topic, body) => seen.push(body.toString()));
      await sign.subscribeAsync('atalaia/signs/#', { qos: 1 });
      await until(() => seen.length === 1, 5000, 'the last');
      await sign.endAsync(true);
    });

    test('the configuration is refused when it cannot work', () => {
      const parsed = (more: object): boolean =>
        mqttConfig.safeParse({ kind: 'mqtt', urls: ['mqtt://localhost'], ...more }).success;
      expect(parsed({})).toBe(true);
      expect(parsed({ topic: 'a/#' })).toBe(false);
      expect(parsed({ topic: 'a/{station}' })).toBe(false);
      expect(parsed({ urls: ['http://localhost'] })).toBe(false);
      expect(parsed({ version: '4' })).toBe(false);
    });
  },
);
