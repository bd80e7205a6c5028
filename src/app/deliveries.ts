import { randomUUID } from 'node:crypto';
import { openCapGate } from '../alerts/cap/gate.ts';
import { formatAlertEvent } from '../alerts/event-json.ts';
import type { AlertFacts } from '../alerts/message-text.ts';
import type { DeliveryDesk } from '../api/channels/desk.ts';
import { endAddress } from '../api/subscriptions.ts';
import type { Channel } from '../delivery/channel.ts';
import { channels as channelKinds } from '../delivery/channels/index.ts';
import {
  createDispatcher,
  type Dispatcher,
  type DispatcherEvent,
  type DispatcherOptions,
} from '../delivery/dispatcher.ts';
import { createPeopleChannel } from '../delivery/people.ts';
import { readVapid } from '../lib/web-push.ts';
import { drillMarks, type Environment } from '../model/environment.ts';
import { textIn } from '../model/language.ts';
import type { Rule } from '../model/rule.ts';
import { isSelfTest, isSelfTestRecipient } from '../model/self-test.ts';
import { hazards } from '../rules/hazard.ts';
import { PEOPLE, type StoredRevision } from '../store/ledger/ledger.ts';
import { CapPublisher } from './cap-publisher.ts';
import { openCapSigner } from './cap-signer.ts';
import { CapSigning } from './cap-signing.ts';
import type { Config } from './config.ts';
import { ChannelWatch, createDesk } from './delivery-desk.ts';
import type { DocumentCache } from './documents.ts';
import type { Intake } from './intake.ts';
import type { Metrics } from './metrics.ts';
import { placeOf } from './places.ts';
import { directoryOf } from './roster-config.ts';
import { selfTestSubscriptions } from './self-test-config.ts';
import { shapesOf } from './shapes.ts';
import type { Stores } from './stores.ts';
import { openSubscribers, type Subscribers } from './subscribers.ts';
import type { SystemOptions } from './system.ts';

/** Signs CAP messages, where a key is configured, and looks after its certificate. */
function startSigning(
  { config, clock, log }: SystemOptions,
  stops: (() => Promise<void>)[],
): CapSigning | null {
  const { signature } = config.cap;
  if (!signature) return null;
  const signing = new CapSigning({
    signer: openCapSigner(signature, clock.now()),
    clock,
    warn: (message) => log.warn({}, message),
    error: (message) => log.error({}, message),
  });
  stops.unshift(async () => signing.stop());
  signing.start();
  return signing;
}

/** Writes the CAP messages of revisions, each through the gate of the standard. */
export async function openPublisher(
  options: SystemOptions,
  { ledger }: Stores,
  documents: DocumentCache,
  intake: Intake,
  baseUrl: () => string,
  stops: (() => Promise<void>)[],
): Promise<CapPublisher> {
  const { config, log } = options;
  const signing = startSigning(options, stops);
  return new CapPublisher({
    ledger,
    gate: await openCapGate(),
    ...(signing ? { signing } : {}),
    ...(config.cap.profile ? { profile: config.cap.profile } : {}),
    onUnfit: (alert, findings) =>
      log.warn({ alert, findings }, `CAP message leaves without what the profile ${config.cap.profile} asks`),
    environment: config.environment,
    server: config.server,
    baseUrl,
    rules: async (ruleSet) => {
      await documents.ensure(ruleSet);
      return documents.get<readonly Rule[]>(ruleSet);
    },
    ...(config.selfTest ? { timeZone: config.selfTest.timeZone } : {}),
    place: (subject) => placeOf(subject, intake),
    border: (code) => options.borders?.get(code),
    onInvalid: (alert, problems) =>
      log.error({ alert, problems }, 'CAP message refused by the gate; it does not leave'),
  });
}

/** Whether a channel of the configuration can tell several alerts in one message to a subscription with this address. */
export function canGroup({ channels }: Config, channel: string, address: string | undefined): boolean {
  // Each contact of a person is another channel.
  if (channel === PEOPLE) return false;
  const settings = channels[channel];
  return settings === undefined || channelKinds[settings.kind].canGroup(address);
}

/** Channels that browsers can subscribe to, with what each subscribes with. */
export const pushKeys = ({ channels }: Config): { readonly channel: string; readonly publicKey: string }[] =>
  Object.entries(channels).flatMap(([channel, settings]) => {
    const key = settings.kind === 'web-push' ? readVapid(String(settings.privateKey)) : undefined;
    return key ? [{ channel, publicKey: key.publicKey }] : [];
  });

/** The body of what is no alert says so, for a receiver who takes it for one: a drill, what waits for approval, a test. */
const markedBody = ({ event, draft }: StoredRevision['revision'], environment: Environment): string => {
  const marks = [
    ...(environment === 'actual' ? [] : [`,"environment":"${environment}"`]),
    ...(isSelfTest(event) ? [',"test":true'] : draft ? [',"draft":true'] : []),
  ];
  return `${formatAlertEvent(event).slice(0, -1)}${marks.join('')}}`;
};

/** What the texts of a revision tell beside its event. */
function factsOf(
  { revision }: StoredRevision,
  rules: readonly Rule[],
  intake: Intake,
  { server, selfTest }: Config,
): AlertFacts {
  const { event, text, expiresAt } = revision;
  const rule = revision.rule ?? rules.find(({ name }) => name === event.rule);
  const station = placeOf(event.subject, intake)?.station;
  const hazard = hazards.get(event.hazard)?.event;
  const none = { 'pt-BR': '', en: '' };
  return {
    title: rule?.title ?? hazard ?? { 'pt-BR': event.rule, en: event.rule },
    place: isSelfTest(event) ? server.name : (station?.name ?? event.subject.id),
    instruction:
      text === undefined
        ? (rule?.instruction ?? none)
        : { 'pt-BR': textIn(text, 'pt-BR'), en: textIn(text, 'en') },
    expiresAt,
    timeZone: station?.timeZone ?? selfTest?.timeZone ?? 'America/Sao_Paulo',
  };
}

/** One attempt on all contacts of a person, ms; below the limit of a channel, so that each is heard out. */
const PERSON_TIMEOUT_MS = 14_500;

/** What sending is made of. */
interface SendingParts {
  readonly options: SystemOptions;
  readonly stores: Stores;
  readonly publisher: CapPublisher;
  readonly intake: Intake;
  readonly metrics: Metrics;
  /** Revisions that nobody is told of. */
  readonly isMuted: (revision: StoredRevision) => boolean;
  /** Where this server is reached. */
  readonly baseUrl: () => string;
}

/** The channels of the configuration by their names. */
function openChannels({
  options: { config, clock, random },
  stores: { ledger },
  publisher,
}: SendingParts): ReadonlyMap<string, Channel> {
  const open = Object.entries(config.channels).map(([name, settings]): [string, Channel] => [
    name,
    channelKinds[settings.kind].create(settings, {
      ...{ clock, environment: config.environment },
      cap: async (alert, revision) =>
        (await ledger.cap(alert, revision))?.xml ?? (await publisher.selfTest(alert, revision)),
      gone: (address) => endAddress(ledger, name, address),
    }),
  ]);
  const channels = new Map(open);
  const directory = directoryOf(config);
  const timeoutMs = PERSON_TIMEOUT_MS;
  channels.set(PEOPLE, createPeopleChannel({ directory, channels: new Map(open), clock, random, timeoutMs }));
  return channels;
}

/** What sends: alerts to their subscriptions, letters to people who subscribe themselves; the desk tells what becomes of it. */
export async function openSending(
  parts: SendingParts,
  stops: (() => Promise<void>)[],
): Promise<{
  readonly dispatcher: Dispatcher;
  readonly desk: DeliveryDesk;
  readonly subscribers: Subscribers;
}> {
  const channels = openChannels(parts);
  const subscribers = await openSubscribers(parts.options, parts.stores, channels, parts.baseUrl);
  stops.unshift(() => subscribers.stop());
  const { config, clock } = parts.options;
  const watch = new ChannelWatch(clock);
  const by = dispatcherOptions(parts, channels, watch, subscribers.leaveLink);
  const dispatcher = createDispatcher(by);
  const desk = createDesk({ config, ledger: parts.stores.ledger, clock, watch, dispatcher, by });
  return { dispatcher, desk, subscribers };
}

/** What brings revisions to the channels of their subscriptions. */
function dispatcherOptions(
  { options, stores, publisher, intake, metrics, isMuted }: SendingParts,
  channels: ReadonlyMap<string, Channel>,
  watch: ChannelWatch,
  unsubscribe: (subscription: string) => string | undefined,
): DispatcherOptions {
  const { config, clock, random, log, rules, borders } = options;
  const { ledger, shared } = stores;
  return {
    ledger,
    directory: directoryOf(config),
    // What one of several left at a crash comes back when its lease ends: its name does not.
    ...(shared ? { claimer: randomUUID() } : {}),
    channels,
    clock,
    random,
    ...(config.deliveries.perMinute === undefined ? {} : { perMinute: config.deliveries.perMinute }),
    body: ({ revision }) => markedBody(revision, config.environment),
    ...(config.selfTest
      ? { selfTest: { subscriptions: selfTestSubscriptions(config), withinMs: config.selfTest.deadline } }
      : {}),
    mark: drillMarks[config.environment],
    facts: (stored) => factsOf(stored, rules, intake, config),
    // The CAP message stands before any delivery of its revision is due.
    prepare: (revision) => publisher.publish(revision),
    isMuted,
    unsubscribe,
    canGroup: ({ channel, address }) => canGroup(config, channel, address),
    shapesOf: ({ revision }) =>
      shapesOf(
        revision,
        revision.rule ?? rules.find(({ name }) => name === revision.event.rule),
        placeOf(revision.event.subject, intake),
        (code) => borders?.get(code),
      ),
    regionsOf: ({ revision }) => [placeOf(revision.event.subject, intake)?.station.region ?? ''],
    onEvent: (event: DispatcherEvent) => {
      // A test counts as itself alone (self-test.ts).
      if ('delivery' in event && isSelfTestRecipient(event.delivery.subscription)) return;
      watch.heard(event);
      if (event.kind === 'delivered') metrics.delivery('delivered', event.tookMs);
      else if (event.kind === 'retry' || event.kind === 'dead') metrics.delivery(event.kind);
      else if (event.kind === 'withheld') metrics.delivery(event.cause);
      else if (event.kind === 'superseded') metrics.delivery('superseded', undefined, event.count);
      if (event.kind === 'dead' || event.kind === 'fault')
        log.error({ reason: event.reason }, `delivery ${event.kind}`);
    },
  };
}
