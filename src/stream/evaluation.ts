import type { CompiledRule } from './compiled-rule.ts';
import { isIntervalQuantity } from './compiled-rule.ts';
import type { StationState, Track } from './station-state.ts';
import { FALSE, type Reader } from './truth.ts';
import { slidingWindow, type WindowStatistics } from './window.ts';

/** The windows of a station at one instant; each is computed once, however many rules ask. */
export class InstantReader implements Reader {
  coverage = 0.8;
  readonly #state: StationState;
  readonly #at: number;
  readonly #silentAt: number;
  readonly #delayMs: number;
  readonly #known = new Map<string, WindowStatistics>();

  /** `silentAt` is the partition clock: silence is judged by it alone. */
  constructor(state: StationState, at: number, silentAt: number, delayMs: number) {
    this.#state = state;
    this.#at = at;
    this.#silentAt = silentAt;
    this.#delayMs = delayMs;
  }

  window(quantity: string, spanMs: number): WindowStatistics {
    const key = `${quantity}/${spanMs}`;
    let known = this.#known.get(key);
    if (!known) {
      known = slidingWindow(this.#state.series.get(quantity), this.#at, spanMs, isIntervalQuantity(quantity));
      this.#known.set(key, known);
    }
    return known;
  }

  silent(quantity: string | null, spanMs: number): boolean {
    return this.#silentAt >= this.#state.silentDueAt(quantity, spanMs, this.#delayMs);
  }
}

/**
 * The instants in [from, to] at which a rule is evaluated: the `observedAt` of every reading of a quantity that it
 * names and, per window, the instant when the reading has left it wholly. Ascending, each once.
 */
export function evaluationInstants(
  state: StationState,
  rule: CompiledRule,
  from: number,
  to: number,
): number[] {
  const instants: number[] = [];
  for (const { quantity, spansMs } of rule.inputs) {
    const series = state.series.get(quantity);
    if (!series) continue;
    for (const spanMs of [0, ...spansMs]) {
      const end = series.firstAfter(to - spanMs);
      for (let i = end - 1; i >= 0; i--) {
        const at = series.at(i) + spanMs;
        if (at < from) break;
        instants.push(at);
      }
    }
  }
  if (instants.length < 2) return instants;
  instants.sort((a, b) => a - b);
  return instants.filter((at, i) => at !== instants[i - 1]);
}

/** Steps a track through its instants in [from, newest report]. Returns false when there was none. */
export function stepTrack(
  state: StationState,
  rule: CompiledRule,
  track: Track,
  from: number,
  readerAt: (at: number) => InstantReader,
): boolean {
  const begin = Math.max(from, track.timeline.settledAt + 1);
  const instants = evaluationInstants(state, rule, begin, state.newestAt);
  if (instants.length === 0) return false;
  track.timeline.rewind(begin);
  let report = firstAtOrAfter(state.reportedAt, instants[0] as number);
  instants.forEach((at, i) => {
    const next = instants[i + 1] ?? Number.POSITIVE_INFINITY;
    while (report < state.reportedAt.length && (state.reportedAt[report] as number) < at) report++;
    // In order of observation this was the newest instant of a report, unless a later one came before that report.
    const mayRaise = (state.reportedAt[report] ?? Number.POSITIVE_INFINITY) < next;
    evaluateAt(rule, track, at, mayRaise, readerAt(at));
  });
  return true;
}

/** Evaluates a rule at one instant and steps its timeline. */
export function evaluateAt(
  rule: CompiledRule,
  track: Track,
  at: number,
  mayRaise: boolean,
  reader: InstantReader,
): void {
  reader.coverage = rule.rule.coverage;
  const levels = rule.levels.map((level) => level(reader));
  const clear = rule.clear && track.timeline.state.level >= 0 ? rule.clear(reader) : FALSE;
  track.timeline.step(rule, { at, levels, clear, mayRaise });
  track.truths = levels;
  track.evaluatedAt = at;
}

function firstAtOrAfter(sorted: readonly number[], at: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
