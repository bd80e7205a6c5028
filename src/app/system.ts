import { openCapGate } from '../alerts/cap/gate.ts';
import { formatAlertEvent } from '../alerts/event-json.ts';
import type { Api } from '../api/server.ts';
import { createApi } from '../api/server.ts';
import type { Channel } from '../delivery/channel.ts';
import { channels as channelKinds } from '../delivery/channels/index.ts';
import { createDispatcher, type Dispatcher, type DispatcherEvent } from '../delivery/dispatcher.ts';
import { openScenario, type Scenario } from '../ingest/scenario.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { Log } from '../log/log.ts';
import type { Subject } from '../model/alert.ts';
import type { Area } from '../model/area.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import type { Ledger, StoredRevision } from '../store/ledger/ledger.ts';
import { CapPublisher } from './cap-publisher.ts';
import { type Config, guaranteesOf, guaranteeWarningsOf, workersOf } from './config.ts';
import { DocumentCache, toDocument } from './documents.ts';
import { Intake } from './intake.ts';
import { Metrics } from './metrics.ts';
import { type Place, placeOf } from './places.ts';
import { Player, type PlayerState } from './player.ts';
import { Processor } from './processor.ts';
import { readiness } from './readiness.ts';
import { CommandRelay } from './relay.ts';
import { RevisionFeed } from './revision-feed.ts';
import { StatusBoard } from './status.ts';
import { openStores, type Stores } from './stores.ts';
import { Ticker } from './ticker.ts';

/** Writes one JSON line per message; pino fits. */
export interface SystemLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface SystemOptions {
  readonly config: Config;
  readonly rules: readonly Rule[];
  readonly stations: readonly Station[];
  /** Named areas beside the regions. */
  readonly areas?: readonly Area[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: SystemLog;
  readonly webRoot: string | null;
  readonly version: string;
  /** What cannot be gone on from: the process must end. */
  readonly onFatal: (error: unknown) => void;
}

/** What a run is told about itself. */
export interface System {
  /** The recording of an exercise, or null. */
  player(): PlayerState | null;
  onRevision(callback: (revision: StoredRevision) => void): () => void;
  readonly api: Api;
  place(subject: Subject): Place | undefined;
  rule(name: string): Rule | undefined;
  /** Plays the recording; true when it was played to its end and its last alert is committed. */
  play(): Promise<boolean>;
  stop(): Promise<void>;
}

const PRUNE_EVERY_MS = 30_000;
const CATCH_UP_MS = 50;

/** Opens, wires and starts everything; the only place that knows every part. Stops in the opposite order. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const { config, clock, log } = options;
  tellLimits(options);
  const stores = await openStores(options);
  log.info({}, 'stores are open');
  const metrics = new Metrics();
  const clocks = (await stores.ledger.positions()).map(({ clockAt }) => clockAt).filter((at) => at > 0);
  const lastTickAt = Math.max(Number.NEGATIVE_INFINITY, ...clocks);
  const scenario = config.sources[0] ? openScenario(config.sources[0].directory) : null;
  const playing: { player: Player | null } = { player: null };
  const now = (): number => playing.player?.state.at ?? clock.now();

  const documents = new DocumentCache((hash) => stores.ledger.document(hash));
  const relay = new CommandRelay(stores.ledger, stores.log, now);
  const intake: Intake = new Intake({
    log: stores.log,
    ledger: stores.ledger,
    now,
    unknown: config.stations.unknown,
    adopt: (stations) => putRegistry(relay, stations, intake),
    onCounted: (what, by) => metrics.counted(what, by),
  });
  playing.player = openPlayer(options, stores.log, scenario, intake, lastTickAt);
  await putInForce(options, stores, relay, intake, scenario?.startAt ?? null);

  const feed = new RevisionFeed(stores.ledger);
  await feed.start();
  feed.on(({ revision }) => metrics.event(revision.event.event, revision.event.level));
  const address = { listening: config.listen };
  const baseUrl = (): string => `http://${address.listening}`;
  const publisher = await openPublisher(options, stores, documents, intake, baseUrl);
  const dispatcher = openDispatcher(options, stores.ledger, publisher, intake, metrics);
  const processor = openProcessor(options, stores, documents, feed, dispatcher, metrics);
  const tickFailed = (error: unknown): void => log.error({ err: error }, 'tick failed');
  const ticker = scenario ? null : new Ticker(stores.log, clock, lastTickAt, tickFailed);
  const player = (): PlayerState | null => playing.player?.state ?? null;
  const status = new StatusBoard({ options, stores, intake, processor, player, now });
  await processor.start();
  log.info({}, 'partitions are taken over');
  await ticker?.start();
  await status.refresh();
  status.start();
  const api = await openApi({
    options,
    stores,
    intake,
    feed,
    publisher,
    metrics,
    status,
    processor,
    ticker,
    now,
    address,
  });
  dispatcher.start();
  const stopPruning = pruneRegularly(processor, log);
  return {
    player,
    onRevision: (callback) => feed.on(callback),
    api,
    place: (subject) => placeOf(subject, intake),
    rule: (name) => options.rules.find((rule) => rule.name === name),
    play: () => (playing.player ? playToEnd(playing.player, stores.log, clock) : Promise.resolve(false)),
    stop: () =>
      stopAll(stores, [
        async () => {
          stopPruning();
          status.stop();
          playing.player?.stop();
        },
        () => api.close(),
        async () => ticker?.stop(),
        () => dispatcher.stop(),
        () => processor.stop(),
      ]),
  };
}

/** What is less than the operator may expect of the configuration. */
function tellLimits({ config, log }: SystemOptions): void {
  for (const warning of guaranteeWarningsOf(config)) log.warn({}, warning);
}

/** A recording ends when the fold has caught up with it: what was appended last is told too. False when it was stopped. */
async function playToEnd(player: Player, log: Log, clock: Clock): Promise<boolean> {
  await player.play();
  while (!player.isStopped) {
    if ((await log.lag('processor')) === 0) return true;
    await sleep(clock, CATCH_UP_MS);
  }
  return false;
}

/** Lets go of checkpoints and log that nothing needs any more, now and then; the returned function ends it. */
function pruneRegularly(processor: Processor, log: SystemLog): () => void {
  const prune = (): void =>
    void processor.prune().catch((error) => log.warn({ err: error }, 'pruning failed'));
  const timer = setInterval(prune, PRUNE_EVERY_MS);
  return () => clearInterval(timer);
}

/** Ends the parts in order, then closes what they wrote to. */
async function stopAll(stores: Stores, parts: readonly (() => Promise<void>)[]): Promise<void> {
  for (const stop of parts) await stop();
  await stores.log.close();
  await stores.topic?.log.close();
  await stores.archive.close();
  await stores.ledger.close();
}

/** The recording to play, going on from where the log has it; null without one. */
function openPlayer(
  { config, clock }: SystemOptions,
  log: Log,
  scenario: Scenario | null,
  intake: Intake,
  resumeAt: number,
): Player | null {
  if (!scenario) return null;
  const durationMs = config.sources[0]?.duration ?? 60_000;
  return new Player({
    scenario,
    log,
    clock,
    durationMs,
    resumeAt,
    append: (reports) => intake.append(reports),
  });
}

function openProcessor(
  { config, log, onFatal }: SystemOptions,
  stores: Stores,
  documents: DocumentCache,
  feed: RevisionFeed,
  dispatcher: Dispatcher,
  metrics: Metrics,
): Processor {
  const tell = async (): Promise<void> => {
    await feed.pump();
    dispatcher.nudge();
  };
  return new Processor({
    ...stores,
    documents,
    latenessMs: config.pipeline.lateness,
    everyMs: config.pipeline.mode === 'streaming' ? 0 : config.pipeline.every,
    checkpointEveryMs: config.pipeline.checkpointEvery,
    guarantees: guaranteesOf(config),
    workers: {
      ...workersOf(config),
      onEvent: (event) => {
        if (event.kind === 'replaced') {
          metrics.workerRestarted();
          log.error({ err: event.cause }, 'a fold worker ended and was replaced');
        } else log.info({ from: event.from, to: event.to }, 'fold workers follow the lag');
      },
    },
    onCommitted: () =>
      void tell().catch((error) => log.warn({ err: error }, 'revisions not told to listeners')),
    onCounted: (what, by) => metrics.counted(what, by),
    onArchiveOutage: (error) => {
      if (error === null) log.warn({}, 'the archive is written again');
      else log.error({ err: error }, 'the archive cannot be written; tried again, alerts go on meanwhile');
    },
    onFailure: (error) => {
      if (isSkip(error)) log.error({ err: error }, 'record skipped');
      else onFatal(error);
    },
  });
}

const isSkip = (error: unknown): boolean => error instanceof Error && error.message.includes('was skipped');

/** Stations, and the areas that they belong to. */
async function putRegistry(relay: CommandRelay, stations: readonly Station[], intake: Intake): Promise<void> {
  await relay.putStations(stations);
  await relay.putAreas(intake.areas(), stations);
}

/** Rules, registry and recording of this start are put in force unless they are already. */
async function putInForce(
  { rules, stations, areas, config, clock }: SystemOptions,
  { ledger, log }: Stores,
  relay: CommandRelay,
  intake: Intake,
  recordingFrom: number | null,
): Promise<void> {
  await relay.relay();
  // A later fold of this log by `replay --log` must forgive the same lateness.
  await ledger.putMeta('lateness', String(config.pipeline.lateness));
  if (stations.length > 0) await ledger.putStations(stations);
  await intake.load();
  if (recordingFrom !== null) await relay.putRecording(recordingFrom, 0);
  // A live registry counts silence from now on, so the clock stands before the stations come.
  else if (((await log.bounds(0)).next ?? 0) === 0)
    await new Ticker(log, clock, Number.NEGATIVE_INFINITY, () => {}).once();
  intake.setAreas(areas ?? []);
  await putRegistry(relay, intake.stations(), intake);
  await relay.putRules(rules);
  await ledger.putSubscriptions(
    'config',
    config.subscriptions.map(({ address, ...subscription }) => ({
      id: `config:${subscription.name}`,
      ...subscription,
      ...(address === undefined ? {} : { address }),
    })),
  );
}

async function openPublisher(
  options: SystemOptions,
  { ledger }: Stores,
  documents: DocumentCache,
  intake: Intake,
  baseUrl: () => string,
): Promise<CapPublisher> {
  const { config, log } = options;
  return new CapPublisher({
    ledger,
    gate: await openCapGate(),
    environment: config.environment,
    server: config.server,
    baseUrl,
    rules: async (ruleSet) => {
      await documents.ensure(ruleSet);
      return documents.get<readonly Rule[]>(ruleSet);
    },
    place: (subject) => placeOf(subject, intake),
    onInvalid: (alert, problems) =>
      log.error({ alert, problems }, 'CAP message refused by the gate; it does not leave'),
  });
}

function openDispatcher(
  { config, clock, random, log }: SystemOptions,
  ledger: Ledger,
  publisher: CapPublisher,
  intake: Intake,
  metrics: Metrics,
): Dispatcher {
  const channels = new Map<string, Channel>();
  for (const [name, settings] of Object.entries(config.channels)) {
    channels.set(name, channelKinds[settings.kind].create(settings, { clock }));
  }
  return createDispatcher({
    ledger,
    channels,
    clock,
    random,
    body: ({ revision }) => formatAlertEvent(revision.event),
    // The CAP message stands before any delivery of its revision is due.
    prepare: (revision) => publisher.publish(revision),
    regionsOf: ({ revision }) => [placeOf(revision.event.subject, intake)?.station.region ?? ''],
    onEvent: (event: DispatcherEvent) => {
      if (event.kind === 'delivered') metrics.delivery('delivered', event.tookMs);
      else if (event.kind === 'retry' || event.kind === 'dead') metrics.delivery(event.kind);
      if (event.kind === 'dead' || event.kind === 'fault')
        log.error({ reason: event.reason }, `delivery ${event.kind}`);
    },
  });
}

interface ApiParts {
  readonly options: SystemOptions;
  readonly stores: Stores;
  readonly intake: Intake;
  readonly feed: RevisionFeed;
  readonly publisher: CapPublisher;
  readonly metrics: Metrics;
  readonly status: StatusBoard;
  readonly processor: Processor;
  readonly ticker: Ticker | null;
  readonly now: () => number;
  /** Where the server listens, for addresses in messages. */
  readonly address: { listening: string };
}

async function openApi(parts: ApiParts): Promise<Api> {
  const { options, stores, intake, feed, publisher, metrics, status, now } = parts;
  const version = toDocument(options.rules).hash.slice(0, 12);
  const api = await createApi({
    ledger: stores.ledgerForPeople,
    archive: stores.archive,
    environment: options.config.environment,
    language: 'pt-BR',
    ingest: (request) => intake.request(request),
    now,
    status: () => status.current(),
    readiness: () => readiness({ ...parts, status, dataDirectory: options.config.data }),
    metrics: async () => {
      metrics.gauges({ ...(await status.gauges()), workers: parts.processor.workers });
      return metrics.text();
    },
    onRevision: (callback) => feed.on(callback),
    capFeed: (format) => publisher.feed(format, now()),
    rules: () => options.rules.map((rule) => ({ ...rule, version })),
    stations: () => intake.stations(),
    putStation: (station) => intake.put([station]),
    stationView: (id) => status.station(id),
    channels: () => Object.keys(options.config.channels),
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
