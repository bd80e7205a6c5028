import type { ToldAlert } from '../alerts/lifecycle.ts';
import { type LevelState, Timeline } from '../alerts/timeline.ts';
import { type Level, levelNames } from '../model/rule.ts';
import { TRUE, type Truth, truthsOf, UNKNOWN } from './truth.ts';

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
  truths: allUnknown(levels),
  told: null,
  ended: null,
  isWaiting: false,
});

const allUnknown = (levels: number): readonly Truth[] => truthsOf(levels, 2 ** levels - 1);

export const isTrue = (track: Track): boolean[] => track.truths.map((truth) => truth === TRUE);

/** What has been told and has not ended; null when there is none. */
export const openAlert = ({ told }: Track): ToldAlert | null =>
  told !== null && told.state !== 'ended' ? told : null;

/**
 * No episode, no hold begun, no alert open, and nothing changed after `since`: as long as no level of the rule becomes
 * true after it, no evaluation changes anything and nobody can see what the last one found.
 */
export const isAsleep = (track: Track, since: number): boolean =>
  openAlert(track) === null && track.timeline.changedAt <= since && track.timeline.isCalm;

/** A rule's track at a subject where it has never been more than false. */
export const isPristine = ({ timeline, told, ended, isWaiting }: Track): boolean =>
  told === null &&
  ended === null &&
  !isWaiting &&
  timeline.changedAt === Number.NEGATIVE_INFINITY &&
  timeline.isCalm;

/** Drops what was last found of a track that sleeps, so that its state does not depend on how often it was asked. */
export function rest(track: Track): void {
  track.evaluatedAt = Number.NEGATIVE_INFINITY;
  track.truths = allUnknown(track.truths.length);
}

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
