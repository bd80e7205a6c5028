import type { Station } from '../model/station.ts';
import { HOUR_MS } from '../model/time.ts';
import { checkConsistency } from '../quality/consistency.ts';
import { checkedQuantities, isPlainRadiation } from '../quality/plain.ts';
import { type Judged, STEP_MS, StationJudge } from '../quality/station-judge.ts';
import { spikeQuantities } from '../quality/step.ts';
import type { Verdict } from '../quality/verdict.ts';
import { AcceptedSeries } from './accepted-series.ts';
import { type FlaggedReading, FlaggedReadings, type FlaggedSnapshot, flaggedBy } from './flagged-readings.ts';
import { type PlainLayout, plainLayout } from './plain-layout.ts';
import type { ReadingRows } from './reading-rows.ts';
import type { ReportLayout } from './report-layout.ts';
import { type Insertion, type ReadingSeries, replacedWith } from './series.ts';
import { type Measured, SeriesHistory, scaleOf } from './station-history.ts';

/** A reading whose verdict is another than before; scaled integers. */
export interface Judgement {
  readonly quantity: string;
  readonly at: number;
  readonly intervalMs: number;
  readonly value: number;
  readonly verdict: Verdict;
}

const NONE: readonly Judgement[] = [];
const checked = plainLayout(checkedQuantities);
/** Values that stand are looked for again after so long. */
const STILL_LOOK_MS = HOUR_MS / 2;

/**
 * The quality control of one station. What is suspect or bad stands beside its series, not in them: windows, areas and
 * derived quantities see good readings only, and their coverage lacks the others. A verdict is a function of what was
 * measured, whatever the order in which it came.
 */
export class StationQuality {
  readonly #measured: Measured;
  /** Made with the first look at it: mostly no reading asks for more than the row before it. */
  #history: SeriesHistory | null = null;
  #judge: StationJudge | null = null;
  #site: Station | null = null;
  /** The rest follows from the layout of the newest report and from the series: shortcuts, no state. */
  #layout: ReportLayout | null = null;
  #plain: PlainLayout | null = null;
  /** Those of its own site, where those of all sites do not do. */
  #limits: readonly number[] | null = null;
  #limitsOf: Station | null = null;
  #columns: readonly number[] = [];
  /** By number of what is checked: since when the value stands, at most; null: nobody asks before the next look. */
  #changedAt: number[] | null = null;
  /** Before this instant no value of the newest report stands for too long, whichever is equal to the one before. */
  #stillUntil = Number.NEGATIVE_INFINITY;
  /** From this instant on it is worth looking for such a one again. */
  #stillDueAt = Number.NEGATIVE_INFINITY;

  /** None of its readings is flagged: nearly always so. */
  isClean = true;

  /** Follows from the series and what is flagged, for rules that count suspect readings. */
  #accepted: AcceptedSeries | null = null;

  constructor(measured: Measured) {
    this.#measured = measured;
  }

  /** The series of a quantity with its suspect readings in it; `good` itself where there are none. */
  accepted(quantity: string, good: ReadingSeries): ReadingSeries {
    if (this.isClean) {
      this.#accepted = null;
      return good;
    }
    this.#accepted ??= new AcceptedSeries();
    return this.#accepted.of(quantity, good, this.flagged);
  }

  get flagged(): FlaggedReadings {
    return this.#past.flagged;
  }

  get #past(): SeriesHistory {
    this.#history ??= new SeriesHistory(this.#measured);
    return this.#history;
  }

  /**
   * Judges the newest report, whose readings stand in their series, and what it says of those just before it.
   * @returns the readings whose verdict changed, its own among them
   */
  newest(
    layout: ReportLayout,
    at: number,
    intervalMs: number,
    values: readonly number[],
  ): readonly Judgement[] {
    if (this.#layout !== layout || this.#limitsOf !== this.#measured.station) this.#follow(layout);
    const plain = this.#plain as PlainLayout;
    const { rows } = layout;
    if (rows !== null && this.#isEven(layout) && this.#areGood(plain, rows, rows.end - 1)) return NONE;
    const fromAt = !this.isClean ? this.#openStep(plain, at) : at;
    if (fromAt < at) return this.from(fromAt);
    const found: (Verdict | undefined)[] = [];
    for (let k = 0; k < plain.places.length; k++) {
      const place = plain.places[k] as number;
      const series = layout.series[place] as ReadingSeries;
      if (this.#isPlain(plain, this.#ownLimits(plain), series, k, series.length - 1)) continue;
      const value = (values[place] as number) / (plain.scales[k] as number);
      const verdict = this.#judged().alone(plain.nameOf(k), at, intervalMs, value);
      if (verdict.flag !== 'good') found[place] = verdict;
    }
    if (found.length === 0 && plain.isConsistent(values, 0, plain.places)) return NONE;
    return this.#settle(plain, found, at, intervalMs, values);
  }

  /** All that reports of a layout bring stands in the rows that they share, and nothing else was ever derived or flagged. */
  #isEven(layout: ReportLayout): boolean {
    const { rows, series } = layout;
    const areTogether = layout.isWhole && rows?.shared === series.length;
    return areTogether && this.isClean && this.#measured.derivation === null;
  }

  /** Whether all readings of a row are good at first sight: nearly always so. */
  #areGood(plain: PlainLayout, rows: ReadingRows, row: number): boolean {
    const { cells } = rows;
    const now = rows.base + row * rows.width;
    // The first one is compared with itself.
    const before = row > rows.start ? now - rows.width : now;
    const at = cells[now] as number;
    const steps = plain.steps(at - (cells[before] as number));
    const limits = plain.everywhere;
    const columns = this.#columns;
    for (let k = 0; k < columns.length; k++) {
      const column = columns[k] as number;
      const value = cells[now + column] as number;
      if (value < (limits[2 * k] as number) || value > (limits[2 * k + 1] as number)) {
        const isPlain =
          k === plain.radiation
            ? this.#isPlainRadiation(plain, value, at, rows.intervalMs)
            : this.#isWithin(plain, k, value);
        if (!isPlain) return false;
      }
      const jump = value - (cells[before + column] as number);
      if (jump === 0) {
        // By one number for all quantities: what each remembers lies far apart in memory.
        const isStill = before < now && (at >= this.#stillUntil || row !== rows.end - 1);
        if (isStill && !this.#isStillPlain(plain, rows, row, k)) return false;
      } else if ((jump < 0 ? -jump : jump) > (steps[k] as number)) return false;
    }
    return plain.isConsistent(cells, now, columns);
  }

  #ownLimits(plain: PlainLayout): readonly number[] {
    this.#limits ??= plain.limitsAt(this.#measured.station);
    return this.#limits;
  }

  #isWithin(plain: PlainLayout, k: number, value: number): boolean {
    const limits = this.#ownLimits(plain);
    return value >= (limits[2 * k] as number) && value <= (limits[2 * k + 1] as number);
  }

  /** Whether a reading may be equal to the one before it. */
  #isStillPlain(plain: PlainLayout, rows: ReadingRows, row: number, k: number): boolean {
    const column = this.#columns[k] as number;
    const stillMs = plain.stillMs[k] as number;
    if (stillMs === Number.POSITIVE_INFINITY) return true;
    const at = rows.at(row);
    const isNewest = row === rows.end - 1;
    if (isNewest) {
      if (at >= this.#stillDueAt) this.#lookForChanges(plain, rows, row);
      if (at < this.#stillUntil) return true;
      if (this.#changedAt && at - (this.#changedAt[k] as number) < stillMs) return true;
      if (this.#judge?.runs.knows(plain.nameOf(k), rows.at(row - 1))) return false;
    }
    const changedAt = changeBefore(rows, column, row, at - stillMs, rows.intervalMs);
    if (isNewest && this.#changedAt) this.#changedAt[k] = changedAt;
    return at - changedAt < stillMs;
  }

  /** Until when none of the values of the newest row stands for too long; where that is soon, since when each stands at most. */
  #lookForChanges(plain: PlainLayout, rows: ReadingRows, row: number): void {
    const at = rows.at(row);
    // No value stands for longer than the rows go back.
    const atLeast = rows.at(rows.start) - rows.intervalMs + plain.leastStillMs;
    if (atLeast > at) {
      this.#changedAt = null;
      this.#stillUntil = atLeast;
      this.#stillDueAt = atLeast;
      return;
    }
    const changedAt: number[] = [];
    let until = Number.POSITIVE_INFINITY;
    for (let k = 0; k < plain.places.length; k++) {
      const stillMs = plain.stillMs[k] as number;
      const isTimeless = stillMs === Number.POSITIVE_INFINITY;
      const column = this.#columns[k] as number;
      const since = isTimeless ? at : changeBefore(rows, column, row, at - stillMs, rows.intervalMs);
      changedAt.push(since);
      until = Math.min(until, since + stillMs);
    }
    this.#stillUntil = until;
    // Where one stands for long already the rest is asked one by one for a while.
    this.#stillDueAt = Math.max(until, at + STILL_LOOK_MS);
    this.#changedAt = until < this.#stillDueAt ? changedAt : null;
  }

  #forgetChanges(): void {
    this.#changedAt = null;
    this.#stillUntil = Number.NEGATIVE_INFINITY;
    this.#stillDueAt = Number.NEGATIVE_INFINITY;
  }

  /** Holds the readings of one report against each other, and takes those with a flag out of their series. */
  #settle(
    { quantities, places, scales }: PlainLayout,
    found: (Verdict | undefined)[],
    at: number,
    intervalMs: number,
    values: readonly number[],
  ): readonly Judgement[] {
    const unflagged = new Map<string, number>();
    places.forEach((place, k) => {
      if (!found[place])
        unflagged.set(quantities[place] as string, (values[place] as number) / (scales[k] as number));
    });
    for (const [quantity, verdict] of checkConsistency(unflagged))
      found[quantities.indexOf(quantity)] = verdict;
    const judgements: Judgement[] = [];
    for (const place of places) {
      const verdict = found[place];
      if (!verdict) continue;
      const quantity = quantities[place] as string;
      this.#set(quantity, at, intervalMs, verdict);
      judgements.push({ quantity, at, intervalMs, value: values[place] as number, verdict });
    }
    return judgements;
  }

  /** Whether any of these readings is flagged. */
  knows(quantities: readonly string[], at: number, intervalMs: number): boolean {
    for (const quantity of quantities) if (this.flagged.find(quantity, at, intervalMs)) return true;
    return false;
  }

  /** A flagged reading comes again: with another value it stands in its series, to be judged anew. Undefined: it is none. */
  correct(quantity: string, at: number, intervalMs: number, value: number): Insertion | undefined {
    const known = this.flagged.find(quantity, at, intervalMs);
    if (!known) return undefined;
    if (known.value === value) return 'repeat';
    if (known.replaced.includes(value)) return 'stale-repeat';
    this.flagged.remove(quantity, known);
    this.isClean = this.flagged.size === 0;
    const series = this.#measured.series.get(quantity) as ReadingSeries;
    series.putBack({ ...known, value, replaced: replacedWith(known.replaced, known.value) });
    return 'correction';
  }

  /** Judges again all that a report placed at an instant before the newest can change. */
  again(at: number): readonly Judgement[] {
    this.#forgetChanges();
    const layout = this.#layout;
    const rows = layout?.rows;
    if (layout && rows && this.#isEven(layout) && this.#limitsOf === this.#measured.station) {
      let row = Math.max(rows.start, rows.firstAfter(at - 1) - 1);
      while (row < rows.end && this.#areGood(this.#plain as PlainLayout, rows, row)) row++;
      // Only those series have readings: the others would have been judged by themselves.
      if (row === rows.end && this.#isAllIn(rows)) return NONE;
    }
    return this.from(this.#reach(at));
  }

  /** The same without a short cut, for tests. */
  inFull(at: number): readonly Judgement[] {
    return this.from(this.#reach(at), true);
  }

  /** Judges all instants from one on again; `isFull`: also those that are good at first sight. */
  from(fromAt: number, isFull = false): readonly Judgement[] {
    this.#forgetChanges();
    const judge = this.#judged();
    judge.runs.forgetAll();
    const limits = checked.limitsAt(this.#measured.station);
    const judgements: Judgement[] = [];
    for (const at of this.#instantsFrom(fromAt)) {
      if (!isFull && this.#isPlainAt(limits, at)) continue;
      const readings = this.#readingsAt(at);
      const verdicts = judge.instant(at, readings);
      readings.forEach(({ quantity, intervalMs, scaled, known }, i) => {
        const verdict = verdicts[i] as Verdict;
        if (verdict.flag === (known?.flag ?? 'good') && verdict.check === known?.check) return;
        this.#set(quantity, at, intervalMs, verdict);
        judgements.push({ quantity, at, intervalMs, value: scaled, verdict });
      });
    }
    return judgements;
  }

  /** From where on a reading at `at`, placed before the newest, can change verdicts. */
  #reach(at: number): number {
    let from = at;
    for (const quantity of checkedQuantities) {
      const before = this.#past.before(quantity, at);
      if (before && at - before.at <= STEP_MS && before.at < from) from = before.at;
    }
    return from;
  }

  forget(at: number): void {
    if (this.isClean) return;
    this.flagged.forget(at);
    this.isClean = this.flagged.size === 0;
  }

  /** The judge of the place as it is registered now. */
  #judged(): StationJudge {
    const { station } = this.#measured;
    if (this.#judge === null || this.#site !== station) {
      this.#judge = new StationJudge(station, this.#past);
      this.#site = station;
    }
    return this.#judge;
  }

  #follow(layout: ReportLayout): void {
    this.#layout = layout;
    this.#plain = plainLayout(layout.quantities);
    this.#limitsOf = this.#measured.station;
    this.#plain.include(this.#limitsOf);
    this.#limits = null;
    this.#columns = this.#plain.columnsOf(layout.series);
    this.#forgetChanges();
  }

  /** The instant of a reading that may turn out a spike with what comes after it; `at` when there is none. */
  #openStep({ quantities, places }: PlainLayout, at: number): number {
    let from = at;
    for (const place of places) {
      const quantity = quantities[place] as string;
      const list = spikeQuantities.has(quantity) ? this.flagged.of(quantity) : undefined;
      const newestAt = list?.at(-1)?.at;
      if (list === undefined || newestAt === undefined || at - newestAt > STEP_MS) continue;
      // Of one instant several may be flagged.
      const isOpen = list.some((one) => one.at === newestAt && one.flag === 'suspect');
      if (isOpen) from = Math.min(from, newestAt);
    }
    return from;
  }

  /** Whether all that was measured at an instant is good at first sight. */
  #isPlainAt(limits: readonly number[], at: number): boolean {
    const values: number[] = [];
    for (let k = 0; k < checked.places.length; k++) {
      const quantity = checked.nameOf(k);
      if (this.flagged.of(quantity)) return false;
      const series = this.#measured.series.get(quantity);
      const i = series ? series.firstAfter(at) - 1 : -1;
      if (!series || i < 0 || series.at(i) !== at) values.push(Number.NaN);
      else if (this.#isPlain(checked, limits, series, k, i)) values.push(series.value(i));
      else return false;
    }
    return checked.isConsistent(values, 0, checked.places);
  }

  /** Whether a reading of a series is good at first sight, for itself. */
  #isPlain(
    plain: PlainLayout,
    limits: readonly number[],
    series: ReadingSeries,
    k: number,
    i: number,
  ): boolean {
    const value = series.value(i);
    const at = series.at(i);
    const isWithin = value >= (limits[2 * k] as number) && value <= (limits[2 * k + 1] as number);
    const isRadiation = k === plain.radiation;
    if (!isWithin && !(isRadiation && this.#isPlainRadiation(plain, value, at, series.interval(i))))
      return false;
    const quantity = plain.nameOf(k);
    if (!series.countsAll || (!this.isClean && this.flagged.of(quantity))) return false;
    const { derivation } = this.#measured;
    if (derivation?.isDerived(quantity, at)) return false;
    if (i === 0) return true;
    const beforeAt = series.at(i - 1);
    if (derivation?.isDerived(quantity, beforeAt)) return false;
    const jump = value - series.value(i - 1);
    if (jump !== 0) return (jump < 0 ? -jump : jump) <= (plain.steps(at - beforeAt)[k] as number);
    const stillMs = plain.stillMs[k] as number;
    if (stillMs === Number.POSITIVE_INFINITY) return true;
    if (this.#judge?.runs.knows(quantity, beforeAt)) return false;
    const { rows, column } = series;
    return at - changeBefore(rows, column, rows.start + i, at - stillMs, series.interval(0)) < stillMs;
  }

  #isPlainRadiation(plain: PlainLayout, value: number, at: number, intervalMs: number): boolean {
    const kilojoules = value / (plain.scales[plain.radiation] as number);
    return isPlainRadiation(kilojoules, this.#measured.station, at, intervalMs);
  }

  /** Puts a reading where its verdict belongs. */
  #set(quantity: string, at: number, intervalMs: number, verdict: Verdict): void {
    const series = this.#measured.series.get(quantity) as ReadingSeries;
    const known = this.flagged.find(quantity, at, intervalMs);
    if (known) this.flagged.remove(quantity, known);
    if (verdict.flag === 'good') {
      series.putBack(known as FlaggedReading);
      this.#measured.derivation?.measured(quantity, at);
    } else this.flagged.put(quantity, flaggedBy(known ?? series.take(at, intervalMs), verdict));
    this.isClean = this.flagged.size === 0;
  }

  /** Every reading that a check knows stands in these rows. */
  #isAllIn(rows: ReadingRows): boolean {
    for (const quantity of checkedQuantities) {
      const series = this.#measured.series.get(quantity);
      if (series && series.rows !== rows && series.length > 0) return false;
    }
    return true;
  }

  #instantsFrom(fromAt: number): number[] {
    const instants = new Set<number>();
    for (const quantity of checkedQuantities) {
      const series = this.#measured.series.get(quantity);
      if (series)
        for (let i = series.firstAfter(fromAt - 1); i < series.length; i++) instants.add(series.at(i));
      for (const { at } of this.flagged.of(quantity) ?? []) if (at >= fromAt) instants.add(at);
    }
    return [...instants].sort((a, b) => a - b);
  }

  /** The measured readings of an instant, of each quantity the shortest interval first. */
  #readingsAt(at: number): (Judged & { readonly scaled: number; readonly known?: FlaggedReading })[] {
    return checkedQuantities.flatMap((quantity) => {
      const found: { intervalMs: number; scaled: number; known?: FlaggedReading }[] = [];
      const series = this.#measured.series.get(quantity);
      if (series && this.#measured.derivation?.isDerived(quantity, at) !== true)
        for (let i = series.firstAfter(at) - 1; i >= 0 && series.at(i) === at; i--)
          found.push({ intervalMs: series.interval(i), scaled: series.value(i) });
      for (const known of this.flagged.of(quantity) ?? [])
        if (known.at === at) found.push({ intervalMs: known.intervalMs, scaled: known.value, known });
      const scale = scaleOf(quantity);
      return found
        .sort((a, b) => a.intervalMs - b.intervalMs)
        .map((one) => ({ ...one, quantity, value: one.scaled / scale }));
    });
  }

  snapshot(): FlaggedSnapshot {
    return this.flagged.snapshot();
  }

  restore(from: FlaggedSnapshot): void {
    this.#past.flagged = FlaggedReadings.restore(from);
    this.isClean = this.flagged.size === 0;
  }
}

/**
 * A value stands since then at most: the newest instant before a row with another value, or the start of the first interval of
 * all; minus infinity: it stood already at `since`. What was forgotten before the first row is too long ago for any run.
 */
function changeBefore(
  rows: ReadingRows,
  column: number,
  row: number,
  since: number,
  firstIntervalMs: number,
): number {
  const value = rows.cells[rows.base + row * rows.width + column];
  for (let i = row - 1; i >= rows.start; i--) {
    const at = rows.at(i);
    if (rows.cells[rows.base + i * rows.width + column] !== value) return at;
    if (at <= since) return Number.NEGATIVE_INFINITY;
  }
  return rows.at(rows.start) - firstIntervalMs;
}
