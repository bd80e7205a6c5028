import type { Delivery } from '../store/ledger/ledger.ts';
import { attemptDelivery, destinationOf } from './attempt.ts';
import { createBreaker } from './breaker.ts';
import { type DispatcherOptions, HISTORY_LIMIT, textOf } from './options.ts';

/** Starts claimed deliveries within the bounds of their channel, or gives them back untried. */
export interface Sender {
  begin(delivery: Delivery): Promise<void>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

/** `postponed(ms)`: something given back is due then; `done()`: a place has become free. */
export function createSender(
  options: DispatcherOptions,
  hooks: { readonly postponed: (ms: number) => void; readonly done: () => void },
): Sender {
  const { ledger, clock } = options;
  const emit = options.onEvent ?? (() => {});
  const perChannel = options.maxConcurrentPerChannel ?? 16;
  const breaker = createBreaker(options.breakerThreshold ?? 5, options.random);
  const underWay = new Map<string, Promise<void>>();
  const busy = new Map<string, number>();
  const lanes = new Set<string>();

  /** Gives a claimed delivery back untried: waiting without an error, which is no attempt. */
  const postpone = (delivery: Delivery, ms: number): Promise<void> => {
    const at = clock.now();
    hooks.postponed(ms);
    return ledger.settle(delivery.key, { state: 'waiting', at, nextAttemptAt: at + ms });
  };

  async function begin(delivery: Delivery): Promise<void> {
    const name = delivery.subscription.channel;
    const lane = laneOf(delivery);
    if (underWay.has(delivery.key)) return;
    if ((busy.get(name) ?? 0) >= perChannel) return postpone(delivery, 250);
    if (lanes.has(lane)) return postpone(delivery, 100);
    const wait = await untilPredecessor(options, delivery);
    if (wait > 0) return postpone(delivery, wait);
    const closed = breaker.enter(destinationOf(delivery), clock.now());
    if (closed > 0) return postpone(delivery, closed);
    busy.set(name, (busy.get(name) ?? 0) + 1);
    lanes.add(lane);
    const work = attemptDelivery(options, breaker, delivery)
      .catch((error: unknown) =>
        emit({ kind: 'fault', reason: `delivery ${delivery.key} could not be settled: ${textOf(error)}` }),
      )
      .finally(() => {
        underWay.delete(delivery.key);
        lanes.delete(lane);
        busy.set(name, (busy.get(name) ?? 1) - 1);
        hooks.done();
      });
    underWay.set(delivery.key, work);
  }

  return {
    begin,
    async idle() {
      await Promise.all(underWay.values());
    },
  };
}

/** How long to wait for an earlier revision of the same alert that the subscription has not got; 0 = none. */
async function untilPredecessor({ ledger, clock }: DispatcherOptions, delivery: Delivery): Promise<number> {
  if (delivery.revision === 1) return 0;
  const all = await ledger.deliveries({ alert: delivery.alert, limit: HISTORY_LIMIT });
  const before = all.filter(
    (one) =>
      one.subscription.id === delivery.subscription.id &&
      one.revision < delivery.revision &&
      (one.state === 'waiting' || one.state === 'sending'),
  );
  if (before.length === 0) return 0;
  // Of one that is being sent, the instant kept is the end of its lease; it is done long before.
  const waits = before.map((one) => (one.state === 'sending' ? 0 : one.nextAttemptAt - clock.now()));
  return Math.max(100, Math.min(...waits) + 50);
}

const laneOf = (delivery: Delivery): string => `${delivery.subscription.id}\n${delivery.alert}`;

/** Keeps the claim's order of urgency between lanes; within one the lowest revision goes first. */
export function inLanes(claimed: readonly Delivery[]): readonly Delivery[] {
  const lanes = Map.groupBy(claimed, laneOf);
  return [...lanes.values()].flatMap((lane) => lane.sort((a, b) => a.revision - b.revision));
}
