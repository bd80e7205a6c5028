import { type Hold, isOver, readHold } from '../store/ledger/hold.ts';
import type { DispatcherOptions } from './options.ts';
import type { Limits } from './rates.ts';
import { reviewWithheld } from './review.ts';

/** What people and circumstances say about sending, looked up now and then. */
export interface Ruling {
  /** Returns whether there is more to look at. */
  look(): Promise<boolean>;
  /** Clears the way of reds, as far as `limits` say what lower ones wait for. */
  makeWay(limits: Limits): Promise<void>;
  hold(): Hold | null;
}

/** Reads the hold and reviews what is held back, at most every `everyMs`. */
export function createRuling(options: DispatcherOptions, everyMs: number): Ruling {
  const { ledger, clock } = options;
  let hold: Hold | null = null;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  return {
    hold: () => (hold && !isOver(hold, clock.now()) ? hold : null),
    async look() {
      let more = false;
      if (clock.monotonicMs() - lookedAtMs >= everyMs) {
        hold = await readHold(ledger, clock.now());
        more = await reviewWithheld(options);
        if (!more) lookedAtMs = clock.monotonicMs();
      }
      return more;
    },
    async makeWay({ onlyRed, paused }) {
      const putOff = { held: this.hold() !== null, onlyRed, paused: paused.lower };
      const count = await ledger.makeWay(clock.now(), putOff);
      if (count > 0) options.onEvent?.({ kind: 'superseded', count });
    },
  };
}
