import { type Effect, observationAt } from '../model/effect.ts';
import type { Observation } from '../model/observation.ts';
import type { Report } from '../model/report.ts';
import type { Verdict } from '../quality/verdict.ts';
import { indexAt } from './derived.ts';
import type { Registry } from './registry.ts';
import type { ReportLayout } from './report-layout.ts';
import type { Insertion, ReadingSeries } from './series.ts';
import { type DerivedPlacement, StationDerivation } from './station-derivation.ts';
import type { Judgement, StationQuality } from './station-quality.ts';
import type { StationState } from './station-state.ts';
import type { FoldContext } from './subject-evaluator.ts';

const NOTHING = new Set<string>();

const isRepeat = (insertion: Insertion): boolean => insertion === 'repeat' || insertion === 'stale-repeat';

/**
 * Puts the readings of reports in their place in a station's series: judges them, derives what follows from them, and tells
 * the archive.
 */
export class Placement {
  readonly #context: FoldContext;
  readonly #registry: Registry;
  readonly #hasQuality: boolean;
  /** What the record in hand has effected so far. */
  effects: Effect[] = [];
  /** The quantities whose readings the last report changed, where that is asked. */
  changed: Set<string> = NOTHING;
  /** The latest instant at which the last report changed readings. */
  changedTo = Number.NEGATIVE_INFINITY;
  /** The last report changed verdicts: what was derived from readings may follow from nothing any more. */
  #hasLost = false;
  /** The last report brought a rain counter. */
  #hasCounter = false;
  /** A report of a neighbour is archived and counted in its own partition. */
  isNeighbour = false;

  constructor(context: FoldContext, registry: Registry, hasQuality: boolean) {
    this.#context = context;
    this.#registry = registry;
    this.#hasQuality = hasQuality;
  }

  count(what: (Effect & { kind: 'counted' })['what']): void {
    if (!this.isNeighbour) this.#context.emit({ kind: 'counted', what });
  }

  /** Archives the reading at place `i` of a report. */
  #observe(report: Report, i: number, arrival: Observation['arrival'], verdict?: Verdict): void {
    if (this.isNeighbour) return;
    let observation = observationAt(report, i, arrival);
    if (verdict?.check) observation = { ...observation, flag: verdict.flag, check: verdict.check };
    this.effects.push({ kind: 'observation', observation });
  }

  /** The same for every reading of a report, as one effect. */
  observeAll(report: Report, arrival: Observation['arrival']): void {
    if (this.isNeighbour || report.quantities.length === 0) return;
    const effect: Effect = { kind: 'readings', report, arrival };
    // Mostly the only one: a list that grows makes room for many.
    if (this.effects.length === 0) this.effects = [effect];
    else this.effects.push(effect);
  }

  /** Puts the readings in their place, judges what they change, and tells both; returns the earliest instant that changed. */
  place(state: StationState, report: Report): number {
    const { quantities, observedAt } = report;
    const isNewest = observedAt > state.newestAt;
    // Nobody asks what changed at a newest report: all rules are looked at.
    this.changed = NOTHING;
    this.#hasLost = false;
    this.changedTo = observedAt;
    const layout = state.layoutOf(quantities);
    this.#hasCounter = layout.hasCounter;
    const insertions = this.#insert(state, layout, report);
    // What was derived there before is measured now, and judged.
    if (state.derivation !== null)
      for (const quantity of quantities) state.derivation.measured(quantity, observedAt);
    if (insertions?.every(isRepeat)) {
      for (const one of insertions) this.count(one as 'repeat');
      return observedAt;
    }
    const { quality } = state;
    const judgements = this.#judged(quality, layout, report, isNewest && insertions === null);
    if (insertions === null && quality.isClean) this.observeAll(report, 'on-time');
    else this.#observeReport(quality, report, insertions);
    if (!isNewest) {
      this.changed = new Set(quantities);
      insertions?.forEach((one, i) => void (isRepeat(one) && this.changed.delete(quantities[i] as string)));
    }
    this.#hasLost = judgements.length > 0;
    return judgements.length === 0 ? observedAt : this.#rejudged(state, report, judgements);
  }

  /** The verdicts that a report changed, whose readings stand in their place already. */
  #judged(
    quality: StationQuality,
    layout: ReportLayout,
    { observedAt, intervalMs, values }: Report,
    isNewest: boolean,
  ): readonly Judgement[] {
    if (!this.#hasQuality) return [];
    if (this.#context.isPlain) return quality.inFull(observedAt);
    return isNewest ? quality.newest(layout, observedAt, intervalMs, values) : quality.again(observedAt);
  }

  /** Puts the readings of a report in their place; null: all are new. */
  #insert(state: StationState, layout: ReportLayout, report: Report): readonly Insertion[] | null {
    const { quantities, values, observedAt, intervalMs } = report;
    const coverMs = state.station.intervalMs ?? intervalMs;
    const { quality } = state;
    // What was flagged at this instant is no new reading, though its series lacks it.
    const isKnown = !quality.isClean && quality.knows(quantities, observedAt, intervalMs);
    const isPut = !isKnown && layout.put(observedAt, intervalMs, coverMs, values);
    if (isPut && layout.isWhole) return null;
    let areNew = true;
    const insertions: Insertion[] = [];
    for (let i = 0; i < quantities.length; i++) {
      const series = layout.series[i] as ReadingSeries;
      const value = values[i] as number;
      let insertion: Insertion = 'new';
      if (!isPut || series.rows !== layout.rows)
        insertion =
          (isKnown ? quality.correct(quantities[i] as string, observedAt, intervalMs, value) : undefined) ??
          series.insert(observedAt, intervalMs, series.isInterval ? intervalMs : coverMs, value);
      if (insertion !== 'new') areNew = false;
      insertions.push(insertion);
    }
    return areNew ? null : insertions;
  }

  /** Tells the readings of a report: as one where all are new and good, else one by one. */
  #observeReport(quality: StationQuality, report: Report, insertions: readonly Insertion[] | null): void {
    const { quantities, observedAt, intervalMs } = report;
    if (insertions === null && !quality.knows(quantities, observedAt, intervalMs)) {
      this.observeAll(report, 'on-time');
      return;
    }
    for (let i = 0; i < quantities.length; i++) {
      const insertion = insertions?.[i] ?? 'new';
      if (insertion === 'repeat' || insertion === 'stale-repeat') this.count(insertion);
      else {
        const verdict = quality.flagged.find(quantities[i] as string, observedAt, intervalMs);
        this.#observe(report, i, insertion === 'new' ? 'on-time' : 'correction', verdict);
      }
    }
  }

  /** Tells readings before and after the report whose verdict it changed; returns the earliest instant that changed. */
  #rejudged(state: StationState, report: Report, judgements: readonly Judgement[]): number {
    const { observedAt, quantities } = report;
    let from = observedAt;
    const changed = new Set(this.changed);
    for (const { quantity, at, intervalMs, value, verdict } of judgements) {
      changed.add(quantity);
      if (at === observedAt && intervalMs === report.intervalMs && quantities.includes(quantity)) continue;
      from = Math.min(from, at);
      if (at > this.changedTo) this.changedTo = at;
      // What its windows have seen is no longer so.
      state.watch = null;
      const one = { ...report, observedAt: at, intervalMs, quantities: [quantity], values: [value] };
      this.#observe(one, 0, 'correction', verdict);
    }
    this.changed = changed;
    if (state.derivation === null) return from;
    for (const at of new Set(judgements.map((one) => one.at)))
      if (at !== observedAt) from = Math.min(from, this.#deriveAt(state, { ...report, observedAt: at }, []));
    return from;
  }

  /** Puts what follows from the report in its place; returns the earliest instant of it, infinite when there is none. */
  derive(state: StationState, report: Report): number {
    const { wanted } = this.#registry;
    const hasCounter = this.#hasCounter;
    if (wanted.instant.size === 0 && wanted.daily.size === 0 && !hasCounter && state.derivation === null)
      return Number.POSITIVE_INFINITY;
    // A station that measures itself what rules name has nothing to derive, and at a new instant nothing derived before.
    const isFresh = state.derivation === null || (report.observedAt > state.newestAt && !this.#hasLost);
    const isMeasured = wanted.daily.size === 0 && this.#registry.isMeasured(report.quantities);
    if (isFresh && isMeasured && !hasCounter) return Number.POSITIVE_INFINITY;
    return this.#deriveAt(state, report, report.quantities);
  }

  /** The same for one instant at which `quantities` came or changed. */
  #deriveAt(state: StationState, report: Report, quantities: readonly string[]): number {
    state.derivation ??= new StationDerivation();
    const { observedAt } = report;
    const newestAt = Math.max(state.newestAt, observedAt);
    const stationMs = state.station.intervalMs ?? report.intervalMs;
    const placements = state.derivation.placements(
      state.series,
      state.station,
      quantities,
      observedAt,
      newestAt,
      this.#registry.wanted,
      report.intervalMs,
      this.#hasLost,
    );
    let from = Number.POSITIVE_INFINITY;
    for (const one of placements) {
      if (!this.#putDerived(state, report, one, one.intervalMs ?? stationMs)) continue;
      if (this.changed !== NOTHING) this.changed.add(one.quantity);
      from = Math.min(from, one.observedAt);
    }
    return from;
  }

  /** Puts one derived reading in its place, or takes it out; false: nothing changed. */
  #putDerived(state: StationState, report: Report, one: DerivedPlacement, spanMs: number): boolean {
    const { quantity, observedAt } = one;
    const series = state.seriesOf(quantity);
    let intervalMs = spanMs;
    let { value } = one;
    let arrival: Observation['arrival'] = 'correction';
    let verdict: Verdict | undefined;
    if (value === null) {
      if (one.intervalMs === undefined) intervalMs = series.interval(indexAt(series, observedAt));
      value = series.take(observedAt, intervalMs).value;
      // It is worth what it followed from.
      verdict = { flag: 'bad', check: 'consistency' };
      state.watch = null;
    } else {
      const insertion = series.insert(observedAt, intervalMs, one.coverMs ?? intervalMs, value);
      state.noteOldest(observedAt);
      state.watch?.note(quantity, observedAt, value, state.newestAt);
      if (isRepeat(insertion)) return false;
      if (insertion === 'new') arrival = 'on-time';
    }
    const row = { ...report, observedAt, intervalMs, quantities: [quantity], values: [value] };
    this.#observe(row, 0, arrival, verdict);
    return true;
  }
}
