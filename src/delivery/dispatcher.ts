import type { Delivery } from '../store/ledger/delivery.ts';
import type { ClaimRequest } from '../store/ledger/ledger.ts';
import { timeoutOf } from './attempt.ts';
import { expandOutbox } from './expand.ts';
import { toMessages } from './group.ts';
import { claimerOf, type DispatcherOptions, MAX_CONCURRENT, textOf } from './options.ts';
import { createRates } from './rates.ts';
import { createRuling } from './ruling.ts';
import { createSender } from './sender.ts';

export type { DispatcherEvent, DispatcherOptions } from './options.ts';

export interface Dispatcher {
  start(): void;
  /** Stops claiming, aborts what is under way after its timeout, and resolves when all is settled. */
  stop(): Promise<void>;
  /** There may be something new: look now. */
  nudge(): void;
  isHeld(): boolean;
  /** Destinations whose circuit is open now. */
  shut(): readonly string[];
  /** What would be sent on release, at most `limit`. */
  held(limit: number): Promise<readonly Delivery[]>;
  release(): void;
}

/**
 * Expands outbox rows into deliveries and sends them, each channel by itself: a slow one delays nobody else, and no
 * more is claimed than it has room for. Revisions of one alert reach one subscription in order. A delivery may be
 * repeated after a crash; its key makes that harmless.
 */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { ledger, clock } = options;
  const pollMs = options.pollMs ?? 1000;
  const names = [...options.channels.keys()];
  const rates = createRates(options.perMinute);
  const ruling = createRuling(options, pollMs);
  let held = options.held ?? false;
  let running = false;
  let hasReclaimed = false;
  let looking: Promise<void> | null = null;
  let again = false;
  let nextLookMs = pollMs;
  let cancelTimer = (): void => {};
  const sender = createSender(options, {
    postponed: (ms) => {
      nextLookMs = Math.min(nextLookMs, ms + 1);
    },
    done: nudge,
  });

  async function claim(channel: ClaimRequest['channel'], limit: number): Promise<void> {
    if (limit <= 0) return;
    const now = clock.now();
    const leaseUntil = now + timeoutOf(options) * 2 + 30_000;
    const { paused, ...limits } = rates.limits(now);
    const onlyRed = ruling.hold() !== null || limits.onlyRed;
    const request = { channel, notTo: sender.shut(), now, leaseUntil, limit, paused, onlyRed };
    const claimed = await ledger.claim({ ...request, claimer: claimerOf(options) });
    for (const { delivery, companions } of await toMessages(options, claimed))
      sender.begin(delivery, companions, rates.take(delivery, now));
  }

  async function lookOnce(): Promise<void> {
    if (!hasReclaimed) await ledger.reclaim(claimerOf(options), clock.now());
    hasReclaimed = true;
    if (await expandOutbox(options)) again = true;
    if (await ruling.look()) again = true;
    await ruling.makeWay(rates.limits(clock.now()));
    if (held || ruling.hold()?.red) return;
    for (const name of names) if (running) await claim(name, sender.room(name));
    // Of a channel that the configuration no longer knows: rejected by name, not left waiting for ever.
    if (running) await claim({ except: names }, MAX_CONCURRENT);
  }

  async function look(): Promise<void> {
    do {
      again = false;
      nextLookMs = pollMs;
      try {
        await lookOnce();
      } catch (error) {
        options.onEvent?.({
          kind: 'fault',
          reason: `the ledger did not answer; trying again: ${textOf(error)}`,
        });
      }
      // The embedded ledger answers at once: a long queue must not keep requests, timers and the fold waiting.
      if (again) await new Promise<void>((next) => void clock.after(0, next));
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
      if (running) cancelTimer = clock.after(nextLookMs, nudge);
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
      await sender.idle();
    },
    nudge,
    isHeld: () => held,
    shut: () => sender.shut(),
    held: (limit) => ledger.deliveries({ state: 'waiting', limit }),
    release() {
      held = false;
      nudge();
    },
  };
}
