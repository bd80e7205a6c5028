import type { ToldAlert } from '../alerts/lifecycle.ts';
import { type LevelState, Timeline } from '../alerts/timeline.ts';
import { type Level, levelNames } from '../model/rule.ts';
import { TRUE, type Truth, UNKNOWN } from './truth.ts';

/** One (rule, subject): the level over event time, and what has been told of it. */
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

export type TrackSnapshot = Omit<Track, 'timeline' | 'evaluatedAt'> & {
  readonly timeline: readonly { at: number | null; state: LevelState }[];
  readonly evaluatedAt: number | null;
};

export const newTrack = (levels: number): Track => ({
  timeline: Timeline.begin(levels),
  evaluatedAt: Number.NEGATIVE_INFINITY,
  truths: Array(levels).fill(UNKNOWN),
  told: null,
  ended: null,
  isWaiting: false,
});

export const isTrue = (track: Track): boolean[] => track.truths.map((truth) => truth === TRUE);

/** What has been told and has not ended; null when there is none. */
export const openAlert = ({ told }: Track): ToldAlert | null =>
  told !== null && told.state !== 'ended' ? told : null;

/** A new version of a rule has other levels: what is known of each goes with its name. One that is gone counts as the next below. */
export function moveLevels(track: Track, before: readonly Level[], after: readonly Level[]): void {
  if (before.join() === after.join()) return;
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

export const snapshotTrack = (track: Track): TrackSnapshot => ({
  ...track,
  timeline: track.timeline.snapshot(),
  evaluatedAt: Number.isFinite(track.evaluatedAt) ? track.evaluatedAt : null,
});

export const restoreTrack = (from: TrackSnapshot): Track => ({
  ...from,
  timeline: Timeline.restore(from.timeline),
  evaluatedAt: from.evaluatedAt ?? Number.NEGATIVE_INFINITY,
});
