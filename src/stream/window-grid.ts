import { dayStart, localDay } from '../model/local-day.ts';
import type { Window } from '../model/rule.ts';
import { DAY_MS } from '../model/time.ts';

/** The windows (start(k), end(k)] of a tumbling or hopping window, numbered in order of their ends. */
export interface WindowGrid {
  start(k: number): number;
  end(k: number): number;
  /** Number of the newest window that ends at or before an instant. */
  closedAt(at: number): number;
}

/**
 * Where the windows of a kind lie: aligned to the epoch; steps of whole days to local midnight, counted from
 * 1970-01-01, so that a day of 23 or 25 hours is one window.
 */
export function gridOf(window: Window & { kind: 'tumbling' | 'hopping' }, timeZone: string): WindowGrid {
  const { spanMs } = window;
  const everyMs = window.kind === 'hopping' ? window.everyMs : spanMs;
  if (everyMs % DAY_MS !== 0)
    return {
      start: (k) => k * everyMs - spanMs,
      end: (k) => k * everyMs,
      closedAt: (at) => Math.floor(at / everyMs),
    };
  const step = everyMs / DAY_MS;
  const end = (k: number): number => dayStart(k * step, timeZone);
  return {
    start: (k) => (spanMs % DAY_MS === 0 ? dayStart(k * step - spanMs / DAY_MS, timeZone) : end(k) - spanMs),
    end,
    closedAt: (at) => Math.floor(localDay(at, timeZone) / step),
  };
}
