import type { Subject } from '../model/alert.ts';
import type { Station } from '../model/station.ts';
import { HOUR_MS, SECOND_MS } from '../model/time.ts';
import type { AreaState } from './area-state.ts';
import { CellPool } from './cell-pool.ts';
import type { ClimatologyTable } from './climatology-reader.ts';
import { isIntervalQuantity } from './compiled-rule.ts';
import type { NewestReader } from './newest-instant.ts';
import { ReadingSeries, type SeriesSnapshot } from './series.ts';
import { StationDerivation, type StationDerivationSnapshot } from './station-derivation.ts';
import { SubjectState } from './subject.ts';
import type { TrackSnapshot } from './track.ts';
import type { Watch } from './watch.ts';

export type { Track } from './track.ts';

export const NO_AREAS: readonly AreaState[] = [];

/** Everything that the fold remembers of one station. */
export class StationState extends SubjectState {
  station: Station;
  /** Its home is another partition: here it feeds areas alone. */
  isNeighbour = false;
  /** The areas with rules that list it. */
  areas: readonly AreaState[] = NO_AREAS;
  /** How much longer than lateness its past is kept for the slowest station of its areas, ms. */
  areaLagMs = 0;
  readonly series = new Map<string, ReadingSeries>();
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
  /** Readings up to here are forgotten; a shortcut, no state. */
  #forgottenTo = Number.NEGATIVE_INFINITY;
  /** Memory of its readings, shared by the stations of a partition. */
  readonly #pool: CellPool;
  #layout: readonly string[] = [];
  #layoutSeries: readonly ReadingSeries[] = [];

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
      this.series.set(quantity, series);
    }
    return series;
  }

  /** The series of a report's quantities; reports of one layout share the array that names them. */
  seriesOfLayout(quantities: readonly string[]): readonly ReadingSeries[] {
    if (this.#layout !== quantities) {
      this.#layout = quantities;
      this.#layoutSeries = quantities.map((quantity) => this.seriesOf(quantity));
    }
    return this.#layoutSeries;
  }

  /** Remembers a report's instant; true when it is newer than every one before. */
  noteReport(at: number, intervalMs: number): boolean {
    const isNewest = at > this.newestAt;
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
      if (hour !== this.#forgottenTo) for (const series of this.series.values()) series.forget(hour);
      this.#forgottenTo = hour;
    } else for (const [quantity, series] of this.series) series.forget(at, readingsKept.get(quantity));
    if ((this.reportedAt[0] as number) < before) {
      const old = this.reportedAt.findIndex((reported) => reported >= before);
      this.reportedAt.splice(0, old < 0 ? this.reportedAt.length : old);
    }
    this.derivation?.forget(before);
    if (this.tracks.size > 0) this.forgetTracks(lateBefore);
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
      ...(this.isNeighbour ? { neighbour: true as const } : {}),
      ...(this.derivation ? { derivation: this.derivation.snapshot() } : {}),
    };
  }

  static restore(from: StationSnapshot, pool?: CellPool): StationState {
    const state = new StationState(from.station, from.armedAt ?? Number.NEGATIVE_INFINITY, pool);
    for (const [name, series] of from.series)
      state.series.set(name, ReadingSeries.restore(isIntervalQuantity(name), series, state.#pool));
    state.reportedAt = [...from.reportedAt];
    state.newestAt = from.newestAt ?? Number.NEGATIVE_INFINITY;
    state.lastIntervalMs = from.lastIntervalMs;
    for (const [name, at] of from.newestOf) state.seriesOf(name).newestAt = at;
    state.restoreTracks(from.tracks);
    state.isNeighbour = from.neighbour === true;
    if (from.derivation) state.derivation = StationDerivation.restore(from.derivation);
    return state;
  }
}

const finite = (at: number): number | null => (Number.isFinite(at) ? at : null);

export interface StationSnapshot {
  readonly station: Station;
  readonly series: readonly (readonly [string, SeriesSnapshot])[];
  readonly reportedAt: readonly number[];
  readonly newestAt: number | null;
  readonly lastIntervalMs: number;
  readonly newestOf: readonly (readonly [string, number])[];
  readonly armedAt: number | null;
  readonly tracks: readonly (readonly [string, TrackSnapshot])[];
  readonly neighbour?: true;
  readonly derivation?: StationDerivationSnapshot;
}
