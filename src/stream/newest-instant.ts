import { invariant } from '../lib/errors.ts';
import type { Window } from '../model/rule.ts';
import type { CompiledRule } from './compiled-rule.ts';
import { isIntervalQuantity } from './compiled-rule.ts';
import { MovingWindow } from './moving-window.ts';
import type { SeriesTable } from './series-table.ts';
import { type Reader, TRUE } from './truth.ts';
import type { WindowStatistics } from './window.ts';
import { slidingWindow } from './window.ts';
import type { WindowSlots } from './window-slots.ts';

const NO_READING: WindowStatistics = slidingWindow(undefined, 0, 0, false);

/** How a station's windows follow its newest instant: a rule's, when the rule is asked. */
export type Move =
  /** Nothing arrived in them or left them since the instant before: there is nothing to evaluate. */
  | 'untouched'
  /** They stand at the newest instant, and nothing happened to them between. */
  | 'moved'
  /** A reading left one of them at an instant between, which must be evaluated, too. */
  | 'stepped';

/** The station that is read. */
interface Station {
  readonly series: SeriesTable;
  readonly newestAt: number;
  newest: NewestReader | null;
}

/** The sliding windows of a rule set over one station, at its newest instant. */
export class NewestReader implements Reader {
  coverage = 0.8;
  /** The newest instant, and the one before it. */
  at = Number.NEGATIVE_INFINITY;
  since = Number.NEGATIVE_INFINITY;
  readonly slots: WindowSlots;
  /** Read only what `move` has moved. */
  readonly windows: WindowStatistics[];
  readonly #state: Station;

  constructor(state: Station, slots: WindowSlots) {
    this.#state = state;
    this.slots = slots;
    this.windows = slots.all.map(() => NO_READING);
  }

  /** Moves the windows of these slots to the newest instant. */
  move(slots: readonly number[]): Move {
    let isTouched = false;
    for (let i = 0; i < slots.length; i++) {
      const window = this.#windowOf(slots[i] as number);
      if (!window) continue;
      if (!window.moveTo(this.at, this.since)) return 'stepped';
      if (window.isTouched) isTouched = true;
    }
    return isTouched ? 'moved' : 'untouched';
  }

  /** A window begins with the first reading of its quantity. */
  #windowOf(slot: number): MovingWindow | null {
    const known = this.windows[slot];
    if (known instanceof MovingWindow) return known;
    const { quantity, spanMs } = this.slots.all[slot] as { quantity: string; spanMs: number };
    const series = this.#state.series.get(quantity);
    if (!series) return null;
    const window = new MovingWindow(series, spanMs, isIntervalQuantity(quantity));
    this.windows[slot] = window;
    return window;
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

/** The reader of a station at its newest instant; `since` is the one before it. */
export function readerAtNewest(state: Station, slots: WindowSlots, since: number): NewestReader {
  if (state.newest?.slots !== slots) state.newest = new NewestReader(state, slots);
  state.newest.at = state.newestAt;
  state.newest.since = since;
  return state.newest;
}

/**
 * Evaluates a rule without an episode at the newest instant and says whether it stays so: no level is true now, and
 * there was no instant between. Stepping and telling would then change nothing. False: the rule needs the whole
 * evaluation.
 */
export function staysCalm(rule: CompiledRule, reader: NewestReader): boolean {
  const move = reader.move(rule.slots);
  if (move !== 'moved') return move === 'untouched';
  reader.coverage = rule.rule.coverage;
  for (let i = 0; i < rule.levels.length; i++)
    if ((rule.levels[i] as (typeof rule.levels)[number])(reader) === TRUE) return false;
  return true;
}
