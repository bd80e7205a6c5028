import type { Api } from '../api/server.ts';
import { openScenario, type Scenario } from '../ingest/scenario.ts';
import type { Log } from '../log/log.ts';
import type { Rule } from '../model/rule.ts';
import type { Subject } from '../model/subject.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import { openAccess } from './access.ts';
import { oldRevisions } from './backup/restored.ts';
import { startChores } from './chores.ts';
import { followOthers, playToEnd } from './cluster.ts';
import { guaranteeWarningsOf, reviewedRule } from './config/config.ts';
import type { Config } from './config/schema.ts';
import { scenarioOf } from './config/source-config.ts';
import { openPublisher, openSending } from './deliveries/deliveries.ts';
import { type Place, placeOf } from './deliveries/places.ts';
import { DocumentCache } from './documents.ts';
import { Metrics } from './health/metrics.ts';
import { StatusBoard } from './health/status.ts';
import { begin, putRegistry } from './in-force.ts';
import { Intake } from './intake/intake.ts';
import { Player, type PlayerState } from './player.ts';
import { openFolding } from './processor/folding.ts';
import type { Processor } from './processor/processor.ts';
import { CommandRelay } from './relay.ts';
import { RevisionFeed } from './revision-feed.ts';
import {
  type ApiParts,
  beatReadiness,
  openApi,
  openBacktests,
  readinessOf,
  startHeartbeat,
  startSelfTest,
} from './serve.ts';
import { openSources } from './sources/live.ts';
import { openStores } from './stores/opening.ts';
import type { Stores } from './stores/stores.ts';
import type { Stops, SystemOptions } from './system-options.ts';
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

/** What is less than the operator may expect of the configuration. */
function tellLimits({ config, log }: SystemOptions): void {
  for (const warning of guaranteeWarningsOf(config)) log.warn({}, warning);
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
