import { systemClock } from '../../lib/clock.ts';
import { probeKafka } from '../../log/kafka/probe.ts';
import { probeKinesis } from '../../log/kinesis/probe.ts';
import { probeRabbitmq } from '../../log/rabbitmq/probe.ts';
import { probePostgres } from '../../store/ledger/postgresql/probe.ts';
import type { Config } from '../config/schema.ts';
import { textOf } from '../config/secrets.ts';
import { liveSourcesOf, type SourceConfig } from '../config/source-config.ts';
import type { LogConfig } from '../config/store-config.ts';
import { kafkaAccess } from '../stores/log-kinds.ts';
import { type Check, fail, ok, tried, warn } from './check.ts';
import { reach } from './machine.ts';

type Broker = LogConfig | SourceConfig;

/** Log, stores and sources of the configuration: each is connected to, nothing is changed. */
export async function checkServices(config: Config): Promise<Check[]> {
  const checks = [...(await checkBroker('log', config.log)), ...(await checkStores(config))];
  for (const [index, source] of liveSourcesOf(config).entries())
    checks.push(...(await checkBroker(`sources.${index}`, source)));
  return checks;
}

async function checkBroker(name: string, settings: Broker): Promise<Check[]> {
  const remedy =
    'Check that it runs, that this machine reaches it, and user and password in the configuration.';
  if (settings.kind === 'kafka') {
    const { topic, brokers } = settings;
    const check = tried(name, remedy, async () => {
      const partitions = await probeKafka(
        { ...kafkaAccess(settings), requestTimeoutMs: 5000 },
        topic,
        systemClock,
      );
      return partitions === null
        ? absent(name, `Kafka at ${brokers.join(', ')} has no topic ${topic}`)
        : ok(name, `Kafka at ${brokers.join(', ')}, topic ${topic} with ${partitions} partitions`);
    });
    return [await check];
  }
  if (settings.kind === 'rabbitmq') {
    const checks = settings.urls.map((url) =>
      tried(name, remedy, async () => {
        const { place, version } = await probeRabbitmq(textOf(url));
        return ok(name, `RabbitMQ ${version} at ${place}`);
      }),
    );
    return Promise.all(checks);
  }
  if (settings.kind === 'kinesis') {
    const { stream, region, endpoint } = settings;
    const access = { ...(region ? { region } : {}), ...(endpoint ? { endpoint } : {}) };
    const check = tried(name, remedy, async () => {
      const state = await probeKinesis(access, stream, systemClock);
      return state === null
        ? absent(name, `there is no stream ${stream}`)
        : ok(name, `Kinesis ${stream}: ${state}`);
    });
    return [await check];
  }
  return [ok(name, 'in the data directory')];
}

/** A log of ours is made at the first start; what a source reads must be there. */
const absent = (name: string, detail: string): Check =>
  name === 'log'
    ? warn(name, detail, 'The first start makes it, when this user may.')
    : fail(name, detail, 'Correct the name in the configuration, or make it.');

async function checkStores({ store }: Config): Promise<Check[]> {
  if (store.kind === 'embedded') return [ok('store', 'in the data directory')];
  const places: [string, unknown][] = [
    ['store.url', store.url],
    ...(store.readUrl === undefined ? [] : [['store.readUrl', store.readUrl] as [string, unknown]]),
    ...(store.shards ?? []).map((url, index): [string, unknown] => [`store.shards.${index}`, url]),
  ];
  return Promise.all(
    places.map(([name, url]) =>
      tried(name, 'Check address, user, password and pg_hba.conf; see docs/postgresql.md.', async () => {
        const { place, version, canCreate } = await probePostgres(textOf(url));
        const detail = `${place}, version ${version}`;
        return canCreate || name === 'store.readUrl'
          ? ok(name, detail)
          : warn(
              name,
              `${detail}; this user may not make schemas`,
              'GRANT CREATE ON DATABASE … TO …, or make the schemas beforehand.',
            );
      }),
    ),
  );
}

/** The channels' addresses take connections; nothing is sent. */
export function checkChannels({ channels }: Config): Promise<Check[]> {
  return Promise.all(
    Object.entries(channels).map(([channel, settings]) => {
      const name = `channels.${channel}`;
      const address = addressOf(settings);
      if (address === undefined) return ok(name, `${settings.kind}: it names no address to reach`);
      const remedy = 'Check the address, and that this machine reaches it (DNS, firewall, proxy).';
      return tried(name, remedy, async () => {
        await reach(address.host, address.port);
        return ok(name, `${settings.kind}: ${address.host}:${address.port} takes connections`);
      });
    }),
  );
}

const ports: Readonly<Record<string, number>> = {
  'http:': 80,
  'https:': 443,
  'mqtt:': 1883,
  'mqtts:': 8883,
  'smtp:': 25,
  'smtps:': 465,
  'amqp:': 5672,
  'amqps:': 5671,
};

/** Host and port of a channel: its `url`, or `host` with `port`. Never shows a path: that of a hook is a secret. */
function addressOf(settings: Readonly<Record<string, unknown>>): { host: string; port: number } | undefined {
  const { url, host, port } = settings;
  if (typeof host === 'string' && typeof port === 'number') return { host, port };
  const parsed = typeof url === 'string' ? URL.parse(url) : null;
  const number = Number(parsed?.port) || ports[parsed?.protocol ?? ''];
  return parsed?.hostname && number
    ? { host: parsed.hostname.replace(/^\[|\]$/g, ''), port: number }
    : undefined;
}
