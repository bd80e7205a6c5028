import { openKafkaSource } from '../../ingest/sources/kafka/source.ts';
import { openKinesisSource } from '../../ingest/sources/kinesis/source.ts';
import { openRabbitSource } from '../../ingest/sources/rabbitmq/source.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { textOf } from '../config/secrets.ts';
import {
  formOf,
  type KafkaSourceConfig,
  type KinesisSourceConfig,
  type LiveSourceConfig,
  type RabbitmqSourceConfig,
  writtenOrOursOf,
} from '../config/source-config.ts';
import { kafkaAccess } from '../stores/log-kinds.ts';
import { openCapFeed } from './cap.ts';
import { openFolder, openPoll, openUdp } from './doors.ts';
import type { Hears, Open, SourceKind, SourcesOptions } from './kind.ts';
import { openMqtt } from './mqtt.ts';
import { openWis2 } from './wis2.ts';

/** Every kind of source that runs beside the system, by `kind` of the configuration. */
const sourceKinds: {
  readonly [Kind in LiveSourceConfig['kind']]: SourceKind<Extract<LiveSourceConfig, { kind: Kind }>>;
} = {
  rabbitmq: {
    summary: 'Messages of an exchange of RabbitMQ (docs/rabbitmq.md).',
    name: ({ queue }) => `rabbitmq:${queue}`,
    open: openRabbitmq,
  },
  poll: {
    summary: 'A web service that is asked now and then.',
    name: ({ name }) => `poll:${name}`,
    open: openPoll,
  },
  udp: {
    summary: 'Datagrams on a port.',
    name: ({ port }) => `udp:${port}`,
    open: openUdp,
  },
  folder: {
    summary: 'Files dropped into a directory.',
    name: ({ directory }) => `folder:${directory}`,
    open: openFolder,
  },
  mqtt: {
    summary: 'Messages of topics of an MQTT broker (docs/mqtt.md).',
    name: ({ name }) => `mqtt:${name}`,
    open: openMqtt,
  },
  wis2: {
    summary: 'WIS2 notifications over MQTT, with their data (docs/mqtt.md).',
    name: ({ name }) => `wis2:${name}`,
    open: openWis2,
  },
  kinesis: {
    summary: 'Records of a stream of AWS Kinesis (docs/kinesis.md).',
    name: ({ stream }) => `kinesis:${stream}`,
    open: openKinesis,
  },
  kafka: {
    summary: 'Records of a topic of Apache Kafka (docs/kafka.md).',
    name: ({ topic }) => `kafka:${topic}`,
    open: openKafka,
  },
  'cap-feed': {
    summary: 'Warnings of another authority (docs/cap-feeds.md).',
    name: ({ name }) => `cap-feed:${name}`,
    open: openCapFeed,
  },
};

const OPEN_WAIT_MS = 5000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/** The sources of the configuration, each opened again until it is closed. */
export class Sources {
  readonly #running: readonly Runner[];

  private constructor(running: readonly Runner[]) {
    this.#running = running;
  }

  /**
   * Opens all. One whose broker does not answer is tried again for ever: alerts from elsewhere do not wait for it.
   * Rejects with ATL_CONFIG for what another try would not change.
   */
  static async open(options: SourcesOptions): Promise<Sources> {
    const sources = new Sources(options.sources.map((settings) => new Runner(settings, options)));
    try {
      await Promise.all(sources.#running.map((runner) => runner.begin()));
    } catch (error) {
      await sources.close();
      throw error;
    }
    return sources;
  }

  async close(): Promise<void> {
    await Promise.all(this.#running.map((runner) => runner.close()));
  }
}

class Runner {
  readonly #settings: LiveSourceConfig;
  readonly #options: SourcesOptions;
  readonly #name: string;
  #opening: Promise<Open> | undefined;
  #cancelPause: (() => void) | undefined;
  #failures = 0;
  #isClosed = false;

  constructor(settings: LiveSourceConfig, options: SourcesOptions) {
    this.#settings = settings;
    this.#options = options;
    // The table gives each kind its own settings, which the compiler does not follow through a union.
    this.#name = (sourceKinds[settings.kind] as SourceKind<LiveSourceConfig>).name(settings);
  }

  async begin(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      if (error instanceof AtalaiaError && error.code === 'ATL_CONFIG')
        throw new AtalaiaError('ATL_CONFIG', `sources: ${this.#name}: ${error.message}`, { cause: error });
      this.#again(error);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelPause?.();
    await this.#opening?.then(
      (open) => open.close(),
      () => undefined,
    );
  }

  async #open(): Promise<void> {
    const { take, clock, random, cursor, foreign, log, onState, onCounted } = this.#options;
    const source = this.#name;
    const kind = sourceKinds[this.#settings.kind] as SourceKind<LiveSourceConfig>;
    const opening = kind.open(this.#settings, {
      clock,
      random,
      cursor,
      foreign,
      onCounted,
      take: (message) => take({ ...message, origin: `${source}: ${message.origin}` }),
      onState: (isUp) => onState(source, isUp),
      onEvent: (event) => log.warn({ source, event }, `source: ${event.kind}`),
      onEnd: (failure) => {
        if (this.#opening !== opening) return;
        this.#opening = undefined;
        void opening.then((open) => open.close()).finally(() => this.#again(failure));
      },
    });
    this.#opening = opening;
    await opening;
    this.#failures = 0;
    onState(source, true);
    log.info({ source }, 'source is open');
  }

  #again(error: unknown): void {
    const { log, clock, onState } = this.#options;
    onState(this.#name, false);
    if (this.#isClosed) return;
    log.error({ err: error, source: this.#name }, 'source cannot be opened; tried again');
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures++, 10));
    this.#cancelPause = clock.after(pause, () => {
      this.#open().catch((again) => this.#again(again));
    });
  }
}

const textIn = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function openRabbitmq(settings: RabbitmqSourceConfig, hears: Hears): Promise<Open> {
  const { urls, exchange, routingKey, queue } = settings;
  return openRabbitSource({
    urls: urls.map(textOf),
    exchange,
    routingKey,
    queue,
    clock: hears.clock,
    openTimeoutMs: OPEN_WAIT_MS,
    onMessage: async ({ body, routingKey: key, properties }) => {
      await hears.take({
        body,
        contentType: formOf(settings, properties.contentType),
        encoding: textIn(properties.contentEncoding),
        written: writtenOrOursOf(settings),
        topic: key,
        origin: `routing key ${key}`,
      });
    },
    onEvent: (event) => {
      if (event.kind !== 'failed') hears.onState(event.kind === 'reachable');
      hears.onEvent(event);
    },
  });
}

function openKafka(settings: KafkaSourceConfig, hears: Hears): Promise<Open> {
  const { topic, group, from } = settings;
  return openKafkaSource({
    ...kafkaAccess(settings),
    topic,
    group,
    from,
    clock: hears.clock,
    openTimeoutMs: OPEN_WAIT_MS,
    onMessage: async ({ body, headers, partition, offset }) => {
      await hears.take({
        body,
        contentType: formOf(settings, headers.get('content-type')),
        encoding: headers.get('content-encoding'),
        written: writtenOrOursOf(settings),
        origin: `partition ${partition}, offset ${offset}`,
      });
    },
    onEvent: (event) => {
      if (event.kind === 'ended') return hears.onEnd(event.failure);
      if (event.kind === 'unreachable' || event.kind === 'reachable')
        hears.onState(event.kind === 'reachable');
      hears.onEvent(event);
    },
  });
}

/** How far each shard was read lies in the ledger. */
function openKinesis(settings: KinesisSourceConfig, hears: Hears): Promise<Open> {
  const { stream, region, endpoint, from } = settings;
  const nameOf = (shard: string): string => `kinesis:${stream}:${shard}`;
  return openKinesisSource({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...{ stream, from, clock: hears.clock },
    load: (shard) => hears.cursor.loadMark(nameOf(shard)),
    save: (shard, mark) => hears.cursor.saveMark(nameOf(shard), mark),
    onMessage: async ({ body, shard, sequence }) => {
      await hears.take({
        body,
        contentType: formOf(settings, undefined),
        encoding: undefined,
        written: writtenOrOursOf(settings),
        origin: `shard ${shard}, record ${sequence}`,
      });
    },
    onEvent: (event) => {
      if (event.kind !== 'failed') hears.onState(event.kind === 'reachable');
      hears.onEvent(event);
    },
  });
}
