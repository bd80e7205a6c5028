import type { AccessKeeper } from '../api/access/keeper.ts';
import type { DeliveryDesk } from '../api/channels/desk.ts';
import type { Readiness } from '../api/deps.ts';
import { type Api, createApi } from '../api/server.ts';
import type { SubscriberDesk } from '../api/subscribers/desk.ts';
import { Backtests } from './backtest/desk.ts';
import type { CapPublisher } from './cap/publisher.ts';
import { directoryOf } from './config/roster-config.ts';
import type { Config } from './config/schema.ts';
import { capFeedsOf, doorsOf } from './config/source-config.ts';
import { canGroup, pushKeys } from './deliveries/deliveries.ts';
import { toDocument } from './documents.ts';
import { Heartbeat } from './health/heartbeat.ts';
import type { Metrics } from './health/metrics.ts';
import { readiness } from './health/readiness.ts';
import type { StatusBoard } from './health/status.ts';
import { openDoorKeys, openDoors } from './intake/doors.ts';
import { appendForecasts, takeForecasts } from './intake/forecast-intake.ts';
import type { Intake } from './intake/intake.ts';
import { parseObserved } from './intake/observed-csv.ts';
import type { Processor } from './processor/processor.ts';
import { raiseDeps } from './raise.ts';
import type { CommandRelay } from './relay.ts';
import type { RevisionFeed } from './revision-feed.ts';
import { selfTestSubscriptions } from './self-test/config.ts';
import { SelfTest } from './self-test/self-test.ts';
import { publicSelfTest, selfTestView, startedView } from './self-test/view.ts';
import type { Stores } from './stores/stores.ts';
import type { SystemOptions } from './system-options.ts';
import type { Ticker } from './ticker.ts';

export interface ApiParts {
  readonly backtests: Backtests;
  readonly access: AccessKeeper;
  readonly subscribers: SubscriberDesk;
  readonly options: SystemOptions;
  readonly stores: Stores;
  readonly intake: Intake;
  readonly relay: CommandRelay;
  readonly feed: RevisionFeed;
  readonly publisher: CapPublisher;
  readonly metrics: Metrics;
  readonly desk: DeliveryDesk;
  readonly status: StatusBoard;
  readonly processor: Processor;
  readonly ticker: Ticker | null;
  /** Null where the system does not test itself. */
  readonly selfTest: SelfTest | null;
  readonly now: () => number;
  /** Where the server listens, for addresses in messages. */
  readonly address: { listening: string };
}

/** A front on this machine asks under the name that people know. */
const hostsOf = ({ server: { url } }: Config): string[] => (url === undefined ? [] : [new URL(url).hostname]);

/** The HTTP interface over the parts of the system. */
export async function openApi(parts: ApiParts): Promise<Api> {
  const { options, stores, intake, feed, publisher, metrics, status, now, selfTest } = parts;
  const version = toDocument(options.rules).hash.slice(0, 12);
  const ready = () => readinessOf(parts);
  const forecastDoor = {
    ...{ log: stores.log, intake, now },
    onCounted: (what: string, by: number) => metrics.counted(what, by),
  };
  const api = await createApi({
    ledger: stores.ledgerForPeople,
    archive: stores.archive,
    environment: options.config.environment,
    language: 'pt-BR',
    ingest: (request) => intake.request(request),
    ingestForecasts: (request) => takeForecasts(request, forecastDoor),
    readObserved: (csv, createdAt) => parseObserved(csv, 'CSV', createdAt),
    access: parts.access,
    proxies: options.config.access.proxies,
    hosts: hostsOf(options.config),
    doorKey: openDoorKeys(doorsOf(options.config)),
    door: openDoors({
      doors: doorsOf(options.config),
      intake,
      forecast: (forecasts, mayReport) => appendForecasts(forecasts, forecastDoor, mayReport),
      now,
      onCounted: (what, by) => metrics.counted(what, by),
    }),
    now,
    deliveryNow: options.clock.now,
    status: () => ({
      ...status.current(),
      ...(publisher.signature ? { capSignature: publisher.signature } : {}),
      ...(selfTest ? { selfTest: publicSelfTest(selfTest.status()) } : {}),
    }),
    readiness: ready,
    metrics: async () => {
      metrics.gauges({
        ...(await status.gauges()),
        workers: parts.processor.workers,
        isReady: ready().ready,
        outboxMs: status.oldestOutboxAt === null ? 0 : Math.max(0, now() - status.oldestOutboxAt),
      });
      if (selfTest) metrics.selfTest(selfTest.status());
      return metrics.text();
    },
    onRevision: (callback) => feed.on(callback),
    capFeed: (request) => publisher.feed(request),
    rules: () => options.rules.map((rule) => ({ ...rule, version })),
    stations: () => intake.stations(),
    areas: () => intake.areas(),
    backtests: parts.backtests,
    capFeeds: capFeedsOf(options.config),
    putStation: (station) => intake.put([station]),
    putAct: (command, partition, act) => parts.relay.putAct(command, partition, act),
    ...(selfTest
      ? {
          selfTest: {
            status: () => selfTestView(selfTest.status()),
            now: async (id, by) => startedView(await selfTest.now(id, by)),
          },
        }
      : {}),
    ...raiseDeps(options, stores.log.partitions, parts.relay),
    stationView: (id) => status.station(id),
    directory: directoryOf(options.config),
    channels: () => Object.keys(options.config.channels),
    webPush: () => pushKeys(options.config),
    desk: parts.desk,
    canGroup: (channel, address) => canGroup(options.config, channel, address),
    subscribers: parts.subscribers,
    webRoot: options.webRoot,
    log: options.log,
  });
  return {
    ...api,
    async listen(host, port) {
      const bound = await api.listen(host, port);
      parts.address.listening = `${host.includes(':') ? `[${host}]` : host}:${bound.port}`;
      return bound;
    },
  };
}

/** Whether this server can warn people now. */
export const readinessOf = (
  parts: Pick<ApiParts, 'options' | 'status' | 'processor' | 'ticker' | 'now'>,
): Readiness => readiness({ ...parts, dataDirectory: parts.options.config.data });

/** What the watcher outside is to know, beside what `/readyz` says: that the newest test of every channel passed. */
export function beatReadiness(readiness: Readiness, selfTest: SelfTest | null): Readiness {
  if (!selfTest) return readiness;
  const { ok, detail } = selfTest.status();
  return { ready: readiness.ready && ok, checks: [...readiness.checks, { name: 'self-test', ok, detail }] };
}

/** The daily test of every channel, where one is configured; a recording has no days. */
export function startSelfTest(
  { config, clock, log }: SystemOptions,
  { ledger, log: records }: Stores,
  relay: CommandRelay,
  isLive: boolean,
  stops: (() => Promise<void>)[],
): SelfTest | null {
  if (!config.selfTest) return null;
  if (!isLive) {
    log.warn({}, 'selfTest: a recording is played, nothing is tested');
    return null;
  }
  const selfTest = new SelfTest({
    config: config.selfTest,
    channels: selfTestSubscriptions(config).map(({ channel }) => channel),
    ...{ ledger, relay, clock, partitions: records.partitions },
    onChange: ({ state, ok, detail }) =>
      ok ? log.info({ state }, `self test: ${detail}`) : log.error({ state }, `self test: ${detail}`),
    onFailure: (err) => log.error({ err }, 'self test: it could not be begun or read; tried again'),
  });
  stops.unshift(() => selfTest.stop());
  selfTest.start();
  return selfTest;
}

/** Sends the signal to a watcher outside, where one is configured; the returned function ends it. */
export function startHeartbeat(
  { config, clock, log }: SystemOptions,
  metrics: Metrics,
  ready: () => Readiness,
): () => void {
  if (!config.heartbeat) return () => {};
  const { url, every } = config.heartbeat;
  const beat = new Heartbeat({
    ...{ url, everyMs: every, clock, ready },
    onBeat: (outcome) => metrics.heartbeat(outcome),
    onChange: (why) =>
      why === null ? log.info({}, 'heartbeats are sent again') : log.warn({ why }, 'no heartbeat is sent'),
  });
  beat.start();
  return () => beat.stop();
}

/** Backtests over the archive of this server. */
export const openBacktests = (
  { archive }: Stores,
  intake: Intake,
  { now }: SystemOptions['clock'],
): Backtests =>
  new Backtests({ archive, now, stations: () => intake.stations(), areas: () => intake.areas() });
