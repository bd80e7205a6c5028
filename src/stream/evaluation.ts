import { dayOfYear } from '../model/local-day.ts';
import type { AggregateName, Window } from '../model/rule.ts';
import { climatologyValue, returnPeriodOf } from './climatology-reader.ts';
import { type CompiledRule, isIntervalQuantity } from './compiled-rule.ts';
import { type ForecastWindow, StationForecasts } from './forecasts.ts';
import type { ForecastInput, RuleInput } from './rule-input.ts';
import type { StationState, Track } from './station-state.ts';
import { rest } from './track.ts';
import { FALSE, type Reader, TOO_MANY, type Value } from './truth.ts';
import type { WindowStatistics } from './window.ts';
import { addInstants, windowAt } from './window-kinds.ts';

/** How many evaluations a sequence looks back on; 31 days of ten minutes, readings and their leaving. */
const MAX_LOOK_BACK = 10_000;
const NO_FORECASTS = new StationForecasts();
const NO_INPUTS: readonly RuleInput[] = [];

interface KnownWindow {
  readonly quantity: string;
  readonly window: Window;
  readonly statistics: WindowStatistics;
}

/** Sliding ones by their span; others only where they are one and the same. */
const isSameWindow = (a: Window, b: Window): boolean =>
  a === b || (a.kind === 'sliding' && b.kind === 'sliding' && a.spanMs === b.spanMs);

/** The windows of a station at one instant; each is computed once, however many rules ask. */
export class InstantReader implements Reader {
  coverage = 0.8;
  hasNoForecasts = false;
  /** What the rule reads that is evaluated: its instants are those that a sequence looks back on. */
  inputs: readonly RuleInput[] = NO_INPUTS;
  readonly #state: StationState;
  readonly #at: number;
  readonly #silentAt: number;
  readonly #delayMs: number;
  /** Few windows: a list of them is looked through sooner than a key is made. */
  readonly #known: KnownWindow[] = [];
  #earlier: Map<number, InstantReader> | null = null;

  /** `silentAt` is the partition clock: silence is judged by it alone. */
  constructor(state: StationState, at: number, silentAt: number, delayMs: number) {
    this.#state = state;
    this.#at = at;
    this.#silentAt = silentAt;
    this.#delayMs = delayMs;
  }

  get at(): number {
    return this.#at;
  }

  window(quantity: string, window: Window): WindowStatistics {
    const all = this.#known;
    for (let i = 0; i < all.length; i++) {
      const one = all[i] as KnownWindow;
      if (one.quantity === quantity && isSameWindow(one.window, window)) return one.statistics;
    }
    const { series, station } = this.#state;
    const statistics = windowAt(
      series.get(quantity),
      window,
      this.#at,
      isIntervalQuantity(quantity),
      station.timeZone,
    );
    all.push({ quantity, window, statistics });
    return statistics;
  }

  silent(quantity: string | null, spanMs: number): boolean {
    return this.#silentAt >= this.#state.silentDueAt(quantity, spanMs, this.#delayMs);
  }

  *earlier(withinMs: number): Iterable<InstantReader | typeof TOO_MANY> {
    const { inputs, coverage } = this;
    const instants = evaluationInstants(this.#state, { inputs }, this.#at - withinMs, this.#at - 1);
    this.#earlier ??= new Map();
    const oldest = Math.max(0, instants.length - MAX_LOOK_BACK);
    for (let i = instants.length - 1; i >= oldest; i--) {
      const at = instants[i] as number;
      let reader = this.#earlier.get(at);
      if (!reader) {
        reader = new InstantReader(this.#state, at, this.#silentAt, this.#delayMs);
        this.#earlier.set(at, reader);
      }
      reader.inputs = inputs;
      reader.coverage = coverage;
      yield reader;
    }
    if (oldest > 0) yield TOO_MANY;
  }

  get dayOfYear(): number {
    return dayOfYear(this.#at, this.#state.station.timeZone);
  }

  forecast(input: ForecastInput): ForecastWindow {
    return (this.#state.forecasts ?? NO_FORECASTS).window(input, this.#at);
  }

  climatology(quantity: string, percent: number, day: number): Value {
    return climatologyValue(this.#state.climatology, quantity, percent, day);
  }

  returnPeriod(aggregate: AggregateName, quantity: string, window: Window, value: Value): Value {
    return returnPeriodOf(this.#state.climatology, aggregate, quantity, window, value);
  }
}

/**
 * The instants in [from, to] at which a rule is evaluated: the `observedAt` of every reading of a quantity that it
 * names and, per window, the instants at which it changes without one (a sliding window: when the reading has left it
 * wholly). Ascending, each once.
 */
export function evaluationInstants(
  state: StationState,
  rule: { readonly inputs: readonly RuleInput[]; readonly forecasts?: readonly ForecastInput[] },
  from: number,
  to: number,
): number[] {
  const instants: number[] = [];
  for (const { quantity, spansMs, windows } of rule.inputs) {
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
    for (const window of windows) addInstants(instants, series, window, from, to, state.station.timeZone);
  }
  // A sequence reads no forecast, and looks back on the instants of readings alone.
  for (const input of rule.forecasts ?? []) state.forecasts?.addInstants(instants, input, from, to);
  if (instants.length < 2) return instants;
  instants.sort((a, b) => a - b);
  return instants.filter((at, i) => at !== instants[i - 1]);
}

/**
 * Steps a track through its instants in [from, newest report]. Returns false when there was none and none was there
 * before: when late data takes the only readings that an evaluation rested on, the last instant before them decides anew.
 */
export function stepTrack(
  state: StationState,
  rule: CompiledRule,
  track: Track,
  from: number,
  readerAt: (at: number) => Reader & { coverage: number },
): boolean {
  const begin = Math.max(from, track.timeline.settledAt + 1);
  let instants = evaluationInstants(state, rule, begin, state.newestAt);
  if (instants.length === 0) {
    if (Math.max(track.evaluatedAt, track.timeline.changedAt) < begin) return false;
    instants = evaluationInstants(state, rule, track.timeline.settledAt + 1, begin - 1).slice(-1);
    if (instants.length === 0) rest(track);
  }
  track.timeline.rewind(Math.min(begin, instants[0] ?? begin));
  let report = firstAtOrAfter(state.reportedAt, instants[0] ?? begin);
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
  reader: Reader & { coverage: number },
): void {
  reader.coverage = rule.rule.coverage;
  reader.inputs = rule.inputs;
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
