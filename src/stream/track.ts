import { type LevelState, Timeline } from '../alerts/timeline.ts';
import type { ToldAlert } from '../alerts/told-alert.ts';
import { type Level, levelNames } from '../model/rule.ts';
import { DAY_MS } from '../model/time.ts';
import type { GivenAct } from './act-outcome.ts';
import { TRUE, type Truth, truthsOf, UNKNOWN } from './truth.ts';

/** One (rule, subject): the level over event time, and what has been told of it. */
export interface Track {
  timeline: Timeline;
  /** The newest instant evaluated. */
  evaluatedAt: number;
  /** Truth per level at that instant. */
  truths: readonly Truth[];
  told: ToldAlert | null;
  /** Ended alerts, told before `told`, that late data can bring back: each goes on with its own revisions. Oldest first. */
  past: readonly ToldAlert[];
  /** A revision waits for the next second. */
  isWaiting: boolean;
  /** The act of a person whose revision waits for the next second. */
  act?: GivenAct | undefined;
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
  past: NO_PAST,
  isWaiting: false,
});

/** Shared: hardly any track has a past. */
const NO_PAST: readonly ToldAlert[] = [];

const allUnknown = (levels: number): readonly Truth[] => truthsOf(levels, 2 ** levels - 1);

export const isTrue = (track: Track): boolean[] => track.truths.map((truth) => truth === TRUE);

/** What has been told and has not ended; null when there is none. */
export const openAlert = ({ told }: Track): ToldAlert | null =>
  told !== null && told.state !== 'ended' ? told : null;

/**
 * The state at present, with the level that a person gave the open alert: one above the rule's own is a floor, one below
 * stands until the rule's own rises above what it was then.
 */
export function presentLevel(track: Track): LevelState {
  const { state } = track.timeline;
  const people = openAlert(track)?.people;
  if (people?.level === undefined || people.levelThen === undefined || state.level < 0) return state;
  const { level, levelThen } = people;
  const isRaised = level >= levelThen;
  const present = isRaised
    ? Math.max(state.level, level)
    : state.level > levelThen
      ? state.level
      : Math.min(state.level, level);
  return present === state.level ? state : { ...state, level: present };
}

/**
 * No episode, no hold begun, no alert open, and nothing changed after `since`: as long as no level of the rule becomes
 * true after it, no evaluation changes anything and nobody can see what the last one found.
 */
export const isAsleep = (track: Track, since: number): boolean =>
  openAlert(track) === null && track.timeline.changedAt <= since && track.timeline.isCalm;

/** A rule's track at a subject where it has never been more than false. */
export const isPristine = ({ timeline, told, isWaiting }: Track): boolean =>
  told === null && !isWaiting && timeline.changedAt === timeline.settledAt && timeline.isCalm;

/** What is remembered of a rule that is gone at a subject: should it come back, its alerts' revisions count on. */
export interface Withdrawn {
  /** Nothing begins at or before this instant; infinite: nothing is settled. */
  readonly settledAt: number;
  /** The alerts told. */
  readonly past: readonly ToldAlert[];
}

/** What to remember of a track whose rule is gone; null: nothing was told or settled. An episode of the rule's return is bridged with none of before. */
export function withdrawnOf({ timeline, told, past }: Track): Withdrawn | null {
  const all = told ? [...past.filter(({ id }) => id !== told.id), told] : past;
  if (all.length === 0 && !Number.isFinite(timeline.settledAt)) return null;
  return {
    settledAt: timeline.settledAt,
    past: all.map((alert) => ({ ...alert, endReason: 'withdrawn' })),
  };
}

/** A rule's first track at a subject, or its first one since it came back. */
export function beginTrack(levels: number, withdrawn: Withdrawn | undefined): Track {
  const track = newTrack(levels);
  if (!withdrawn) return track;
  if (Number.isFinite(withdrawn.settledAt)) track.timeline.reset(withdrawn.settledAt);
  track.past = withdrawn.past;
  return track;
}

/** Far more than any evaluation reaches back before what may still come late. */
const SETTLED_KEPT_MS = 31 * DAY_MS;

/** Alerts that began before `at` are settled: no evaluation begins them again. Null: nothing needs to be remembered. */
export function settleWithdrawn(before: Withdrawn, at: number): Withdrawn | null {
  if (before.past.length === 0 && before.settledAt < at - SETTLED_KEPT_MS) return null;
  if (before.past.every(({ firstOnsetAt }) => firstOnsetAt >= at)) return before;
  const old = before.past.filter(({ firstOnsetAt }) => firstOnsetAt < at);
  return {
    settledAt: Math.max(before.settledAt, ...old.map(({ firstOnsetAt }) => firstOnsetAt)),
    past: before.past.filter(({ firstOnsetAt }) => firstOnsetAt >= at),
  };
}

/** The alert that a bridged episode goes on with: the last one told before `told` that ended by clearing. */
export const bridgeable = ({ past }: Track): ToldAlert | undefined =>
  past.findLast(({ endReason }) => endReason === 'cleared');

/** Puts another alert in the place of the one told last, which joins the past. */
export function turnTo(track: Track, alert: ToldAlert): void {
  const { told, past } = track;
  if (told?.id !== alert.id && (told || past.length > 0)) {
    const others = past.filter(({ id }) => id !== alert.id);
    track.past = told ? [...others, told] : others;
  }
  track.told = alert;
}

/** Forgets what no evaluation at or after `at` can need: states, and alerts that can neither go on nor begin again. */
export function forgetBefore(track: Track, at: number): void {
  const { timeline, past } = track;
  timeline.forget(at);
  if (past.length === 0) return;
  const isNeeded = ({ endReason, endedAt, firstOnsetAt }: ToldAlert): boolean =>
    (endReason === 'cleared' && endedAt >= at) || timeline.canBegin(firstOnsetAt);
  if (!past.every(isNeeded)) track.past = past.filter(isNeeded);
}

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
  const moveTold = (told: ToldAlert): ToldAlert => {
    const { level, levelThen } = told.people ?? {};
    const { publication } = told;
    const moved = {
      ...told,
      level: to(told.level),
      ...(publication ? { publication: { ...publication, level: to(publication.level) } } : {}),
    };
    if (level === undefined || levelThen === undefined) return moved;
    return { ...moved, people: { ...told.people, level: to(level), levelThen: to(levelThen) } };
  };
  track.truths = move<Truth>(track.truths, UNKNOWN);
  track.told = track.told && moveTold(track.told);
  track.past = track.past.map(moveTold);
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
