import { z } from 'zod';
import { codecs } from '../../ingest/formats/codecs.ts';
import type { Written } from '../../ingest/formats/decode.ts';
import type { StationProfile } from '../../ingest/formats/format.ts';
import { formats } from '../../ingest/formats/index.ts';
import { quantities } from '../../model/quantity.ts';
import { span } from './span.ts';
import { kafkaAccess, kinds, rabbitmqUrls, secret } from './store-config.ts';

const scenario = z.strictObject({
  kind: z.literal('scenario'),
  directory: z.string(),
  duration: span.default(60_000),
});

/** Form of the messages, whatever they say of themselves; default what they say, else one report or an array as JSON. */
const contentType = z.enum(['application/json', 'application/x-ndjson', 'text/csv']).optional();

const names = (of: ReadonlyMap<string, unknown>): [string, ...string[]] =>
  [...of.keys()] as [string, ...string[]];

const column = z.string().min(1).max(200);

/** Where a CSV of your own has what (format `csv`). */
const table = z
  .strictObject({
    /** Column of the station; without it the name of the file, up to its first dot, is the station's. */
    station: column.optional(),
    /** Column of the time, or several that are it together. */
    time: z
      .union([column, z.array(column).min(1).max(6)])
      .transform((names) => (typeof names === 'string' ? [names] : names)),
    /** Order of day and month in 01/05/2024. */
    dates: z.enum(['day-first', 'month-first']).optional(),
    /** Column of the span that a row covers, PT10M. */
    interval: column.optional(),
    /** Where each row is one value: the column that names the quantity … */
    quantity: column.optional(),
    /** … and the one that holds the value. */
    value: column.optional(),
    /** Texts that mean that there is no value. */
    missing: z.array(z.string().max(40)).max(20).optional(),
    separator: z.enum([',', ';', '\t', '|']).optional(),
    /** Which row is the header, from 0. */
    header: z.int().min(0).max(50).optional(),
  })
  .refine(
    ({ quantity, value }) => (quantity === undefined) === (value === undefined),
    'quantity and value go together: the columns of a table with one value a row',
  );

const quantity = z
  .string()
  .refine(
    (name) => quantities.has(name) && quantities.get(name)?.derived !== 'always',
    'a quantity that is measured is expected, such as rainfall',
  );

/** What stations are set to: for all of a source, or for one alone. */
const station = {
  /** IANA zone of times that come without one. */
  timeZone: z.string().refine(isTimeZone, 'a zone such as America/Sao_Paulo is expected').optional(),
  /** Unit by field of the message, where the producer was set to another than usual. */
  units: z.record(z.string().max(200), z.string().max(20)).optional(),
  /** The span that rain and gusts cover, `PT10M`, when the message does not say. */
  interval: z
    .string()
    .regex(/^P(?=\d|T\d)(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?$/, 'a span such as PT10M is expected')
    .optional(),
  /** Quantity by field of the message, where the format does not know the field. */
  quantities: z.record(z.string().max(200), quantity).optional(),
};

const path = z.string().min(1).max(200);

/** Where JSON of your own has what (format `json`). */
const message = z
  .strictObject({
    /** Path of the station's name, `device.id`. */
    station: path.optional(),
    /** Which segment of the topic is the station's name, from 1. */
    stationTopic: z.int().min(1).max(50).optional(),
    /** Path of the time; without it when the message came. */
    time: path.optional(),
    /** Path of a list whose elements are a report each. */
    each: path.optional(),
    /** What a field is multiplied by: 0.2 mm for each tip. */
    scales: z.record(path, z.number().min(-1e6).max(1e6)).optional(),
  })
  .refine(
    ({ station, stationTopic }) => station !== undefined || stationTopic !== undefined,
    'station (a path) or stationTopic (a segment of the topic) is expected',
  );

/** How messages are written, and what they do not say themselves. */
const written = {
  /** Of which kind of producer they are. */
  format: z.enum(names(formats)),
  /** Our station by the producer's name of it; another one is called `<format>:<its name>`. */
  stations: z.record(z.string().max(200), z.string().max(64)).optional(),
  ...station,
  /** What holds for one station alone, by our name of it. */
  profiles: z.record(z.string().max(64), z.strictObject(station)).optional(),
  /** How a LoRaWAN device packs its bytes. */
  codec: z.enum(names(codecs)).optional(),
  table: table.optional(),
  message: message.optional(),
};

/** The same where our own reports are what is expected. */
const writtenOrOurs = { ...written, format: z.enum(['report', ...names(formats)]).default('report') };

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Names a source among others: its cursor and its counts. */
const sourceName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'a name such as inmet is expected');

const poll = z.strictObject({
  kind: z.literal('poll'),
  name: sourceName,
  /** `{since}`, `{sinceDate}`, `{now}` and `{nowDate}` stand for instants and days, in UTC. */
  url: z.string().regex(/^https?:\/\//, 'an address such as https://api.example.org/v1 is expected'),
  headers: z.record(z.string().max(100), secret).optional(),
  every: span.default(300_000),
  /** How far back the first question reaches. */
  first: span.default(86_400_000),
  /** How far behind the newest answer each question begins anew. */
  overlap: span.default(3_600_000),
  ...written,
});

const udp = z.strictObject({
  kind: z.literal('udp'),
  /** `0.0.0.0` hears broadcasts. */
  host: z.string().max(100).default('127.0.0.1'),
  port: z.int().min(1).max(65_535),
  ...written,
});

const folder = z.strictObject({
  kind: z.literal('folder'),
  directory: z.string(),
  ...writtenOrOurs,
});

const http = z.strictObject({
  kind: z.literal('http'),
  /** The door is `/in/<name>`. */
  name: sourceName,
  /** What the producer must send as `key` in its query or form, or as bearer token. */
  key: secret.optional(),
  ...written,
});

const rabbitmq = z.strictObject({
  kind: z.literal('rabbitmq'),
  urls: rabbitmqUrls,
  /** An exchange that is there. */
  exchange: z.string().min(1).max(255),
  /** Pattern of the binding, or several. */
  routingKey: z.union([z.string().max(255), z.array(z.string().max(255)).min(1).max(100)]).default('#'),
  /** The queue of ours. */
  queue: z.string().min(1).max(255).default('atalaia'),
  contentType,
  ...writtenOrOurs,
});

const kafka = z.strictObject({
  kind: z.literal('kafka'),
  ...kafkaAccess,
  /** Positions are kept under this name, so two systems that read one topic need two. */
  group: z
    .string()
    .regex(/^[\w.-]{1,200}$/, 'a name such as atalaia is expected')
    .default('atalaia'),
  /** Where to begin in a partition that has no position yet. */
  from: z.enum(['oldest', 'newest']).default('oldest'),
  contentType,
  ...writtenOrOurs,
});

const kinesis = z.strictObject({
  kind: z.literal('kinesis'),
  /** A stream that is there. */
  stream: z.string().regex(/^[\w.-]{1,128}$/, 'a name such as observations is expected'),
  region: z.string().optional(),
  /** Another address than AWS's own. */
  endpoint: z.string().optional(),
  /** Where to begin in a shard that was not read before. */
  from: z.enum(['oldest', 'newest']).default('oldest'),
  contentType,
  ...writtenOrOurs,
});

/** Brokers of MQTT, and what is taken from them. */
const mqttAccess = {
  urls: z
    .array(z.string().regex(/^mqtts?:\/\/./, 'an address such as mqtt://broker:1883 is expected'))
    .min(1)
    .max(8),
  /** Topic filters. */
  topics: z.array(z.string().min(1).max(1000)).min(1).max(100),
  version: z.enum(['3.1.1', '5']).default('5'),
  /** Names our session on the broker, the same after each restart; every process needs one of its own. */
  clientId: secret.optional(),
  /** Messages that are handled at once, of one topic one after the other. */
  inFlight: z.int().min(1).max(1000).default(64),
  ca: secret.optional(),
};

const mqtt = z.strictObject({
  kind: z.literal('mqtt'),
  name: sourceName,
  ...mqttAccess,
  /** Processes of one group share the messages. */
  sharedGroup: z
    .string()
    .regex(/^[^/#+]{1,200}$/, 'a name such as atalaia is expected')
    .optional(),
  /** How long the broker keeps our session while we are away (MQTT 5). */
  session: span.default(7 * 86_400_000),
  /** Messages that were retained, however old: only where messages say their own time. */
  retained: z.enum(['ignore', 'take']).default('ignore'),
  username: secret.optional(),
  password: secret.optional(),
  contentType,
  ...writtenOrOurs,
});

const wis2 = z.strictObject({
  kind: z.literal('wis2'),
  name: sourceName,
  /** Brokers, all of which are listened to: what comes by several counts once. */
  ...mqttAccess,
  /** How long a broker keeps our session while we are away (MQTT 5). */
  session: span.default(86_400_000),
  username: secret.default('everyone'),
  password: secret.default('everyone'),
  /** Whether data may lie in private networks. */
  allowPrivate: z.boolean().default(false),
  /** Files that are fetched at once. */
  downloads: z.int().min(1).max(64).default(8),
  ...written,
});

const capFeed = z.strictObject({
  kind: z.literal('cap-feed'),
  /** Names the feed in lists and counts. */
  name: sourceName,
  url: z.string().regex(/^https?:\/\//, 'an address such as https://alerts.example.org/cap.atom is expected'),
  /** Sent with the question for the feed, not for messages behind links. */
  headers: z.record(z.string().max(100), secret).optional(),
  every: span.default(120_000),
  /** What messages must name as `sender`: all others are refused. */
  senders: z.array(z.string().trim().min(1).max(500)).min(1).max(1000),
  /** Hosts beside that of the feed from which messages behind its links are fetched, with the port where it is unusual. */
  hosts: z
    .array(z.string().regex(/^[a-z0-9.-]+(:\d{1,5})?$/, 'a host such as cap.example.org is expected'))
    .max(50)
    .default([]),
  /** Messages behind links that one reading fetches at most. */
  maxMessages: z.int().min(1).max(2000).default(200),
  /** Whether feed and messages may lie in private networks. */
  allowPrivate: z.boolean().default(false),
});

const all = [scenario, http, poll, udp, folder, rabbitmq, kafka, kinesis, mqtt, wis2, capFeed] as const;
const MAX_SOURCES = 64;

/** `sources` of the configuration: where reports come from beside `POST /observations`. */
export const sourcesConfig = z
  .array(
    z.discriminatedUnion(
      'kind',
      all,
      kinds(
        'scenario',
        'http',
        'poll',
        'udp',
        'folder',
        'rabbitmq',
        'kafka',
        'kinesis',
        'mqtt',
        'wis2',
        'cap-feed',
      ),
    ),
  )
  .max(MAX_SOURCES)
  .refine(
    (sources) => sources.length < 2 || sources.every(({ kind }) => kind !== 'scenario'),
    'a scenario has a time of its own, so it is the only source where there is one',
  )
  .refine(
    (sources) =>
      sources.every((source) => !('format' in source) || source.format !== 'report' || isOurs(source)),
    'stations, timeZone, units, codec, interval, quantities, profiles, table and message go with the format of a producer, which is to be named',
  )
  .refine(
    (sources) =>
      sources.every(
        (source) => !('format' in source) || source.format !== 'csv' || (source.table && source.quantities),
      ),
    'the format csv needs table (time: its column) and quantities (column: quantity)',
  )
  .refine(
    (sources) =>
      sources.every(
        (source) =>
          !('format' in source) || source.format !== 'json' || (source.message && source.quantities),
      ),
    'the format json needs message (where the station is) and quantities (path: quantity)',
  )
  .default([]);

export type SourceConfig = z.infer<typeof sourcesConfig>[number];
export type ScenarioConfig = z.infer<typeof scenario>;
export type HttpSourceConfig = z.infer<typeof http>;
/** A source that is opened beside the system; a door is part of the HTTP server. */
export type LiveSourceConfig = Exclude<SourceConfig, ScenarioConfig | HttpSourceConfig>;
export type PollSourceConfig = z.infer<typeof poll>;
export type UdpSourceConfig = z.infer<typeof udp>;
export type FolderSourceConfig = z.infer<typeof folder>;
export type RabbitmqSourceConfig = z.infer<typeof rabbitmq>;
export type KafkaSourceConfig = z.infer<typeof kafka>;
export type KinesisSourceConfig = z.infer<typeof kinesis>;
export type MqttSourceConfig = z.infer<typeof mqtt>;
export type Wis2SourceConfig = z.infer<typeof wis2>;
export type CapFeedConfig = z.infer<typeof capFeed>;

const isOurs = (source: object): boolean =>
  !['stations', 'timeZone', 'units', 'codec', 'interval', 'quantities', 'profiles', 'table', 'message'].some(
    (key) => key in source,
  );

interface WithSources {
  readonly sources: readonly SourceConfig[];
}

/** The recording that is played, if any. */
export const scenarioOf = ({ sources }: WithSources): ScenarioConfig | undefined =>
  sources.find((source) => source.kind === 'scenario');

/** The sources that bring what happens now. */
export const liveSourcesOf = ({ sources }: WithSources): readonly LiveSourceConfig[] =>
  sources.filter((source) => source.kind !== 'scenario' && source.kind !== 'http');

/** The feeds of other authorities, by name. */
export const capFeedsOf = ({ sources }: WithSources): readonly string[] =>
  sources.flatMap((source) => (source.kind === 'cap-feed' ? [source.name] : []));

/** The doors of the HTTP server for producers that cannot send our reports. */
export const doorsOf = ({ sources }: WithSources): readonly HttpSourceConfig[] =>
  sources.filter((source) => source.kind === 'http');

/** Media type of a message: as the configuration says, else as the message, else JSON. */
export const formOf = (settings: { readonly contentType?: string | undefined }, own: unknown): string =>
  settings.contentType ?? (typeof own === 'string' && own !== '' ? own : 'application/json');

/** What the configuration says of how messages are written; undefined for our own reports. */
export function writtenOrOursOf(settings: Parameters<typeof writtenOf>[0]): Written | undefined {
  return settings.format === 'report' ? undefined : writtenOf(settings);
}

/** What the configuration says of how messages of a producer are written. */
export function writtenOf({
  format,
  stations,
  codec,
  table,
  message,
  profiles,
  ...all
}: Omit<HttpSourceConfig, 'kind' | 'name' | 'key'>): Written {
  return {
    format,
    profile: {
      ...{ stations: mapOf(stations), codec, table, ...profileOf(all) },
      message: message && { ...message, scales: message.scales && new Map(Object.entries(message.scales)) },
      profiles:
        profiles && new Map(Object.entries(profiles).map(([id, own]) => [id, definedOf(profileOf(own))])),
    },
  };
}

type StationSettings = Pick<HttpSourceConfig, 'timeZone' | 'units' | 'interval' | 'quantities'>;

const profileOf = ({ timeZone, units, interval, quantities: told }: StationSettings): StationProfile => ({
  ...{ timeZone, interval, units: mapOf(units), quantities: mapOf(told) },
});

const mapOf = (
  record: Readonly<Record<string, string>> | undefined,
): ReadonlyMap<string, string> | undefined => record && new Map(Object.entries(record));

/** What is not said of one station holds as for all. */
const definedOf = (profile: StationProfile): StationProfile =>
  Object.fromEntries(Object.entries(profile).filter(([, value]) => value !== undefined));
