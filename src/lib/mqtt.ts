import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt';
import { AtalaiaError } from './errors.ts';

/** How to reach a broker of MQTT 3.1.1 or 5; why this client: docs/mqtt.md. */
export interface MqttAccess {
  /** `mqtt://host:1883`, `mqtts://host:8883`; the first that answers is used. */
  readonly urls: readonly string[];
  readonly version: '3.1.1' | '5';
  /** The session on the broker bears this name: two clients of one name throw each other out. */
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  /** PEM of the authority that signed the broker's certificate. */
  readonly ca?: string;
  /** How long the broker keeps our session while we are away, s; 0: it keeps none. */
  readonly sessionS: number;
  /** Messages that the broker may send ahead of our acknowledgements (MQTT 5). */
  readonly inFlight: number;
  /** Between two tries to connect, ms. */
  readonly retryMs: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
const KEEPALIVE_S = 15;
/** First byte of a PUBACK (3.1.1 section 3.4); with two bytes of number and no more it is a success in MQTT 5, too. */
const PUBACK = 0x40;
/** CONNACK codes that no other try changes: 3.1.1 section 3.2.2.3 and 5 section 3.2.2.2, rights and names. */
const settled = new Set([1, 2, 4, 5, 132, 133, 134, 135, 138, 140]);

export type { MqttClient } from 'mqtt';

/** Loads the optional client package. @throws AtalaiaError ATL_CONFIG when it is not installed */
export async function loadMqtt(): Promise<typeof import('mqtt')> {
  try {
    return await import('mqtt');
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      'MQTT is configured, but its client is not installed. Run `npm install mqtt@5`.',
      { cause },
    );
  }
}

/** A client that is not connecting yet, so that its handlers stand before the first packet comes. */
export async function makeMqttClient(access: MqttAccess): Promise<MqttClient> {
  const { default: mqtt } = await loadMqtt();
  const [first = ''] = access.urls;
  const servers = access.urls.map(addressOf);
  const options: IClientOptions = {
    ...{ manualConnect: true, reconnectOnConnackError: true, queueQoSZero: false, resubscribe: false },
    ...{ clean: access.sessionS === 0, keepalive: KEEPALIVE_S, connectTimeout: CONNECT_TIMEOUT_MS },
    clientId: access.clientId,
    protocolVersion: access.version === '5' ? 5 : 4,
    reconnectPeriod: access.retryMs,
    ...(servers.length > 1 ? { servers } : {}),
    ...(access.username === undefined ? {} : { username: access.username }),
    ...(access.password === undefined ? {} : { password: access.password }),
    ...(access.ca === undefined ? {} : { ca: access.ca }),
    ...(access.version === '5'
      ? { properties: { sessionExpiryInterval: access.sessionS, receiveMaximum: access.inFlight } }
      : {}),
  };
  return mqtt.connect(first, options);
}

/** A message as it came from the broker. */
export interface MqttPublish {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  /** MQTT 5: the media type that the publisher names. */
  readonly contentType: string | undefined;
}

/**
 * Hands over messages as they come, and leaves it to the taker when each is acknowledged (by itself the client does so one
 * after the other, and reads nothing meanwhile). No more is read until `goOn` is called.
 */
export function takeMqttMessages(
  client: MqttClient,
  take: (message: MqttPublish, acknowledge: () => void, goOn: () => void) => void,
): void {
  client.handleMessage = (given, done) => {
    const packet = given as IPublishPacket;
    const { topic, payload, retain, qos, messageId = 0, properties } = packet;
    const { stream } = client;
    take(
      { topic, payload: payload as Uint8Array, retain, contentType: properties?.contentType },
      () => {
        if (qos === 1 && client.connected && client.stream === stream)
          stream.write(Buffer.from([PUBACK, 2, messageId >> 8, messageId & 0xff]));
      },
      // With an error the client sends no acknowledgement of its own, and goes on.
      () => done(qos === 1 ? new Error('acknowledged later') : undefined),
    );
  };
}

function addressOf(url: string): { host: string; port: number; protocol: 'mqtt' | 'mqtts' } {
  const { hostname, port, protocol } = new URL(url);
  const isTls = protocol === 'mqtts:';
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (isTls ? 8883 : 1883),
    protocol: isTls ? 'mqtts' : 'mqtt',
  };
}

/**
 * Connects for the first time. Rejects with ATL_CONFIG when the broker refuses us for good, ATL_BUSY when none answers in
 * time; the client is ended then.
 */
export async function connectMqtt(
  client: MqttClient,
  urls: readonly string[],
  limitMs: number,
): Promise<void> {
  let why = 'no answer';
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new AtalaiaError('ATL_BUSY', whereText(urls, why))), limitMs);
      client.once('connect', () => {
        clearTimeout(timer);
        resolve();
      });
      client.on('error', (error) => {
        why = error.message;
        if (!settled.has((error as { code?: number }).code ?? 0)) return;
        clearTimeout(timer);
        const remedy = 'Check user, password, client id and the rights there.';
        reject(new AtalaiaError('ATL_CONFIG', `${whereText(urls, why)} ${remedy}`));
      });
      client.connect();
    });
  } catch (error) {
    client.end(true);
    throw error;
  }
}

/** Urls without their passwords. */
const whereText = (urls: readonly string[], why: string): string =>
  `The MQTT broker at ${urls.map((url) => new URL(url).host).join(', ')} does not take us: ${why}.`;
