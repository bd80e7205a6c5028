import { hostname } from 'node:os';
import { type MqttSourceOptions, openMqttSource } from '../../ingest/sources/mqtt/source.ts';
import { textOf } from '../config/secrets.ts';
import {
  formOf,
  type MqttSourceConfig,
  type Wis2SourceConfig,
  writtenOrOursOf,
} from '../config/source-config.ts';
import type { Hears, Open } from './kind.ts';

const OPEN_WAIT_MS = 5000;
const RETRY_MS = { least: 500, spread: 1000 };

/**
 * The name of our session on the broker. It is found again by that name, which is therefore no name of this machine; but
 * processes that share messages need one each, and the host's is the best guess at the place of a process.
 */
export function clientIdOf(settings: MqttSourceConfig | Wis2SourceConfig, host = hostname()): string {
  if (settings.clientId !== undefined) return textOf(settings.clientId);
  const isShared = 'sharedGroup' in settings && settings.sharedGroup !== undefined;
  return isShared ? `atalaia-${settings.name}-${host}` : `atalaia-${settings.name}`;
}

/** What both kinds say of their brokers. */
export function accessOf(settings: MqttSourceConfig | Wis2SourceConfig, hears: Hears) {
  const { topics, version, session, inFlight, username, password, ca } = settings;
  return {
    ...{ topics, version, inFlight, clock: hears.clock },
    clientId: clientIdOf(settings),
    sessionS: Math.round(session / 1000),
    // Not all at once when the broker comes back.
    retryMs: Math.round(RETRY_MS.least + hears.random() * RETRY_MS.spread),
    openTimeoutMs: OPEN_WAIT_MS,
    ...(username === undefined ? {} : { username: textOf(username) }),
    ...(password === undefined ? {} : { password: textOf(password) }),
    ...(ca === undefined ? {} : { ca: textOf(ca) }),
  } satisfies Partial<MqttSourceOptions>;
}

/** Messages of topics of a broker. */
export function openMqtt(settings: MqttSourceConfig, hears: Hears): Promise<Open> {
  const { urls, sharedGroup, retained } = settings;
  return openMqttSource({
    ...accessOf(settings, hears),
    urls,
    takesRetained: retained === 'take',
    ...(sharedGroup === undefined ? {} : { sharedGroup }),
    onMessage: async ({ body, topic, contentType }) => {
      await hears.take({
        body,
        contentType: formOf(settings, contentType),
        encoding: undefined,
        written: writtenOrOursOf(settings),
        topic,
        origin: `topic ${topic}`,
      });
    },
    onEvent: (event) => {
      if (event.kind === 'reachable' || event.kind === 'unreachable')
        hears.onState(event.kind === 'reachable');
      hears.onEvent(event);
    },
  });
}
