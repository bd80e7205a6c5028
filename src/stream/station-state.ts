import type { Station } from '../model/station.ts';
import type { Subject } from '../model/subject.ts';
import { HOUR_MS, SECOND_MS } from '../model/time.ts';
import { CellPool } from './cell-pool.ts';
import type { ClimatologyTable } from './climatology-reader.ts';
import { isIntervalQuantity } from './compiled-rule.ts';
import type { FlaggedSnapshot } from './flagged-readings.ts';
import { type ForecastsSnapshot, StationForecasts } from './forecasts.ts';
import type { NewestReader } from './newest-instant.ts';
import { ReadingRows } from './reading-rows.ts';
import { kindsOf, ReportLayout } from './report-layout.ts';
import { ReadingSeries, type SeriesSnapshot } from './series.ts';
import { SeriesTable } from './series-table.ts';
import { StationDerivation, type StationDerivationSnapshot } from './station-derivation.ts';
import { StationQuality } from './station-quality.ts';
import { SubjectState, type WithdrawnSnapshot } from './subject.ts';
import type { TrackSnapshot } from './track.ts';
import type { Watch } from './watch.ts';

export type { Track } from './track.ts';

export const NO_AREAS: readonly never[] = [];

/** Everything that the fold remembers of one station. `Area` is the same of an area; a station only keeps them. */
export class StationState<Area extends SubjectState = SubjectState> extends SubjectState {
  station: Station;
  /** Its home is another partition: here it feeds areas alone. */
  isNeighbour = false;
  /** The areas with rules that list it. */
  areas: readonly Area[] = NO_AREAS;
  /** How much longer than lateness its past is kept for the slowest station of its areas, ms. */
  areaLagMs = 0;
  readonly series = new SeriesTable();
  /** `observedAt` of its reports within lateness, ascending. */
  reportedAt: number[] = [];
  newestAt = Number.NEGATIVE_INFINITY;
  lastIntervalMs = HOUR_MS;
  /** Silence is counted from here when nothing newer was observed: adoption, or our own outage. */
  armedAt: number;
  /** Windows at the newest instant; follows from the series, so that no checkpoint holds it. */
  newest: NewestReader | null = null;
  /** Which rules its readings can touch; follows from series and tracks, so that no checkpoint holds it. */
  watch: Watch | null = null;
  /** What is known of its climate; an immutable document, so that no checkpoint holds it. */
  climatology: ClimatologyTable | null = null;
  /** What follows from its readings, once a rule asks for it. */
  derivation: StationDerivation | null = null;
  /** What others forecast of it, once a rule reads it. */
  forecasts: StationForecasts | null = null;
  /** What its readings are worth; begun with its first report. */
  #quality: StationQuality | null = null;
  /** The station that reported after it the last time; a shortcut, no state. */
  next: StationState<Area> | null = null;
  /** Its id as its reports have it: the same string is known without a look at its letters. A shortcut, no state. */
  heardAs = '';
  /** No reading is older; a shortcut, no state. */
  #oldestAt = Number.POSITIVE_INFINITY;
  /** Memory of its readings, shared by the stations of a partition. */
  readonly #pool: CellPool;
  #layout: ReportLayout | null = null;

  constructor(station: Station, armedAt: number, pool = new CellPool()) {
    super();
    this.#pool = pool;
    this.station = station;
    this.armedAt = armedAt;
  }

  get subject(): Subject {
    return { kind: 'station', id: this.station.id };
  }

  get intervalMs(): number {
    return this.station.intervalMs ?? this.lastIntervalMs;
  }

  /** When the station is late by its own pace: one second after two of its intervals without anything newer. */
  lateDueAt(delayMs: number): number {
    return Math.max(this.newestAt, this.armedAt) + delayMs + 2 * this.intervalMs + SECOND_MS;
  }

  /** When `silent(span)` or `silent(quantity, span)` becomes true. */
  silentDueAt(quantity: string | null, spanMs: number, delayMs: number): number {
    const newest =
      quantity === null ? this.newestAt : (this.series.get(quantity)?.newestAt ?? Number.NEGATIVE_INFINITY);
    return Math.max(newest, this.armedAt) + delayMs + spanMs + SECOND_MS;
  }

  seriesOf(quantity: string): ReadingSeries {
    let series = this.series.get(quantity);
    if (!series) {
      series = new ReadingSeries(isIntervalQuantity(quantity), this.#pool);
      this.series.add(quantity, series);
    }
    return series;
  }

  get quality(): StationQuality {
    if (this.#quality === null) {
      this.#quality = new StationQuality(this);
      this.series.suspects = this.#quality;
    }
    return this.#quality;
  }

  /** Where a report's quantities go; reports of one layout share the array that names them. */
  layoutOf(quantities: readonly string[]): ReportLayout {
    if (!this.#layout?.isFor(quantities)) {
      if (this.series.size === 0) this.#beginTogether(quantities);
      else
        this.#layout = ReportLayout.among(
          quantities,
          quantities.map((quantity) => this.seriesOf(quantity)),
        );
    }
    return this.#layout as ReportLayout;
  }

  /** The quantities of a first report mostly stay together. */
  #beginTogether(quantities: readonly string[]): void {
    const { isPlain, areIntervals } = kindsOf(quantities);
    const rows = isPlain ? new ReadingRows(quantities.length, this.#pool) : null;
    const all: ReadingSeries[] = [];
    for (let i = 0; i < quantities.length; i++)
      all.push(
        rows === null
          ? this.seriesOf(quantities[i] as string)
          : new ReadingSeries(areIntervals[i] as boolean, this.#pool, rows),
      );
    if (rows !== null) this.series.begin(quantities, all);
    this.#layout = new ReportLayout(quantities, all, rows, null);
  }

  /** A reading stands at this instant. */
  noteOldest(at: number): void {
    if (at < this.#oldestAt) this.#oldestAt = at;
  }

  /** Remembers a report's instant; true when it is newer than every one before. */
  noteReport(at: number, intervalMs: number): boolean {
    const isNewest = at > this.newestAt;
    this.noteOldest(at);
    if (isNewest) {
      this.newestAt = at;
      if (intervalMs > 0) this.lastIntervalMs = intervalMs;
      this.reportedAt.push(at);
    } else {
      let i = this.reportedAt.length;
      while (i > 0 && (this.reportedAt[i - 1] as number) > at) i--;
      if (this.reportedAt[i - 1] !== at) this.reportedAt.splice(i, 0, at);
    }
    return isNewest;
  }

  /** `observedAt` of the report before `at`; just before `at` when none is remembered. */
  reportBefore(at: number): number {
    return this.reportedAt.findLast((reported) => reported < at) ?? at - 1;
  }

  /** Forgets what no evaluation within lateness can need. */
  forget(lateBefore: number, longestWindowMs: number, readingsKept?: ReadonlyMap<string, number>): void {
    const before = lateBefore - this.areaLagMs;
    const at = before - longestWindowMs - HOUR_MS;
    if (!readingsKept?.size) {
      // By the hour, which any fold does alike, wherever it began: most reports leave all as it is.
      const hour = Math.floor(at / HOUR_MS) * HOUR_MS;
      if (hour >= this.#oldestAt) {
        for (const series of this.series.values()) series.forget(hour);
        this.#quality?.forget(hour);
        this.#oldestAt = hour + 1;
      }
    } else {
      for (const [quantity, series] of this.series) series.forget(at, readingsKept.get(quantity));
      this.#quality?.forget(at);
    }
    if ((this.reportedAt[0] as number) < before) {
      const old = this.reportedAt.findIndex((reported) => reported >= before);
      this.reportedAt.splice(0, old < 0 ? this.reportedAt.length : old);
    }
    this.derivation?.forget(before);
    this.forecasts?.forget(before);
    if (this.tracks.size > 0 || this.hasWithdrawn) this.forgetTracks(lateBefore);
  }

  snapshot(): StationSnapshot {
    return {
      station: this.station,
      series: [...this.series].map(([name, series]) => [name, series.snapshot()]),
      reportedAt: [...this.reportedAt],
      newestAt: finite(this.newestAt),
      lastIntervalMs: this.lastIntervalMs,
      newestOf: [...this.series]
        .filter(([, { newestAt }]) => Number.isFinite(newestAt))
        .map(([name, { newestAt }]) => [name, newestAt]),
      armedAt: finite(this.armedAt),
      tracks: this.snapshotTracks(),
      ...this.snapshotWithdrawn(),
      ...(this.isNeighbour ? { neighbour: true as const } : {}),
      ...(this.#quality && !this.#quality.isClean ? { flagged: this.#quality.snapshot() } : {}),
      ...(this.forecasts && this.forecasts.size > 0 ? { forecasts: this.forecasts.snapshot() } : {}),
      ...(this.derivation ? { derivation: this.derivation.snapshot() } : {}),
    };
  }

  static restore<Area extends SubjectState>(from: StationSnapshot, pool?: CellPool): StationState<Area> {
    const state = new StationState<Area>(from.station, from.armedAt ?? Number.NEGATIVE_INFINITY, pool);
    for (const [name, series] of from.series)
      state.series.add(name, ReadingSeries.restore(isIntervalQuantity(name), series, state.#pool));
    state.reportedAt = [...from.reportedAt];
    state.newestAt = from.newestAt ?? Number.NEGATIVE_INFINITY;
    state.lastIntervalMs = from.lastIntervalMs;
    for (const [name, at] of from.newestOf) state.seriesOf(name).newestAt = at;
    state.restoreTracks(from.tracks);
    state.remember(from);
    state.isNeighbour = from.neighbour === true;
    state.#oldestAt = Number.NEGATIVE_INFINITY;
    if (from.flagged) state.quality.restore(from.flagged);
    if (from.forecasts) state.forecasts = StationForecasts.restore(from.forecasts);
    if (from.derivation) state.derivation = StationDerivation.restore(from.derivation);
    return state;
  }
}

const finite = (at: number): number | null => (Number.isFinite(at) ? at : null);

export interface StationSnapshot extends WithdrawnSnapshot {
  readonly station: Station;
  readonly series: readonly (readonly [string, SeriesSnapshot])[];
  readonly reportedAt: readonly number[];
  readonly newestAt: number | null;
  readonly lastIntervalMs: number;
  readonly newestOf: readonly (readonly [string, number])[];
  readonly armedAt: number | null;
  readonly tracks: readonly (readonly [string, TrackSnapshot])[];
  readonly neighbour?: true;
  /** Readings that are suspect or bad: they stand in no series. */
  readonly flagged?: FlaggedSnapshot;
  /** What others forecast of it: these values stand in no series. */
  readonly forecasts?: ForecastsSnapshot;
  readonly derivation?: StationDerivationSnapshot;
}
