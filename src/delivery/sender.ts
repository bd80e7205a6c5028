import { createGroupCommit } from '../lib/group-commit.ts';
import type { AlertEvent } from '../model/alert.ts';
import type { ClaimedDelivery } from '../store/ledger/ledger.ts';
import { attemptDelivery, type Settle } from './attempt.ts';
import { createBreaker } from './breaker.ts';
import { type DispatcherOptions, MAX_CONCURRENT, textOf } from './options.ts';

/** Carries claimed deliveries out within the bounds of their channel. */
export interface Sender {
  /** How many more deliveries of a channel may begin. */
  room(channel: string): number;
  /** Destinations whose circuit is open now. */
  shut(): readonly string[];
  /**
   * Starts a delivery with what its message tells beside it, or gives it back untried: after `waitMs` when that is above
   * 0, or when its destination is being probed by another.
   */
  begin(delivery: ClaimedDelivery, companions: readonly AlertEvent[], waitMs: number): void;
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
  const perChannel = options.maxConcurrentPerChannel ?? MAX_CONCURRENT;
  const breaker = createBreaker(options.breakerThreshold ?? 5, options.random);
  const underWay = new Set<Promise<void>>();
  const busy = new Map<string, number>();
  // One turn of the loop lets the deliveries that end together be written together.
  const turn = (): Promise<void> => new Promise((next) => void clock.after(0, next));
  const settle: Settle = createGroupCommit((outcomes) => ledger.settle(outcomes), turn);

  async function send(
    delivery: ClaimedDelivery,
    companions: readonly AlertEvent[],
    waitMs: number,
  ): Promise<void> {
    const closedMs = waitMs > 0 ? 0 : breaker.enter(delivery.destination, clock.now());
    if (waitMs + closedMs === 0) return attemptDelivery(options, breaker, delivery, companions, settle);
    hooks.postponed(waitMs + closedMs);
    const at = clock.now();
    // A destination whose circuit is open is not claimed for; its deliveries stay due, and a red does not pass them.
    await settle({ key: delivery.key, state: 'waiting', at, nextAttemptAt: at + waitMs });
  }

  return {
    room: (channel) => perChannel - (busy.get(channel) ?? 0),
    shut: () => breaker.shut(clock.now()),
    begin(delivery, companions, waitMs) {
      const { channel } = delivery.subscription;
      busy.set(channel, (busy.get(channel) ?? 0) + 1);
      const work = send(delivery, companions, waitMs)
        .catch((error: unknown) =>
          emit({ kind: 'fault', reason: `delivery ${delivery.key} could not be settled: ${textOf(error)}` }),
        )
        .finally(() => {
          underWay.delete(work);
          busy.set(channel, (busy.get(channel) ?? 1) - 1);
          hooks.done();
        });
      underWay.add(work);
    },
    async idle() {
      await Promise.all(underWay);
    },
  };
}
