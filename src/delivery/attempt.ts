import { groupBody } from '../alerts/group-text.ts';
import type { Clock } from '../lib/clock.ts';
import { withoutAddresses } from '../lib/redact.ts';
import type { AlertEvent } from '../model/alert.ts';
import { isSelfTest } from '../model/self-test.ts';
import type { ClaimedDelivery, DeliveryOutcome } from '../store/ledger/ledger.ts';
import { type BackoffBounds, backoffMs, defaultBackoff } from './backoff.ts';
import type { Breaker } from './breaker.ts';
import type { Channel, Notification, Outcome } from './channel.ts';
import { type DispatcherOptions, textOf } from './options.ts';

const DEFAULT_ATTEMPTS = 20;
const DEFAULT_TIMEOUT_MS = 15_000;
const TEST_OVER = 'the time of the test was over';
/** A red waits behind it: a receiver that takes all but this revision must not keep the red for an hour. */
const beforeRedBackoff: BackoffBounds = { baseMs: 1000, capMs: 10_000 };

/** How long a channel may take, ms. */
export const timeoutOf = (options: DispatcherOptions): number =>
  options.deliverTimeoutMs ?? DEFAULT_TIMEOUT_MS;

/** Writes an outcome; resolves when the ledger has it. */
export type Settle = (outcome: DeliveryOutcome) => Promise<void>;

/** Sends one claimed delivery and settles it: delivered, again later, or dead. Rejects only when the ledger does. */
export async function attemptDelivery(
  options: DispatcherOptions,
  breaker: Breaker,
  delivery: ClaimedDelivery,
  companions: readonly AlertEvent[],
  settle: Settle,
): Promise<void> {
  const { clock, random } = options;
  const { key, destination } = delivery;
  const emit = options.onEvent ?? (() => {});
  const began = clock.monotonicMs();
  const isTest = isSelfTest(delivery.stored.revision.event);
  const tooLateAt = delivery.stored.revision.event.issuedAt + (options.selfTest?.withinMs ?? 0);
  if (isTest && clock.now() > tooLateAt)
    return settle({ key, state: 'dropped', at: clock.now(), error: delivery.lastError ?? TEST_OVER });
  const outcome = await outcomeOf(options, delivery, companions);
  const at = clock.now();
  if (outcome.kind === 'retry-later' && !outcome.isReceivers) {
    if (breaker.failed(destination, at)) emit({ kind: 'circuit', destination, open: true });
  } else if (breaker.succeeded(destination)) emit({ kind: 'circuit', destination, open: false });
  if (outcome.kind === 'delivered') {
    await settle({ key, state: 'delivered', at });
    const receipt = outcome.receipt === undefined ? {} : { receipt: outcome.receipt };
    emit({ kind: 'delivered', delivery, tookMs: clock.monotonicMs() - began, ...receipt });
    return;
  }
  const reason = withoutPerson(outcome.reason, delivery.subscription.address);
  // A failed test says so itself: no dead letter waits for a person.
  if (isTest && outcome.kind === 'rejected') return settle({ key, state: 'dropped', at, error: reason });
  if (
    outcome.kind === 'rejected' ||
    (!isTest && delivery.attempts >= (options.maxAttempts ?? DEFAULT_ATTEMPTS))
  ) {
    await settle({ key, state: 'dead', at, error: reason });
    emit({ kind: 'dead', delivery, reason });
    return;
  }
  const isBeforeRed = delivery.isUrgent && delivery.stored.revision.event.level !== 'red';
  const bounds = isBeforeRed || isTest ? beforeRedBackoff : defaultBackoff;
  const inMs = Math.max(outcome.afterMs ?? 0, backoffMs(delivery.attempts, random, bounds));
  await settle({ key, state: 'waiting', at, nextAttemptAt: at + inMs, error: reason });
  emit({ kind: 'retry', delivery, reason, inMs });
}

/** A person's address that a receiver repeats is not kept. */
const withoutPerson = (reason: string, address: string | undefined): string =>
  address?.match(PERSONAL) ? withoutAddresses(reason, address) : reason;
/** A mailbox or a telephone number. */
const PERSONAL = /^[^@\s/]+@[^@\s/]+$|^\+\d+$/;

async function outcomeOf(
  options: DispatcherOptions,
  delivery: ClaimedDelivery,
  companions: readonly AlertEvent[],
): Promise<Outcome> {
  const { clock, channels } = options;
  const { stored } = delivery;
  const timeoutMs = timeoutOf(options);
  const channel = channels.get(delivery.subscription.channel);
  if (!channel)
    return { kind: 'rejected', reason: `channel "${delivery.subscription.channel}" is not configured` };
  const { address, languages } = delivery.subscription;
  // A group of one is told as any other.
  const isGroup = companions.length > 1;
  const facts = options.facts?.(stored);
  const unsubscribe = options.unsubscribe?.(delivery.subscription.id);
  const notification = {
    key: delivery.key,
    event: stored.revision.event,
    body: isGroup ? groupBody(delivery.key, companions, options.mark) : options.body(stored),
    ...(isGroup ? { companions } : {}),
    ...(stored.revision.act?.correction ? { correction: stored.revision.act.correction } : {}),
    ...(stored.revision.draft && !isSelfTest(stored.revision.event) ? { isDraft: true as const } : {}),
    ...(facts === undefined ? {} : { facts }),
    ...(address === undefined ? {} : { address }),
    ...(languages?.[0] === undefined ? {} : { language: languages[0] }),
    ...(unsubscribe === undefined ? {} : { unsubscribe }),
  };
  return deliverWithin(channel, notification, clock, timeoutMs);
}

/** One try: an outcome within `timeoutMs` whatever the channel does; never rejects. */
export async function deliverWithin(
  channel: Channel,
  notification: Notification,
  clock: Clock,
  timeoutMs: number = DEFAULT_TIMEOUT_MS,
): Promise<Outcome> {
  const abort = new AbortController();
  let cancel = (): void => {};
  const late = new Promise<Outcome>((done) => {
    cancel = clock.after(timeoutMs, () => {
      abort.abort();
      done({ kind: 'retry-later', reason: `no outcome within ${timeoutMs} ms` });
    });
  });
  try {
    return await Promise.race([channel.deliver(notification, abort.signal), late]);
  } catch (error) {
    return { kind: 'retry-later', reason: textOf(error) };
  } finally {
    cancel();
  }
}
