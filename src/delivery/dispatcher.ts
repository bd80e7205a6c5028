import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { Delivery, Ledger, StoredRevision } from '../store/ledger/ledger.ts';
import { audience } from './audience.ts';
import { backoffMs } from './backoff.ts';
import { createBreaker } from './breaker.ts';
import type { Channel, Outcome } from './channel.ts';

/** What the dispatcher reports of its work; `reason` is for people. */
export type DispatcherEvent =
  | { readonly kind: 'expanded'; readonly seq: number; readonly deliveries: number }
  | { readonly kind: 'delivered'; readonly delivery: Delivery; readonly receipt?: string; readonly tookMs: number }
  | { readonly kind: 'retry'; readonly delivery: Delivery; readonly reason: string; readonly inMs: number }
  | { readonly kind: 'dead'; readonly delivery: Delivery; readonly reason: string }
  | { readonly kind: 'circuit'; readonly destination: string; readonly open: boolean }
  | { readonly kind: 'fault'; readonly reason: string };

export type DispatcherLedger = Pick<Ledger, 'outbox' | 'expand' | 'subscriptions' | 'claim' | 'settle' | 'deliveries' | 'history'>;

export interface DispatcherOptions {
  readonly ledger: DispatcherLedger;
  /** By the name that subscriptions use. */
  readonly channels: ReadonlyMap<string, Channel>;
  readonly clock: Clock;
  readonly random: Random;
  /** The body for a revision: the contract's alert event as JSON. */
  readonly body: (revision: StoredRevision) => string;
  readonly onEvent?: (event: DispatcherEvent) => void;
  /** Attempts before a delivery is a dead letter. Default 20. */
  readonly maxAttempts?: number;
  /** Default 16. */
  readonly maxConcurrentPerChannel?: number;
  /** Region codes of a revision's subject, beside its id. */
  readonly regionsOf?: (revision: StoredRevision) => readonly string[];
  /** Lists instead of sending until `release()`. */
  readonly held?: boolean;
  /** Span between two looks at the ledger, ms; `nudge()` looks at once. Default 1000. */
  readonly pollMs?: number;
  /** A channel that takes longer is aborted, ms. Default 15,000. */
  readonly deliverTimeoutMs?: number;
  /** Failures in a row that open a destination's circuit. Default 5. */
  readonly breakerThreshold?: number;
}

export interface Dispatcher {
  start(): void;
  /** Stops claiming, aborts what is under way after its timeout, and resolves when all is settled. */
  stop(): Promise<void>;
  /** There may be something new: look now. */
  nudge(): void;
  isHeld(): boolean;
  /** What would be sent on release, at most `limit`. */
  held(limit: number): Promise<readonly Delivery[]>;
  release(): void;
}

/** Rows expanded in one look, and deliveries that may wait here in all; both bound memory. */
const BATCH = 200;
const HISTORY_LIMIT = 10_000;

/**
 * Expands outbox rows into deliveries and sends them, each channel by itself: a slow one delays nobody else.
 * Revisions of one alert reach one subscription in order. A delivery may be repeated after a crash; its key makes that
 * harmless.
 */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { ledger, channels, clock, random } = options;
  const emit = options.onEvent ?? (() => {});
  const maxAttempts = options.maxAttempts ?? 20;
  const perChannel = options.maxConcurrentPerChannel ?? 16;
  const timeoutMs = options.deliverTimeoutMs ?? 15_000;
  const breaker = createBreaker(options.breakerThreshold ?? 5, random);
  const underWay = new Map<string, Promise<void>>();
  const busy = new Map<string, number>();
  const lanes = new Set<string>();
  let held = options.held ?? false;
  let running = false;
  let looking: Promise<void> | null = null;
  let again = false;
  let cancelTimer = (): void => {};

  async function expandAll(): Promise<void> {
    for (;;) {
      const rows = await ledger.outbox(BATCH);
      if (rows.length === 0) return;
      const subscriptions = await ledger.subscriptions();
      for (const { revision } of rows) {
        const { event } = revision.revision;
        const earlier = event.revision === 1 ? [] : await ledger.deliveries({ alert: event.alert, limit: HISTORY_LIMIT });
        const told = new Set(earlier.filter((one) => one.state !== 'dropped' && one.revision < event.revision).map((one) => one.subscription.id));
        const codes = [event.subject.id, ...(options.regionsOf?.(revision) ?? [])];
        const chosen = audience(revision, subscriptions, codes, told);
        await ledger.expand(revision.seq, chosen, clock.now());
        emit({ kind: 'expanded', seq: revision.seq, deliveries: chosen.length });
      }
      if (rows.length < BATCH) return;
    }
  }

  /** Gives a claimed delivery back untried; without an error the ledger counts no attempt. */
  const postpone = (delivery: Delivery, ms: number): Promise<void> => {
    const at = clock.now();
    return ledger.settle(delivery.key, { state: 'waiting', at, nextAttemptAt: at + ms });
  };

  async function claimAll(): Promise<void> {
    const now = clock.now();
    const claimed = await ledger.claim(now, now + timeoutMs * 2 + 30_000, BATCH);
    // Per alert and subscription the lowest revision goes first, whatever the order of the claim.
    for (const delivery of [...claimed].sort((a, b) => a.revision - b.revision)) await begin(delivery);
    if (claimed.length === BATCH) again = true;
  }

  async function begin(delivery: Delivery): Promise<void> {
    const name = delivery.subscription.channel;
    const lane = `${delivery.subscription.id}\n${delivery.alert}`;
    if (underWay.has(delivery.key)) return;
    if ((busy.get(name) ?? 0) >= perChannel) return postpone(delivery, 250);
    if (lanes.has(lane)) return postpone(delivery, 100);
    const wait = await untilPredecessor(delivery);
    if (wait > 0) return postpone(delivery, wait);
    const closed = breaker.enter(destinationOf(delivery), clock.now());
    if (closed > 0) return postpone(delivery, closed);
    busy.set(name, (busy.get(name) ?? 0) + 1);
    lanes.add(lane);
    const work = attempt(delivery)
      .catch((error: unknown) => emit({ kind: 'fault', reason: `delivery ${delivery.key} could not be settled: ${textOf(error)}` }))
      .finally(() => {
        underWay.delete(delivery.key);
        lanes.delete(lane);
        busy.set(name, (busy.get(name) ?? 1) - 1);
        nudge();
      });
    underWay.set(delivery.key, work);
  }

  /** How long to wait for an earlier revision of the same alert that the subscription has not got; 0 = none. */
  async function untilPredecessor(delivery: Delivery): Promise<number> {
    if (delivery.revision === 1) return 0;
    const all = await ledger.deliveries({ alert: delivery.alert, limit: HISTORY_LIMIT });
    const before = all.filter(
      (one) =>
        one.subscription.id === delivery.subscription.id &&
        one.revision < delivery.revision &&
        (one.state === 'waiting' || one.state === 'sending'),
    );
    if (before.length === 0) return 0;
    return Math.max(100, Math.min(...before.map((one) => one.nextAttemptAt)) - clock.now() + 50);
  }

  async function attempt(delivery: Delivery): Promise<void> {
    const began = clock.monotonicMs();
    const outcome = await outcomeOf(delivery);
    const at = clock.now();
    const destination = destinationOf(delivery);
    if (outcome.kind === 'retry-later') {
      if (breaker.failed(destination, at)) emit({ kind: 'circuit', destination, open: true });
    } else if (breaker.succeeded(destination)) emit({ kind: 'circuit', destination, open: false });
    if (outcome.kind === 'delivered') {
      await ledger.settle(delivery.key, { state: 'delivered', at });
      const receipt = outcome.receipt === undefined ? {} : { receipt: outcome.receipt };
      emit({ kind: 'delivered', delivery, tookMs: clock.monotonicMs() - began, ...receipt });
      return;
    }
    const { reason } = outcome;
    if (outcome.kind === 'rejected' || delivery.attempts + 1 >= maxAttempts) {
      await ledger.settle(delivery.key, { state: 'dead', at, error: reason });
      emit({ kind: 'dead', delivery, reason });
      return;
    }
    const inMs = Math.max(outcome.afterMs ?? 0, backoffMs(delivery.attempts + 1, random));
    await ledger.settle(delivery.key, { state: 'waiting', at, nextAttemptAt: at + inMs, error: reason });
    emit({ kind: 'retry', delivery, reason, inMs });
  }

  async function outcomeOf(delivery: Delivery): Promise<Outcome> {
    const channel = channels.get(delivery.subscription.channel);
    if (!channel) return { kind: 'rejected', reason: `channel "${delivery.subscription.channel}" is not configured` };
    const history = await ledger.history(delivery.alert);
    const stored = history.find((one) => one.revision.event.revision === delivery.revision);
    if (!stored) return { kind: 'rejected', reason: `revision ${delivery.revision} of alert ${delivery.alert} is not in the ledger` };
    const { address } = delivery.subscription;
    const notification = {
      key: delivery.key, event: stored.revision.event, body: options.body(stored), ...(address === undefined ? {} : { address }),
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

  async function look(): Promise<void> {
    do {
      again = false;
      try {
        await expandAll();
        if (!held && running) await claimAll();
      } catch (error) {
        emit({ kind: 'fault', reason: `the ledger did not answer; trying again: ${textOf(error)}` });
      }
    } while (again && running);
  }

  function nudge(): void {
    if (!running) return;
    if (looking) {
      again = true;
      return;
    }
    cancelTimer();
    looking = look().finally(() => {
      looking = null;
      if (running) cancelTimer = clock.after(options.pollMs ?? 1000, nudge);
    });
  }

  return {
    start() {
      running = true;
      nudge();
    },
    async stop() {
      running = false;
      cancelTimer();
      await looking;
      await Promise.all(underWay.values());
    },
    nudge,
    isHeld: () => held,
    held: (limit) => ledger.deliveries({ state: 'waiting', limit }),
    release() {
      held = false;
      nudge();
    },
  };
}

/** The channel and, where the subscription has an address, its host: what a circuit belongs to. */
function destinationOf({ subscription }: Delivery): string {
  const host = subscription.address === undefined ? undefined : URL.parse(subscription.address)?.host;
  return host ? `${subscription.channel} ${host}` : subscription.channel;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
