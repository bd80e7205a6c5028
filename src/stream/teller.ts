import { alertId } from '../alerts/identity.ts';
import { apply, type Decision, decide, type Facts } from '../alerts/lifecycle.ts';
import type { AlertEvent, Subject } from '../model/alert.ts';
import type { Effect } from '../model/effect.ts';
import { SECOND_MS } from '../model/time.ts';
import type { CompiledRule } from './compiled-rule.ts';
import { evidenceOf } from './evidence.ts';
import type { SubjectState } from './subject.ts';
import { isTrue, openAlert, type Track } from './track.ts';
import { type Reader, UNKNOWN } from './truth.ts';

/** A reader that takes the coverage of the rule it is asked for. */
export type RuleReader = Reader & { coverage: number };

/** What surrounds a decision in the fold. */
export interface Telling {
  readonly clockAt: number;
  readonly at: number;
  readonly isEvaluation: boolean;
  readonly isLateData: boolean;
  /** The station is late by its pace; an area: all its stations are. */
  readonly isLate: boolean;
  readonly ruleSet: string;
  readonly readerAt: (at: number) => RuleReader;
  readonly emit: (effect: Effect) => void;
}

/**
 * Compares what the timeline says with what was told and tells the difference: at most one revision an evaluation, at
 * most one a second for an alert (CAP references name a message by its second). What must wait is looked at again at
 * the next tick.
 */
export function tell(state: SubjectState, rule: CompiledRule, track: Track, telling: Telling): void {
  const level = track.timeline.state;
  const isOpen = openAlert(track) !== null;
  if (!isOpen && level.level < 0) return;
  const facts: Facts = {
    level,
    at: telling.at,
    isTrue: isTrue(track),
    clockAt: telling.clockAt,
    expiresMs: rule.rule.expiresMs,
    isUnverified:
      (telling.isLate && rule.silences.length === 0) || track.truths.every((truth) => truth === UNKNOWN),
    isEvaluation: telling.isEvaluation,
  };
  if (isOpen && mergeBack(state, rule, track, facts, telling)) return;
  const decision = decide(track.told, facts);
  if (!decision) return;
  const isTold = revise(state, rule, track, decision, facts, telling);
  // Late data split an episode: its second part is another alert, told at the next tick.
  if (isTold && decision.event === 'ended' && level.level >= 0) track.isWaiting = true;
}

/** Late data bridges two episodes: the later alert ends merged, the earlier one goes on. */
function mergeBack(
  state: SubjectState,
  rule: CompiledRule,
  track: Track,
  facts: Facts,
  telling: Telling,
): boolean {
  const earlier = track.ended;
  if (!earlier || !track.told || facts.level.level < 0 || facts.level.onsetAt > earlier.endedAt) return false;
  const shape = { level: track.told.level, onsetAt: track.told.onsetAt, at: telling.at };
  if (!revise(state, rule, track, { event: 'ended', endReason: 'merged', ...shape }, facts, telling))
    return true;
  track.told = earlier;
  track.ended = null;
  const decision: Decision = {
    event: 'updated',
    level: facts.level.level,
    onsetAt: earlier.onsetAt,
    at: telling.at,
  };
  revise(state, rule, track, decision, facts, telling);
  return true;
}

/** Writes one revision; false when it must wait for the next second. */
export function revise(
  state: SubjectState,
  rule: CompiledRule,
  track: Track,
  decision: Decision,
  facts: Facts,
  telling: Telling,
): boolean {
  const { subject } = state;
  const before = track.told;
  const goesOn = before !== null && (before.state !== 'ended' || decision.event === 'updated');
  const id = goesOn ? before.id : alertId(rule.rule.name, subject, decision.onsetAt);
  const isSame = before?.id === id;
  if (isSame && Math.floor(before.issuedAt / SECOND_MS) >= Math.floor(telling.clockAt / SECOND_MS)) {
    track.isWaiting = true;
    return false;
  }
  const told = apply(isSame ? before : null, decision, facts, id);
  if (before && !isSame && before.endReason === 'cleared') track.ended = before;
  track.told = told;
  track.isWaiting = false;
  telling.emit({
    kind: 'alert',
    revision: {
      event: eventOf(rule, subject, decision, telling, told, isSame ? before.level : null),
      ruleSet: telling.ruleSet,
      expiresAt: told.expiresAt,
      unverified: told.state === 'unverified',
      levelSinceAt: told.levelSinceAt,
    },
  });
  return true;
}

/** What a timer or a command knows of a rule's alert: nothing is true for it, and it evaluates nothing. */
const timerFacts = (rule: CompiledRule, track: Track, telling: Telling): Facts => ({
  level: track.timeline.state,
  at: telling.at,
  isTrue: [],
  isUnverified: track.told?.state === 'unverified',
  clockAt: telling.clockAt,
  expiresMs: rule.rule.expiresMs,
  isEvaluation: false,
});

/** Ends an open alert by expiry; false when that must wait for the next second. Later raises need an instant after `newestAt`. */
export function expire(
  state: SubjectState,
  rule: CompiledRule,
  track: Track,
  telling: Telling,
  newestAt: number,
): boolean {
  const told = track.told as NonNullable<Track['told']>;
  const { level, onsetAt } = told;
  const decision = { event: 'ended', endReason: 'expired', level, onsetAt, at: told.expiresAt } as const;
  if (!revise(state, rule, track, decision, timerFacts(rule, track, telling), telling)) return false;
  track.timeline.reset(Math.max(track.evaluatedAt, newestAt));
  return true;
}

/** A rule, or an area, is gone: its open alert ends as withdrawn and nothing is remembered of it. */
export function withdraw(state: SubjectState, rule: CompiledRule, telling: Telling): void {
  const track = state.tracks.get(rule.rule.name);
  state.tracks.delete(rule.rule.name);
  const told = track ? openAlert(track) : null;
  if (!track || !told) return;
  const { level, onsetAt } = told;
  const decision = { event: 'ended', endReason: 'withdrawn', level, onsetAt, at: telling.at } as const;
  revise(state, rule, track, decision, timerFacts(rule, track, telling), telling);
}

function eventOf(
  rule: CompiledRule,
  subject: Subject,
  decision: Decision,
  telling: Telling,
  told: { readonly id: string; readonly revision: number },
  levelBefore: number | null,
): AlertEvent {
  const level = rule.rule.levels[decision.level] as (typeof rule.rule.levels)[number];
  const reader = telling.readerAt(decision.at);
  reader.coverage = rule.rule.coverage;
  reader.inputs = rule.inputs;
  const hasMoved = decision.event === 'escalated' || decision.event === 'de-escalated';
  const previous = hasMoved && levelBefore !== null ? rule.rule.levels[levelBefore] : undefined;
  return {
    alert: told.id,
    revision: told.revision,
    event: decision.event,
    ...(decision.endReason ? { endReason: decision.endReason } : {}),
    rule: rule.rule.name,
    hazard: rule.rule.hazard,
    subject,
    level: level.level,
    ...(previous ? { previousLevel: previous.level } : {}),
    onsetAt: decision.onsetAt,
    at: decision.at,
    issuedAt: telling.clockAt,
    ...(telling.isLateData ? { late: true as const } : {}),
    evidence: evidenceOf(level.condition, reader, decision.at),
  };
}
