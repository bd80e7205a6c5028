import { RETENTION_MS } from '../alerts/foreign/facts.ts';
import { KEEP_MS } from '../alerts/foreign/state.ts';
import type { Api } from '../api/server.ts';
import { openScenario, type Scenario } from '../ingest/scenario.ts';
import type { Log } from '../log/log.ts';
import type { Rule } from '../model/rule.ts';
import { isSelfTest } from '../model/self-test.ts';
import type { Station } from '../model/station.ts';
import type { Subject } from '../model/subject.ts';
import { changeFeedState } from '../store/ledger/foreign-feed.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import { openAccess } from './access.ts';
import type { Assignment } from './assignment.ts';
import { oldRevisions } from './backup/restored.ts';
import { followOthers, openAssignment, playToEnd } from './cluster.ts';
import { type Config, guaranteesOf, guaranteeWarningsOf, reviewedRule, workersOf } from './config.ts';
import { openPublisher, openSending } from './deliveries.ts';
import { DocumentCache } from './documents.ts';
import { Intake } from './intake.ts';
import { Upkeep } from './lake/upkeep.ts';
import { Metrics } from './metrics.ts';
import { type Place, placeOf } from './places.ts';
import { Player, type PlayerState } from './player.ts';
import { Processor } from './processor.ts';
import { CommandRelay } from './relay.ts';
import { RevisionFeed } from './revision-feed.ts';
import { subscriptionsOf } from './roster-config.ts';
import {
  type ApiParts,
  beatReadiness,
  openApi,
  openBacktests,
  readinessOf,
  startHeartbeat,
  startSelfTest,
} from './serve.ts';
import { liveSourcesOf, scenarioOf } from './source-config.ts';
import { SourceIntake, tellSeldom } from './source-intake.ts';
import { Sources } from './sources.ts';
import { StatusBoard } from './status.ts';
import { openStores, type Stores } from './stores.ts';
import { putSubscriberSecret } from './subscribers.ts';
import type { SystemOptions } from './system-options.ts';
import { Ticker } from './ticker.ts';

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

/** How the parts that were started stop, in that order. */
type Stops = (() => Promise<void>)[];

/** Opens, wires and starts everything; what was started stops again, in the opposite order, when a later part cannot. */
export async function startSystem(given: SystemOptions): Promise<System> {
  const { log } = given;
  const rules = given.rules.map((rule) => reviewedRule(given.config, rule));
  const options = { ...given, rules };
  tellLimits(options);
  const stores = await openStores(options);
  log.info({}, 'stores are open');
  const stops: Stops = [];
  try {
    return await startParts(options, stores, stops);
  } catch (error) {
    await stopAll(stores, stops).catch((err) => log.warn({ err }, 'not everything could be stopped'));
    throw error;
  }
}

const documentsOf = ({ ledger }: Stores, { pipeline }: Config): DocumentCache =>
  new DocumentCache((hash) => ledger.document(hash), pipeline.quality === 'on');

/** The only place that knows every part. */
async function startParts(options: SystemOptions, stores: Stores, stops: Stops): Promise<System> {
  const { config, clock, log } = options;
  const access = await openAccess(stores.access, { config, file: options.file ?? null, clock, log });
  stops.unshift(() => access.stop());
  const metrics = new Metrics();
  const clocks = (await stores.ledger.positions()).map(({ clockAt }) => clockAt).filter((at) => at > 0);
  const lastTickAt = Math.max(Number.NEGATIVE_INFINITY, ...clocks);
  const recorded = scenarioOf(config);
  const scenario = recorded ? openScenario(recorded.directory) : null;
  const playing: { player: Player | null } = { player: null };
  const now = (): number => playing.player?.state.at ?? clock.now();

  const documents = documentsOf(stores, config);
  const relay = new CommandRelay(stores.ledger, stores.log, now);
  const intake = openIntake(options, stores, relay, metrics, now);
  playing.player = openPlayer(options, stores.log, scenario, intake, lastTickAt);
  await begin(options, stores, relay, intake, scenario?.startAt ?? null);

  const feed = new RevisionFeed(stores.ledger);
  await feed.start();
  const address = { listening: config.listen };
  const { url } = config.server;
  const baseUrl = (): string => url?.replace(/\/+$/, '') ?? `http://${address.listening}`;
  const publisher = await openPublisher(options, stores, documents, intake, baseUrl, stops);
  const isMuted = await oldRevisions(stores.ledger, scenario === null);
  const sending = { options, stores, publisher, intake, metrics, isMuted, baseUrl };
  const { dispatcher, desk, subscribers } = await openSending(sending, stops);
  feed.on(() => dispatcher.nudge());
  const { processor, assignment } = openFolding(options, stores, documents, feed, metrics);
  const ticker = scenario ? null : openTicker(options, stores, processor, lastTickAt);
  const player = (): PlayerState | null => playing.player?.state ?? null;
  const status = new StatusBoard({ options, stores, intake, processor, player, now });
  // Before it begins: what is begun half must stop, too.
  stops.unshift(() => processor.stop());
  await processor.start();
  stops.unshift(async () => assignment?.leave());
  await assignment?.join();
  log.info({}, assignment ? 'this process is one of a group' : 'partitions are taken over');
  stops.unshift(
    async () => ticker?.stop(),
    () => dispatcher.stop(),
  );
  await ticker?.start();
  await status.refresh();
  status.start();
  const base = { options, stores, intake, feed, publisher, metrics, desk, now };
  const backtests = openBacktests(stores, intake, clock);
  const selfTest = startSelfTest(options, stores, relay, scenario === null, stops);
  const parts = { ...base, access, relay, status, processor, ticker, address, selfTest };
  const api = await openApi({ ...parts, backtests, subscribers: subscribers.desk });
  stops.unshift(async () => {
    status.stop();
    playing.player?.stop();
    await api.close();
    await backtests.close();
  });
  dispatcher.start();
  await startBeside(parts, stops);
  return {
    player,
    onRevision: (callback) => feed.on(callback),
    api,
    place: (subject) => placeOf(subject, intake),
    rule: (name) => options.rules.find((rule) => rule.name === name),
    play: () =>
      playing.player ? playToEnd(playing.player, stores, processor, clock) : Promise.resolve(false),
    stop: () => stopAll(stores, stops),
  };
}

/** What runs beside the way of the data: the beat for a watcher outside, sources, chores, and an ear for other processes. */
async function startBeside(parts: Omit<ApiParts, 'backtests' | 'subscribers'>, stops: Stops): Promise<void> {
  const { options, stores, metrics, processor, relay, feed, intake, status, selfTest } = parts;
  const stopBeat = startHeartbeat(options, metrics, () => beatReadiness(readinessOf(parts), selfTest));
  const sources = await openSources(parts);
  const stopPruning = startChores(options, stores, processor, relay, metrics, stops);
  const stopFollowing = stores.shared ? followOthers(options, stores, feed, intake) : () => {};
  stops.unshift(async () => {
    stopBeat();
    stopPruning();
    stopFollowing();
    status.stop();
    await sources.close();
  });
}

/** Ticks of the partitions that this process holds. */
function openTicker(
  { clock, log }: SystemOptions,
  stores: Stores,
  processor: Processor,
  lastTickAt: number,
): Ticker {
  const failed = (error: unknown): void => log.error({ err: error }, 'tick failed');
  const held = stores.shared ? (): readonly number[] => processor.held : undefined;
  return new Ticker(stores.log, clock, lastTickAt, failed, held);
}

function openIntake(
  { config }: SystemOptions,
  stores: Stores,
  relay: CommandRelay,
  metrics: Metrics,
  now: () => number,
): Intake {
  const intake: Intake = new Intake({
    log: stores.log,
    ledger: stores.ledger,
    now,
    unknown: config.stations.unknown,
    atMost: config.stations.held,
    adopt: (stations) => putRegistry(relay, stations, intake),
    ...(stores.shared ? { exclusively: stores.shared.exclusively } : {}),
    onCounted: (what, by) => metrics.counted(what, by),
  });
  return intake;
}

/** The processor, and what tells it which partitions are its own where others share the log. */
function openFolding(
  options: SystemOptions,
  stores: Stores,
  documents: DocumentCache,
  feed: RevisionFeed,
  metrics: Metrics,
): { readonly processor: Processor; readonly assignment: Assignment | null } {
  const to: { assignment: Assignment | null } = { assignment: null };
  const processor = openProcessor(options, stores, documents, feed, metrics, (partition) =>
    to.assignment?.fenced(partition),
  );
  to.assignment = openAssignment(options, stores, processor);
  feed.on(({ revision: { event }, position }) => {
    // Each process counts what it folded: the sum over all of them is right.
    if (isSelfTest(event)) return;
    if (!stores.shared || processor.held.includes(Number.parseInt(position, 10)))
      metrics.event(event.event, event.level);
  });
  return { processor, assignment: to.assignment };
}

/** What is less than the operator may expect of the configuration. */
function tellLimits({ config, log }: SystemOptions): void {
  for (const warning of guaranteeWarningsOf(config)) log.warn({}, warning);
}

/**
 * Now and then lets go of checkpoints and log that nothing needs any more, appends commands that the log did not take
 * when they came, and puts a new climatology in force; the returned function ends it.
 */
function pruneRegularly(
  processor: Processor,
  relay: CommandRelay,
  { shared, ledger }: Stores,
  { clock, log }: SystemOptions,
): () => void {
  const prune = (): void => {
    const pruned = [
      processor.prune(),
      ledger.pruneForeign(clock.now() - KEEP_MS, clock.now() - RETENTION_MS),
    ];
    for (const one of pruned) one.catch((error) => log.warn({ err: error }, 'pruning failed'));
    // A climatology made beside running processes is put in force by one of them.
    const put = (): Promise<void> => relay.putClimatology();
    void relay
      .relay()
      .then(() => shared?.exclusively(put) ?? put())
      .catch((error) => log.warn({ err: error }, 'commands wait for the log'));
  };
  const timer = setInterval(prune, PRUNE_EVERY_MS);
  return () => clearInterval(timer);
}

/** What is done now and then. Lake and retention: where processes share the archive, by the one that holds the first partition. */
function startChores(
  options: SystemOptions,
  stores: Stores,
  processor: Processor,
  relay: CommandRelay,
  metrics: Metrics,
  stops: Stops,
): () => void {
  const { config, clock, log } = options;
  const isMine = (): boolean => stores.shared === null || processor.held.includes(0);
  const upkeep = new Upkeep({
    config,
    clock,
    log,
    metrics,
    archive: stores.archive,
    ledger: stores.ledger,
    isMine,
  });
  stops.unshift(() => upkeep.stop());
  upkeep.start();
  return pruneRegularly(processor, relay, stores, options);
}

/** Ends the parts in order, then closes what they wrote to. */
async function stopAll(stores: Stores, parts: readonly (() => Promise<void>)[]): Promise<void> {
  for (const stop of parts) await stop();
  await stores.shared?.membership.close();
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
  const durationMs = scenarioOf(config)?.duration ?? 60_000;
  return new Player({
    scenario,
    log,
    clock,
    durationMs,
    resumeAt,
    append: (reports) => intake.append(reports),
  });
}

/** Takes in what brokers bring; closed before the log, so that nothing is acknowledged that the log does not have. */
async function openSources(
  parts: Pick<ApiParts, 'options' | 'stores' | 'intake' | 'metrics' | 'now'>,
): Promise<{ close(): Promise<void> }> {
  const { stores, intake, metrics, now } = parts;
  const { config, clock, random, log } = parts.options;
  const taking = new SourceIntake({
    ledger: stores.ledger,
    append: (reports) => intake.append(reports),
    stationInterval: (id) => intake.station(id)?.intervalMs,
    onFuture: (id, observedAt) => intake.clocks.seen(id, observedAt, now()),
    clock,
    now,
    onCounted: (what, by) => metrics.counted(what, by),
    onEvent: tellSeldom(clock, (event, unsaid) => log.warn({ ...event, unsaid }, `source: ${event.kind}`)),
  });
  const sources = await Sources.open({
    sources: liveSourcesOf(config),
    take: (message) => taking.take(message),
    log,
    clock,
    random,
    cursor: {
      load: async (source) => {
        const at = await stores.ledger.meta(`cursor:${source}`);
        return at === undefined ? null : Number(at);
      },
      save: (source, at) => stores.ledger.putMeta(`cursor:${source}`, String(at)),
      loadMark: (name) => stores.ledger.meta(`mark:${name}`),
      saveMark: (name, mark) => stores.ledger.putMeta(`mark:${name}`, mark),
    },
    foreign: {
      put: (facts) => stores.ledger.putForeign(facts),
      saveState: (feed, change) => changeFeedState(stores.ledger, feed, change),
    },
    onState: (source, isUp) => metrics.source(source, isUp),
    onCounted: (what, by) => metrics.counted(what, by),
  });
  return {
    async close() {
      taking.stop();
      await sources.close();
    },
  };
}

function openProcessor(
  { config, log, onFatal }: SystemOptions,
  stores: Stores,
  documents: DocumentCache,
  feed: RevisionFeed,
  metrics: Metrics,
  onFenced: (partition: number) => void,
): Processor {
  return new Processor({
    ...stores,
    onFenced: stores.shared ? onFenced : undefined,
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
      void feed.pump().catch((error) => log.warn({ err: error }, 'revisions not told to listeners')),
    onCounted: (what, by) => metrics.counted(what, by),
    onArchiveOutage: (error) => {
      if (error === null) log.warn({}, 'the archive is written again');
      else log.error({ err: error }, 'the archive cannot be written; tried again, alerts go on meanwhile');
    },
    onFailure: (error) => {
      if (isSkip(error)) log.error({ err: error }, 'record or revision skipped');
      else onFatal(error);
    },
    // Alerts go on while S3 is away: the log keeps what the next checkpoint would have.
    onCheckpointFailure: config.checkpoints
      ? (error) => log.error({ err: error }, 'checkpoint not kept; tried again')
      : undefined,
  });
}

const isSkip = (error: unknown): boolean =>
  error instanceof Error && /was (skipped|passed over)/.test(error.message);

/** Stations, and the areas that they belong to. */
async function putRegistry(relay: CommandRelay, stations: readonly Station[], intake: Intake): Promise<void> {
  await relay.putStations(stations);
  await relay.putAreas(intake.areas(), stations);
}

/** The registry as it is, and everything of this start in force: processes that start at once take turns. */
async function begin(
  options: SystemOptions,
  stores: Stores,
  relay: CommandRelay,
  intake: Intake,
  recordingFrom: number | null,
): Promise<void> {
  const put = (): Promise<void> => putInForce(options, stores, relay, intake, recordingFrom);
  await (stores.shared?.exclusively(put) ?? put());
  await intake.foldLeft();
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
  // A later fold of this log by `replay --log` must forgive the same lateness, and judge as this one does.
  await ledger.putMeta('lateness', String(config.pipeline.lateness));
  await ledger.putMeta('quality', config.pipeline.quality);
  if (stations.length > 0) await ledger.putStations(stations);
  await intake.load();
  if (recordingFrom !== null) await relay.putRecording(recordingFrom, 0);
  // A live registry counts silence from now on, so the clock stands before the stations come.
  else if (((await log.bounds(0)).next ?? 0) === 0)
    await new Ticker(log, clock, Number.NEGATIVE_INFINITY, () => {}).once();
  intake.setAreas(areas ?? []);
  await putRegistry(relay, intake.stations(), intake);
  await relay.putRules(rules);
  await relay.putClimatology();
  await putSubscriberSecret(ledger);
  await ledger.putSubscriptions('config', subscriptionsOf(config));
}
