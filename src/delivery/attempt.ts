import type { ClaimedDelivery, DeliveryOutcome } from '../store/ledger/ledger.ts';
import { backoffMs } from './backoff.ts';
import type { Breaker } from './breaker.ts';
import type { Outcome } from './channel.ts';
import { type DispatcherOptions, textOf } from './options.ts';

const DEFAULT_ATTEMPTS = 20;
const DEFAULT_TIMEOUT_MS = 15_000;

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
  settle: Settle,
): Promise<void> {
  const { clock, random } = options;
  const { key, destination } = delivery;
  const emit = options.onEvent ?? (() => {});
  const began = clock.monotonicMs();
  const outcome = await outcomeOf(options, delivery);
  const at = clock.now();
  if (outcome.kind === 'retry-later') {
    if (breaker.failed(destination, at)) emit({ kind: 'circuit', destination, open: true });
  } else if (breaker.succeeded(destination)) emit({ kind: 'circuit', destination, open: false });
  if (outcome.kind === 'delivered') {
    await settle({ key, state: 'delivered', at });
    const receipt = outcome.receipt === undefined ? {} : { receipt: outcome.receipt };
    emit({ kind: 'delivered', delivery, tookMs: clock.monotonicMs() - began, ...receipt });
    return;
  }
  const { reason } = outcome;
  if (outcome.kind === 'rejected' || delivery.attempts >= (options.maxAttempts ?? DEFAULT_ATTEMPTS)) {
    await settle({ key, state: 'dead', at, error: reason });
    emit({ kind: 'dead', delivery, reason });
    return;
  }
  const inMs = Math.max(outcome.afterMs ?? 0, backoffMs(delivery.attempts, random));
  await settle({ key, state: 'waiting', at, nextAttemptAt: at + inMs, error: reason });
  emit({ kind: 'retry', delivery, reason, inMs });
}

async function outcomeOf(options: DispatcherOptions, delivery: ClaimedDelivery): Promise<Outcome> {
  const { clock, channels } = options;
  const { stored } = delivery;
  const timeoutMs = timeoutOf(options);
  const channel = channels.get(delivery.subscription.channel);
  if (!channel)
    return { kind: 'rejected', reason: `channel "${delivery.subscription.channel}" is not configured` };
  const { address } = delivery.subscription;
  const notification = {
    key: delivery.key,
    event: stored.revision.event,
    body: options.body(stored),
    ...(address === undefined ? {} : { address }),
  };
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
