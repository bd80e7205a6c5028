import { type LevelState, Timeline } from '../alerts/timeline.ts';
import type { FrontierMove } from './area-frontier.ts';
import type { AreaInstants } from './area-instants.ts';
import type { AreaLive } from './area-live.ts';
import type { AreaState, PendingReplay } from './area-state.ts';
import type { AreaStep } from './area-step.ts';
import type { FrontierWalk } from './area-walk.ts';
import type { CompiledRule } from './compiled-rule.ts';
import { evaluateAt } from './evaluation.ts';
import { rest, type Track } from './track.ts';

/** Steps a track through one move of the frontier, the last instant of which may raise. False: there was no instant. */
export function stepMove(
  rule: CompiledRule,
  track: Track,
  live: AreaLive,
  move: FrontierMove,
  clockAt: number,
  delayMs: number,
): boolean {
  const run = newRun(rule, track, live.of(rule), move.from);
  track.timeline.rewind(run.begin);
  stepRun(run, move, clockAt, delayMs);
  return run.hasStepped;
}

interface Run {
  readonly rule: CompiledRule;
  readonly track: Track;
  readonly step: AreaStep;
  readonly instants: AreaInstants;
  readonly begin: number;
  /** What was found before, to compare with. */
  old: ReturnType<Timeline['snapshot']>;
  readonly oldAt: number;
  readonly oldTruths: Track['truths'];
  /** The newest instant that was evaluated, or, of a track that rests, that changed its level. */
  readonly lastAt: number;
  hasStepped: boolean;
  isDone: boolean;
}

function newRun(
  rule: CompiledRule,
  track: Track,
  { step, instants }: { readonly step: AreaStep; readonly instants: AreaInstants },
  from: number,
): Run {
  return {
    rule,
    track,
    step,
    instants,
    begin: Math.max(from, track.timeline.settledAt + 1),
    old: [],
    oldAt: track.evaluatedAt,
    oldTruths: track.truths,
    lastAt: Math.max(track.evaluatedAt, track.timeline.changedAt),
    hasStepped: false,
    isDone: false,
  };
}

function stepRun(run: Run, move: FrontierMove, clockAt: number, delayMs: number): void {
  const { rule, track, step, begin } = run;
  const instants = run.instants.take(move.from, move.to);
  const last = instants.length - 1;
  for (let i = 0; i <= last; i++) {
    const at = instants[i] as number;
    if (at < begin) continue;
    run.hasStepped = true;
    evaluateAt(rule, track, at, i === last, step.moveTo(at, move.silent, clockAt, delayMs));
  }
}

/**
 * Steps the tracks of an area through the past. With `changed` it stops where nothing can be otherwise than it was: no
 * window reads the late readings any more, the frontier stands where it stood, and each level is what it was: at `agreedAt`,
 * in event time; infinite when it went to the end.
 */
export function replayTracks(
  area: AreaState,
  live: AreaLive,
  walk: FrontierWalk,
  changed: PendingReplay | null,
  clockAt: number,
  delayMs: number,
): { readonly agreedAt: number; readonly stepped: ReadonlySet<CompiledRule> } {
  const runs = area.rules
    .filter((rule) => rule.silences.length === 0)
    .map((rule) => newRun(rule, area.track(rule), live.past(rule), walk.from));
  for (const run of runs) {
    run.old = run.track.timeline.snapshot();
    // Not at the first instant: late data may have taken all of them.
    run.track.timeline.rewind(run.begin);
  }
  live.history.check();
  const moves: Pick<FrontierMove, 'by' | 'to'>[] = [];
  let agreedAt = Number.POSITIVE_INFINITY;
  for (let move = walk.next(); move; move = walk.next()) {
    for (const run of runs) if (!run.isDone) stepRun(run, move, clockAt, delayMs);
    if (move.isSure) moves.push({ by: move.by, to: move.to });
    if (!changed || move.to < changed.dataEnd) continue;
    const { walkedTo } = walk;
    if (walkedTo === null || walkedTo < changed.eventsEnd || live.history.at(walkedTo) !== move.to) continue;
    for (const run of runs) if (!run.isDone) settleRun(run, move.to);
    if (runs.every(({ isDone }) => isDone)) {
      agreedAt = walkedTo;
      break;
    }
  }
  live.history.replace(walk.from, agreedAt, moves);
  for (const run of runs) if (!run.isDone && isBereft(run)) rest(run.track);
  const isStepped = (run: Run): boolean => run.hasStepped || run.lastAt >= run.begin;
  return { agreedAt, stepped: new Set(runs.filter(isStepped).map(({ rule }) => rule)) };
}

/** What was evaluated in the past that is gone through now, all of whose instants late data took. */
const isBereft = (run: Run): boolean => !run.hasStepped && run.lastAt >= run.begin;

/** A track that has come to what it was at `at` goes on as it went on. */
function settleRun(run: Run, at: number): void {
  const { track, old } = run;
  const isAfter = (entry: { readonly at: number | null }): boolean => entry.at !== null && entry.at > at;
  const before = old.findLast((entry) => !isAfter(entry));
  if (!before || !isSameState(before.state, track.timeline.state)) return;
  // What a track that rests would find at its newest instant is not known, whatever it found on the way here.
  if (run.lastAt > at || !Number.isFinite(run.oldAt)) {
    track.timeline = Timeline.restore([...track.timeline.snapshot(), ...old.filter(isAfter)]);
    track.evaluatedAt = run.oldAt;
    track.truths = run.oldTruths;
  } else if (isBereft(run)) rest(track);
  run.isDone = true;
}

function isSameState(a: LevelState, b: LevelState): boolean {
  return (
    a === b ||
    (a.level === b.level &&
      a.barred === b.barred &&
      a.levelSinceAt === b.levelSinceAt &&
      a.onsetAt === b.onsetAt &&
      a.noneSince === b.noneSince &&
      a.clearSince === b.clearSince &&
      a.lastEnd?.onsetAt === b.lastEnd?.onsetAt &&
      a.lastEnd?.endedAt === b.lastEnd?.endedAt &&
      isSameList(a.trueSince, b.trueSince) &&
      isSameList(a.falseSince, b.falseSince) &&
      isSameList(a.inForce, b.inForce))
  );
}

const isSameList = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);
