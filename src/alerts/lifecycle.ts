import { invariant } from '../lib/errors.ts';
import type { PeopleChanges } from '../model/act.ts';
import type { AlertEventName, EndReason } from '../model/alert.ts';
import type { LevelState } from './timeline.ts';
import type { ToldAlert } from './told-alert.ts';

export type LifeState = 'none' | 'active' | 'unverified' | 'ended';

/** Where each event leads from each state; null: it cannot happen there. The compiler finds a missing cell. */
export const transitions = {
  none: {
    raised: 'active',
    escalated: null,
    'de-escalated': null,
    updated: null,
    unverified: null,
    verified: null,
    ended: null,
  },
  active: {
    raised: null,
    escalated: 'active',
    'de-escalated': 'active',
    updated: 'active',
    unverified: 'unverified',
    verified: null,
    ended: 'ended',
  },
  unverified: {
    raised: null,
    escalated: 'unverified',
    'de-escalated': 'unverified',
    updated: 'unverified',
    unverified: null,
    verified: 'active',
    ended: 'ended',
  },
  // Late data can undo an end: a bridged episode goes on (`updated`); one withdrawn or merged can be raised again.
  ended: {
    raised: 'active',
    escalated: null,
    'de-escalated': null,
    updated: 'active',
    unverified: null,
    verified: null,
    ended: null,
  },
} as const satisfies Record<LifeState, Record<AlertEventName, LifeState | null>>;

/** What is known when the alert is looked at. */
export interface Facts {
  readonly level: LevelState;
  /** The newest evaluation instant, or a timer's due time. */
  readonly at: number;
  /** Per level: its condition is true at the newest instant. */
  readonly isTrue: readonly boolean[];
  readonly isUnverified: boolean;
  /** Partition clock. */
  readonly clockAt: number;
  readonly expiresMs: number;
  /** False when a timer looks: only an evaluation extends. */
  readonly isEvaluation: boolean;
}

export interface Decision {
  readonly event: AlertEventName;
  readonly endReason?: EndReason;
  /** The level told after the event; for `ended` the last one. */
  readonly level: number;
  readonly onsetAt: number;
  readonly at: number;
}

/** The one revision that an evaluation calls for, or null. Ended before level before verified before updated. */
export function decide(told: ToldAlert | null, facts: Facts): Decision | null {
  if (!told || told.state === 'ended') return decideRaise(told, facts);
  return (
    decideEnd(told, facts) ??
    decideLevel(told, facts) ??
    decideVerified(told, facts) ??
    decideUpdate(told, facts)
  );
}

function decideRaise(told: ToldAlert | null, { level, at }: Facts): Decision | null {
  if (level.level < 0) return null;
  if (told && goesOn(told, level)) return { event: 'updated', level: level.level, onsetAt: told.onsetAt, at };
  // Late data can open an episode whose condition is true no more but which has not cleared: it is told all the same.
  return {
    event: 'raised',
    level: level.level,
    onsetAt: level.onsetAt,
    at: Math.min(level.levelSinceAt, at),
  };
}

/** Late data undid the clearing: the episode now began at or before the end that was told. */
export const goesOn = (told: ToldAlert, level: LevelState): boolean =>
  told.endReason === 'cleared' && level.onsetAt <= told.endedAt && !hasEndedBefore(told, level);

/** The episode of the alert has ended, and the present one began after it. */
function hasEndedBefore(told: ToldAlert, { lastEnd, onsetAt }: LevelState): boolean {
  if (lastEnd === null || onsetAt <= lastEnd.endedAt) return false;
  return lastEnd.endedAt >= told.onsetAt && lastEnd.endedAt >= told.levelSinceAt;
}

function decideEnd(told: ToldAlert, { level, at }: Facts): Decision | null {
  const end = level.lastEnd;
  if (level.level >= 0 && !hasEndedBefore(told, level)) return null;
  const shape = { event: 'ended', level: told.level, onsetAt: told.onsetAt } as const;
  if (end !== null && end.endedAt >= told.onsetAt) return { ...shape, endReason: 'cleared', at: end.endedAt };
  return { ...shape, endReason: 'withdrawn', at };
}

function decideLevel(told: ToldAlert, { level, at }: Facts): Decision | null {
  if (level.level === told.level) return null;
  const event = level.level > told.level ? 'escalated' : 'de-escalated';
  return { event, level: level.level, onsetAt: level.onsetAt, at: Math.min(level.levelSinceAt, at) };
}

function decideVerified(told: ToldAlert, { isUnverified, level, at }: Facts): Decision | null {
  const shape = { level: told.level, onsetAt: level.onsetAt, at };
  if (isUnverified && told.state === 'active') return { event: 'unverified', ...shape };
  if (!isUnverified && told.state === 'unverified') return { event: 'verified', ...shape };
  return null;
}

function decideUpdate(told: ToldAlert, facts: Facts): Decision | null {
  const { level, at, isTrue, clockAt, expiresMs } = facts;
  const hasMoved = level.onsetAt !== told.onsetAt;
  const isDue = facts.isEvaluation && isTrue.includes(true) && (clockAt - told.issuedAt) * 3 >= expiresMs * 2;
  return hasMoved || isDue ? { event: 'updated', level: told.level, onsetAt: level.onsetAt, at } : null;
}

/** What is told after the decision. Throws when the transition table forbids it. */
export function apply(
  told: ToldAlert | null,
  decision: Decision,
  facts: Pick<Facts, 'isUnverified' | 'clockAt' | 'expiresMs' | 'level'>,
  id: string,
  changes?: PeopleChanges,
): ToldAlert {
  const from: LifeState = told?.id === id ? told.state : 'none';
  const to = transitions[from][decision.event];
  invariant(to !== null && to !== undefined, `an alert cannot be ${decision.event} while it is ${from}`);
  const isRaise = decision.event === 'raised';
  const keepsExpiry = decision.event === 'ended' || (facts.isUnverified && !isRaise);
  const state =
    to === 'active' && facts.isUnverified && decision.event !== 'verified' && !isRaise ? 'unverified' : to;
  const people = changes ?? (isRaise || told?.id !== id ? undefined : told.people);
  const byRule = keepsExpiry && told ? told.expiresAt : facts.clockAt + facts.expiresMs;
  return {
    id,
    revision: (from === 'none' ? 0 : (told as ToldAlert).revision) + 1,
    level: decision.level,
    levelSinceAt: !isRaise && told?.level === decision.level ? told.levelSinceAt : decision.at,
    onsetAt: decision.onsetAt,
    firstOnsetAt: told?.id === id ? told.firstOnsetAt : decision.onsetAt,
    issuedAt: facts.clockAt,
    // An end keeps the expiry that it found; nothing else takes back what a person gave.
    expiresAt: decision.event === 'ended' ? byRule : Math.max(byRule, people?.until ?? 0),
    state: state as ToldAlert['state'],
    endReason: decision.endReason ?? null,
    endedAt: decision.event === 'ended' ? decision.at : 0,
    ...(people ? { people } : {}),
  };
}
