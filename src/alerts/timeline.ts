import { FALSE, TRUE, type Truth, UNKNOWN } from '../stream/truth.ts';

/**
 * The level of one (rule, subject) over event time: a pure machine stepped at evaluation instants in order.
 * It says what the level is; `lifecycle.ts` says what is told about it. States are immutable, so that a late reading
 * can go back to the one before it.
 */
export interface LevelState {
  /** Per level: the instant from which its condition has been true without a false between. */
  readonly trueSince: readonly (number | null)[];
  /** Per level: the instant from which its condition has been false without a true between. */
  readonly falseSince: readonly (number | null)[];
  /** Per level: held in this episode and not fallen since. */
  readonly inForce: readonly boolean[];
  /** Index of the present level; -1: no episode. */
  readonly level: number;
  /** Event time when the present level began. */
  readonly levelSinceAt: number;
  /** From when the lowest level held at the raise had held. */
  readonly onsetAt: number;
  /** The instant from which no level has held, all of them known. */
  readonly noneSince: number | null;
  /** The instant from which clear has been true. */
  readonly clearSince: number | null;
  /** The last episode that ended, by clearing. */
  readonly lastEnd: { readonly onsetAt: number; readonly endedAt: number } | null;
  /** A person cancelled the alert: nothing begins until every level's condition has been false. */
  readonly barred?: true;
}

export interface TimelineRule {
  readonly holdsMs: readonly number[];
  /** null: the rule has no `clear`. */
  readonly clearHoldMs: number | null;
}

export const initialLevelState = (levels: number): LevelState => ({
  trueSince: Array(levels).fill(null),
  falseSince: Array(levels).fill(null),
  inForce: Array(levels).fill(false),
  level: -1,
  levelSinceAt: 0,
  onsetAt: 0,
  noneSince: null,
  clearSince: null,
  lastEnd: null,
});

const initialStates = new Map<number, LevelState>();

/** One state for all that are calm: states are immutable, and a million pairs of rule and station begin with it. */
function sharedInitialState(levels: number): LevelState {
  const state = initialStates.get(levels) ?? initialLevelState(levels);
  initialStates.set(levels, state);
  return state;
}

/** What was found at one instant: a truth per level, and of `clear` (ignored without one). */
export interface Evaluation {
  readonly at: number;
  readonly levels: readonly Truth[];
  readonly clear: Truth;
  /** Only the newest instant of a report may raise or escalate (design section 5, "Two clocks"). */
  readonly mayRaise: boolean;
}

function isCalmState({ level, trueSince, barred }: LevelState): boolean {
  if (level >= 0 || barred) return false;
  for (let i = 0; i < trueSince.length; i++) if (trueSince[i] !== null) return false;
  return true;
}

const since = (before: number | null, truth: Truth, wanted: Truth, at: number): number | null =>
  truth === UNKNOWN ? before : truth === wanted ? (before ?? at) : null;

/** Steps the machine to the next instant. Returns the same object when nothing changed. */
export function stepLevel(state: LevelState, rule: TimelineRule, evaluation: Evaluation): LevelState {
  const { at, levels } = evaluation;
  if (state.barred)
    return levels.every((truth) => truth === FALSE) ? sharedInitialState(levels.length) : state;
  const isCalm = state.level < 0 && levels.every((truth, i) => truth !== TRUE && state.trueSince[i] === null);
  if (isCalm || isUnchanged(state, rule, evaluation)) return state;
  const trueSince = levels.map((truth, i) => since(state.trueSince[i] ?? null, truth, TRUE, at));
  const held = levels.map(
    (truth, i) => truth === TRUE && at - (trueSince[i] as number) >= (rule.holdsMs[i] as number),
  );
  const moved = { ...state, trueSince };
  return state.level < 0 ? raise(moved, held, evaluation) : goOn(moved, rule, held, evaluation);
}

/** Whether the next state would be this one: most steps of an episode change nothing, and then nothing is made. */
function isUnchanged(state: LevelState, rule: TimelineRule, evaluation: Evaluation): boolean {
  const { at, levels, mayRaise } = evaluation;
  const isOpen = state.level >= 0;
  const fallMs = rule.clearHoldMs ?? 0;
  let isHeld = false;
  let isUnknown = false;
  let highest = -1;
  for (let i = 0; i < levels.length; i++) {
    const truth = levels[i] as Truth;
    const trueSince = state.trueSince[i] ?? null;
    if (since(trueSince, truth, TRUE, at) !== trueSince) return false;
    const holds = truth === TRUE && at - (trueSince as number) >= (rule.holdsMs[i] as number);
    isHeld ||= holds;
    isUnknown ||= truth === UNKNOWN;
    if (!isOpen) continue;
    const falseSince = state.falseSince[i] ?? null;
    if (since(falseSince, truth, FALSE, at) !== falseSince) return false;
    if (state.inForce[i]) {
      if (truth === FALSE && at - (falseSince as number) >= fallMs) return false;
      highest = i;
    } else if (mayRaise && holds) return false;
  }
  if (!isOpen) return !(mayRaise && isHeld);
  const { noneSince, clearSince } = state;
  const none = isHeld ? FALSE : isUnknown ? UNKNOWN : TRUE;
  if (since(noneSince, none, TRUE, at) !== noneSince) return false;
  if (since(clearSince, evaluation.clear, TRUE, at) !== clearSince) return false;
  if (hasCleared(rule, evaluation, none, noneSince, clearSince)) return false;
  const target = Math.max(highest, 0);
  return target === state.level || (target > state.level && !mayRaise);
}

function raise(state: LevelState, held: readonly boolean[], { at, mayRaise }: Evaluation): LevelState {
  const lowest = held.indexOf(true);
  if (!mayRaise || lowest < 0) return state;
  return {
    ...state,
    inForce: held,
    level: held.lastIndexOf(true),
    levelSinceAt: at,
    onsetAt: state.trueSince[lowest] as number,
    noneSince: null,
    clearSince: null,
    falseSince: state.falseSince.map(() => null),
  };
}

function goOn(
  state: LevelState,
  rule: TimelineRule,
  held: readonly boolean[],
  evaluation: Evaluation,
): LevelState {
  const { at, levels, mayRaise } = evaluation;
  const fallMs = rule.clearHoldMs ?? 0;
  const falseSince = levels.map((truth, i) => since(state.falseSince[i] ?? null, truth, FALSE, at));
  const fallen = levels.map((truth, i) => truth === FALSE && at - (falseSince[i] as number) >= fallMs);
  const inForce = levels.map(
    (_, i) => !fallen[i] && ((state.inForce[i] as boolean) || (mayRaise && (held[i] as boolean))),
  );
  const none = held.includes(true) ? FALSE : levels.includes(UNKNOWN) ? UNKNOWN : TRUE;
  const noneSince = since(state.noneSince, none, TRUE, at);
  const clearSince = since(state.clearSince, evaluation.clear, TRUE, at);
  if (hasCleared(rule, evaluation, none, noneSince, clearSince)) {
    return { ...initialLevelState(levels.length), lastEnd: { onsetAt: state.onsetAt, endedAt: at } };
  }
  const highest = inForce.lastIndexOf(true);
  // With no level in force the alert stays open at the lowest until it clears or expires.
  const target = Math.max(highest, 0);
  const level = target > state.level && !mayRaise ? state.level : target;
  const levelSinceAt = level === state.level ? state.levelSinceAt : at;
  return { ...state, falseSince, inForce, level, levelSinceAt, noneSince, clearSince };
}

function hasCleared(
  rule: TimelineRule,
  { at, levels, clear }: Evaluation,
  none: Truth,
  noneSince: number | null,
  clearSince: number | null,
): boolean {
  if (rule.clearHoldMs === null) return levels.every((truth) => truth === FALSE);
  // Unknown completes nothing: neither an unknown clear nor a level of which nothing is known.
  if (clear !== TRUE || none !== TRUE || clearSince === null || noneSince === null) return false;
  return at - Math.max(clearSince, noneSince) >= rule.clearHoldMs;
}

/** States by the instant that made them; goes back for late data, forgets what is older than lateness. */
export class Timeline {
  #states: { at: number; state: LevelState }[];
  constructor(states: { at: number; state: LevelState }[]) {
    this.#states = states;
  }
  static begin(levels: number): Timeline {
    return new Timeline([{ at: Number.NEGATIVE_INFINITY, state: sharedInitialState(levels) }]);
  }
  get state(): LevelState {
    return (this.#states.at(-1) as { state: LevelState }).state;
  }
  /** Instants at or before this one are settled: an end by a timer or a person stands. */
  get settledAt(): number {
    return (this.#states[0] as { at: number }).at;
  }
  /** An episode with this onset can come, or come again: an evaluation can find it, or a hold that is settled began there. */
  canBegin(onsetAt: number): boolean {
    const { at, state } = this.#states[0] as { at: number; state: LevelState };
    return (
      onsetAt > at || state.trueSince.includes(onsetAt) || (state.level >= 0 && state.onsetAt === onsetAt)
    );
  }
  /** No episode, and no level has begun to hold. */
  get isCalm(): boolean {
    return isCalmState(this.state);
  }
  /** The newest instant that changed the state. */
  get changedAt(): number {
    return (this.#states.at(-1) as { at: number }).at;
  }
  /** Undoes every step at or after `at`. */
  rewind(at: number): void {
    while (this.#states.length > 1 && (this.#states.at(-1) as { at: number }).at >= at) this.#states.pop();
  }
  step(rule: TimelineRule, evaluation: Evaluation): void {
    const state = stepLevel(this.state, rule, evaluation);
    if (state !== this.state) this.#states.push({ at: evaluation.at, state });
  }
  /** A timer or a person ended the episode at `at`: holds and onset begin anew after it, barred only once all levels were false. */
  reset(at: number, what?: 'barred'): void {
    const state = initialLevelState(this.state.trueSince.length);
    this.#states = [{ at, state: what ? { ...state, barred: true } : state }];
  }
  forget(before: number): void {
    let keep = 0;
    while (keep + 1 < this.#states.length && (this.#states[keep + 1] as { at: number }).at < before) keep++;
    if (keep > 0) this.#states.splice(0, keep);
  }
  snapshot(): readonly { at: number | null; state: LevelState }[] {
    return this.#states.map(({ at, state }) => ({ at: Number.isFinite(at) ? at : null, state }));
  }
  static restore(states: readonly { at: number | null; state: LevelState }[]): Timeline {
    return new Timeline(states.map(({ at, state }) => ({ at: at ?? Number.NEGATIVE_INFINITY, state })));
  }
}
