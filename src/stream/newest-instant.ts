import { invariant } from '../lib/errors.ts';
import type { Window } from '../model/rule.ts';
import type { CompiledRule } from './compiled-rule.ts';
import { isIntervalQuantity } from './compiled-rule.ts';
import { MovingWindow } from './moving-window.ts';
import type { StationState, Track } from './station-state.ts';
import { type Reader, TRUE, truthsOf, UNKNOWN } from './truth.ts';
import type { WindowStatistics } from './window.ts';
import { slidingWindow } from './window.ts';
import type { WindowSlots } from './window-slots.ts';

const NO_READING: WindowStatistics = slidingWindow(undefined, 0, 0, false);

/** All windows of a rule set over one station, which follow its newest instant. */
export class NewestReader implements Reader {
  coverage = 0.8;
  /** The newest instant, and the one before it. */
  at = Number.NEGATIVE_INFINITY;
  since = Number.NEGATIVE_INFINITY;
  readonly slots: WindowSlots;
  readonly windows: WindowStatistics[];
  readonly #moving: (MovingWindow | null)[];

  constructor(slots: WindowSlots) {
    this.slots = slots;
    this.windows = slots.all.map(() => NO_READING);
    this.#moving = slots.all.map(() => null);
  }

  /** Moves every window to the station's newest instant; false when readings left one at an instant between. */
  moveTo(state: StationState, since: number): boolean {
    this.at = state.newestAt;
    this.since = since;
    for (let i = 0; i < this.#moving.length; i++) {
      const window = this.#moving[i] ?? this.#begin(state, i);
      if (window && !window.moveTo(this.at, since)) return false;
    }
    return true;
  }

  /** A window begins with the first reading of its quantity. */
  #begin(state: StationState, slot: number): MovingWindow | null {
    const { quantity, spanMs } = this.slots.all[slot] as { quantity: string; spanMs: number };
    const series = state.series.get(quantity);
    if (!series) return null;
    const window = new MovingWindow(series, spanMs, isIntervalQuantity(quantity));
    this.#moving[slot] = window;
    this.windows[slot] = window;
    return window;
  }

  /** A reading arrived in one of these windows or left it wholly at the instant. */
  isAnyTouched(slots: readonly number[]): boolean {
    for (let i = 0; i < slots.length; i++) if (this.#moving[slots[i] as number]?.isTouched) return true;
    return false;
  }

  window(quantity: string, window: Window): WindowStatistics {
    invariant(window.kind === 'sliding', `a ${window.kind} window was asked of the sliding ones`);
    return this.windows[this.slots.slotOf(quantity, window.spanMs)] ?? NO_READING;
  }

  /** Rules with silence terms or other windows than sliding ones are not evaluated through this reader. */
  silent(): boolean {
    return false;
  }
}

/**
 * The reader of a station at its newest instant, when that is the only instant since `since` at which anything arrived
 * or left a window; else null, and every instant must be stepped.
 */
export function readerAtNewest(state: StationState, slots: WindowSlots, since: number): NewestReader | null {
  if (state.newest?.slots !== slots) state.newest = new NewestReader(slots);
  return state.newest.moveTo(state, since) ? state.newest : null;
}

/**
 * Evaluates a rule without an episode at the newest instant and says whether it stays so: no level true now, none held
 * in part before, and no alert open. Stepping and telling would then change nothing but what is noted here. False: the
 * rule needs the whole evaluation, and nothing has been changed.
 */
export function staysCalm(rule: CompiledRule, track: Track, reader: NewestReader): boolean {
  if (!rule.isSliding || rule.silences.length > 0 || (track.told !== null && track.told.state !== 'ended'))
    return false;
  const { timeline } = track;
  if (!timeline.isCalm || timeline.changedAt > reader.since) return false;
  if (!reader.isAnyTouched(rule.slots)) return true;
  reader.coverage = rule.rule.coverage;
  let code = 0;
  for (let i = rule.levels.length - 1; i >= 0; i--) {
    const truth = (rule.levels[i] as (typeof rule.levels)[number])(reader);
    if (truth === TRUE) return false;
    code = code * 2 + (truth === UNKNOWN ? 1 : 0);
  }
  track.truths = truthsOf(rule.levels.length, code);
  track.evaluatedAt = reader.at;
  return true;
}
