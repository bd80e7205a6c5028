import type { ToldAlert } from '../alerts/lifecycle.ts';
import { type LevelState, Timeline } from '../alerts/timeline.ts';
import { type Level, levelNames } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { HOUR_MS, SECOND_MS } from '../model/time.ts';
import { type CompiledRule, isIntervalQuantity } from './compiled-rule.ts';
import type { NewestReader } from './newest-instant.ts';
import { ReadingSeries, type SeriesSnapshot } from './series.ts';
import { TRUE, type Truth, UNKNOWN } from './truth.ts';

/** One (rule, station): the level over event time, and what has been told of it. */
export interface Track {
  timeline: Timeline;
  /** The newest instant evaluated. */
  evaluatedAt: number;
  /** Truth per level at that instant. */
  truths: readonly Truth[];
  told: ToldAlert | null;
  /** The alert that a bridged episode goes on with: the last one told that ended by clearing. */
  ended: ToldAlert | null;
  /** A revision waits for the next second. */
  isWaiting: boolean;
}

/** Everything that the fold remembers of one station. */
export class StationState {
  station: Station;
  readonly series = new Map<string, ReadingSeries>();
  /** `observedAt` of its reports within lateness, ascending. */
  reportedAt: number[] = [];
  newestAt = Number.NEGATIVE_INFINITY;
  lastIntervalMs = HOUR_MS;
  /** Silence is counted from here when nothing newer was observed: adoption, or our own outage. */
  armedAt: number;
  readonly tracks = new Map<string, Track>();
  /** The due time that stands in the heap; infinite when none. */
  scheduledAt = Number.POSITIVE_INFINITY;

  /** Windows at the newest instant; follows from the series, so that no checkpoint holds it. */
  newest: NewestReader | null = null;
  #layout: readonly string[] = [];
  #layoutSeries: readonly ReadingSeries[] = [];
  #tracked: readonly CompiledRule[] = [];
  #tracksOf: readonly Track[] = [];

  constructor(station: Station, armedAt: number) {
    this.station = station;
    this.armedAt = armedAt;
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
      series = new ReadingSeries(isIntervalQuantity(quantity));
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

  track(rule: CompiledRule): Track {
    let track = this.tracks.get(rule.rule.name);
    if (!track) {
      track = newTrack(rule.levels.length);
      this.tracks.set(rule.rule.name, track);
    }
    return track;
  }

  /** A new version of a rule has other levels: what is known of each goes with its name. One that is gone counts as the next below. */
  moveLevels(ruleName: string, before: readonly Level[], after: readonly Level[]): void {
    const track = this.tracks.get(ruleName);
    if (!track || before.join() === after.join()) return;
    const severity = (level: Level): number => levelNames.indexOf(level);
    const to = (index: number): number =>
      index < 0
        ? index
        : Math.max(
            0,
            after.findLastIndex((level) => severity(level) <= severity(before[index] as Level)),
          );
    const move = <T>(old: readonly T[], none: T): T[] =>
      after.map((level) => old[before.indexOf(level)] ?? none);
    const moveTold = (told: ToldAlert | null): ToldAlert | null => told && { ...told, level: to(told.level) };
    track.truths = move<Truth>(track.truths, UNKNOWN);
    track.told = moveTold(track.told);
    track.ended = moveTold(track.ended);
    track.timeline = Timeline.restore(
      track.timeline.snapshot().map(({ at, state }) => ({
        at,
        state: {
          ...state,
          level: to(state.level),
          trueSince: move(state.trueSince, null),
          falseSince: move(state.falseSince, null),
          inForce: move(state.inForce, false),
        },
      })),
    );
  }

  /** The tracks of a rule set, in its order. */
  tracksOf(rules: readonly CompiledRule[]): readonly Track[] {
    if (this.#tracked !== rules) {
      this.#tracked = rules;
      this.#tracksOf = rules.map((rule) => this.track(rule));
    }
    return this.#tracksOf;
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
  forget(lateBefore: number, longestWindowMs: number): void {
    for (const series of this.series.values()) series.forget(lateBefore - longestWindowMs - HOUR_MS);
    let old = 0;
    while (old < this.reportedAt.length && (this.reportedAt[old] as number) < lateBefore) old++;
    if (old > 0) this.reportedAt.splice(0, old);
    for (const track of this.tracks.values()) {
      track.timeline.forget(lateBefore);
      if (track.ended && track.ended.endedAt < lateBefore) track.ended = null;
    }
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
      tracks: [...this.tracks].map(([name, track]) => [
        name,
        { ...track, timeline: track.timeline.snapshot(), evaluatedAt: finite(track.evaluatedAt) },
      ]),
    };
  }

  static restore(from: StationSnapshot): StationState {
    const state = new StationState(from.station, from.armedAt ?? Number.NEGATIVE_INFINITY);
    for (const [name, series] of from.series)
      state.series.set(name, ReadingSeries.restore(isIntervalQuantity(name), series));
    state.reportedAt = [...from.reportedAt];
    state.newestAt = from.newestAt ?? Number.NEGATIVE_INFINITY;
    state.lastIntervalMs = from.lastIntervalMs;
    for (const [name, at] of from.newestOf) state.seriesOf(name).newestAt = at;
    for (const [name, track] of from.tracks) {
      state.tracks.set(name, {
        ...track,
        timeline: Timeline.restore(track.timeline),
        evaluatedAt: track.evaluatedAt ?? Number.NEGATIVE_INFINITY,
      });
    }
    return state;
  }
}

const finite = (at: number): number | null => (Number.isFinite(at) ? at : null);

type TrackSnapshot = Omit<Track, 'timeline' | 'evaluatedAt'> & {
  readonly timeline: readonly { at: number | null; state: LevelState }[];
  readonly evaluatedAt: number | null;
};

export interface StationSnapshot {
  readonly station: Station;
  readonly series: readonly (readonly [string, SeriesSnapshot])[];
  readonly reportedAt: readonly number[];
  readonly newestAt: number | null;
  readonly lastIntervalMs: number;
  readonly newestOf: readonly (readonly [string, number])[];
  readonly armedAt: number | null;
  readonly tracks: readonly (readonly [string, TrackSnapshot])[];
}

export const newTrack = (levels: number): Track => ({
  timeline: Timeline.begin(levels),
  evaluatedAt: Number.NEGATIVE_INFINITY,
  truths: Array(levels).fill(UNKNOWN),
  told: null,
  ended: null,
  isWaiting: false,
});

export const isTrue = (track: Track): boolean[] => track.truths.map((truth) => truth === TRUE);
