import { z } from 'zod';
import { AtalaiaError } from '../../lib/errors.ts';
import { connectMqtt, type MqttAccess, type MqttClient, makeMqttClient } from '../../lib/mqtt.ts';
import type { AlertEvent } from '../../model/alert.ts';
import type { Channel, Notification, Outcome } from '../channel.ts';

const TIMEOUT_MS = 10_000;
const MAX_TOPIC = 500;
const places = ['hazard', 'rule', 'subject', 'level', 'alert'] as const;
const PLACE = /\{(\w+)\}/g;

/** A topic to publish to: no wildcard, no place that is not known. */
const topicText = z
  .string()
  .min(1)
  .max(MAX_TOPIC)
  .regex(/^[^#+\0]+$/, 'a topic without # and + is expected')
  .refine(
    (text) => [...text.matchAll(PLACE)].every(([, name]) => places.includes(name as (typeof places)[number])),
    `only {${places.join('}, {')}} stand for something`,
  );

export const mqttConfig = z.strictObject({
  kind: z.literal('mqtt'),
  urls: z
    .array(z.string().regex(/^mqtts?:\/\/./, 'an address such as mqtt://broker:1883 is expected'))
    .min(1)
    .max(8),
  version: z.enum(['3.1.1', '5']).default('5'),
  /** Where to; `{subject}`, `{hazard}`, `{rule}`, `{level}` and `{alert}` stand for the alert's. A subscription's address goes before it. */
  topic: topicText.default('atalaia/alerts/{subject}/{hazard}'),
  /** Whether the broker keeps the last for who comes later: a sign that was switched off shows it then. */
  retain: z.boolean().default(false),
  username: z.string().max(200).optional(),
  password: z.string().max(1000).optional(),
  /** PEM of the authority that signed the broker's certificate. */
  ca: z.string().optional(),
});
export type MqttConfig = z.infer<typeof mqttConfig>;

/** Reason codes by which a broker refuses a message for good (MQTT 5 section 3.4.2.1). */
const lasting = new Set([135, 144, 151, 153]);
const REFUSED_FROM = 0x80;

/**
 * A channel that publishes the alert event as JSON with QoS 1, for sirens and signs. Delivered means that the broker has
 * acknowledged it, not that a siren has sounded. Under MQTT 5 a message bears its idempotency key as user property; under
 * 3.1.1 alert and revision in the body tell repeats.
 */
export function createMqtt(config: MqttConfig): Channel {
  let opening: Promise<MqttClient> | undefined;
  const drop = async (): Promise<void> => {
    const client = await opening?.catch(() => undefined);
    opening = undefined;
    // What was not acknowledged is the dispatcher's to repeat, not the client's.
    await client?.endAsync(true).catch(() => undefined);
  };
  return {
    async deliver(notification, signal) {
      // Sirens and signs do not approve anything.
      if (notification.isDraft)
        return { kind: 'rejected', reason: 'what waits for approval is not sent to sirens and signs' };
      const topic = notification.address ?? filled(config.topic, notification.event);
      const problem = topicText.safeParse(topic).success ? undefined : `"${topic}" is no topic to publish to`;
      if (problem) return { kind: 'rejected', reason: problem };
      const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
      try {
        opening ??= open(config);
        const client = await within(opening, limit);
        if (!client.connected) throw new Error('not connected');
        await within(
          client.publishAsync(topic, notification.body, propertiesOf(notification, config)),
          limit,
        );
        return { kind: 'delivered', receipt: `MQTT ${topic}` };
      } catch (error) {
        // A refusal concerns this message alone; others may be under way on the same connection.
        if (!isRefusal(error)) await drop();
        return failureOf(error);
      }
    },
    close: drop,
  };
}

async function open({ urls, version, username, password, ca }: MqttConfig): Promise<MqttClient> {
  const access: MqttAccess = {
    ...{
      urls,
      version,
      clientId: `atalaia-channel-${crypto.randomUUID()}`,
      sessionS: 0,
      inFlight: 1,
      retryMs: 1000,
    },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
  };
  const client = await makeMqttClient(access);
  await connectMqtt(client, urls, TIMEOUT_MS);
  return client;
}

/** Slashes and wildcards in a name would be levels of the topic. */
const plain = (text: string): string => text.replaceAll(/[/#+\0]/g, '-');

function filled(topic: string, { hazard, rule, subject, level, alert }: AlertEvent): string {
  const values: Readonly<Record<string, string>> = { hazard, rule, subject: subject.id, level, alert };
  return topic.replaceAll(PLACE, (_, name: string) => plain(values[name] ?? ''));
}

function propertiesOf({ key, event }: Notification, { version, retain }: MqttConfig) {
  const userProperties = { 'idempotency-key': key, event: event.event, level: event.level };
  const properties = { contentType: 'application/json', userProperties };
  return { qos: 1, retain, ...(version === '5' ? { properties } : {}) } as const;
}

/** The work's end, or the signal's: what was handed to the client cannot be taken back by itself. */
function within<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    const stop = (): void => reject(new Error('no answer in time'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  return Promise.race([work, aborted]);
}

/** The broker has answered the message with a reason code of failure (MQTT 5 section 3.4.2.1). */
function isRefusal(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'number' && code >= REFUSED_FROM;
}

function failureOf(error: unknown): Outcome {
  const code = (error as { readonly code?: unknown }).code;
  const reason = `MQTT: ${error instanceof Error ? error.message : String(error)}`;
  const isLasting = typeof code === 'number' && lasting.has(code);
  const isWrong = error instanceof AtalaiaError && error.code === 'ATL_CONFIG';
  return isLasting || isWrong ? { kind: 'rejected', reason } : { kind: 'retry-later', reason };
}
