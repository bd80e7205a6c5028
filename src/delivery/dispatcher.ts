import type { Delivery } from '../store/ledger/ledger.ts';
import { timeoutOf } from './attempt.ts';
import { expandOutbox } from './expand.ts';
import { BATCH, type DispatcherOptions, textOf } from './options.ts';
import { createSender, inLanes } from './sender.ts';

export type { DispatcherEvent, DispatcherLedger, DispatcherOptions } from './options.ts';

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

/**
 * Expands outbox rows into deliveries and sends them, each channel by itself: a slow one delays nobody else.
 * Revisions of one alert reach one subscription in order. A delivery may be repeated after a crash; its key makes that
 * harmless.
 */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { ledger, clock } = options;
  const pollMs = options.pollMs ?? 1000;
  let held = options.held ?? false;
  let running = false;
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

  async function claimAll(): Promise<void> {
    const now = clock.now();
    const claimed = await ledger.claim(now, now + timeoutOf(options) * 2 + 30_000, BATCH);
    for (const delivery of inLanes(claimed)) await sender.begin(delivery);
    if (claimed.length === BATCH) again = true;
  }

  async function look(): Promise<void> {
    do {
      again = false;
      nextLookMs = pollMs;
      try {
        await expandOutbox(options);
        if (!held && running) await claimAll();
      } catch (error) {
        options.onEvent?.({
          kind: 'fault',
          reason: `the ledger did not answer; trying again: ${textOf(error)}`,
        });
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
    held: (limit) => ledger.deliveries({ state: 'waiting', limit }),
    release() {
      held = false;
      nudge();
    },
  };
}
