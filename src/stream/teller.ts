import { alertId } from '../alerts/identity.ts';
import { apply, type Decision, decide, type Facts, goesOn } from '../alerts/lifecycle.ts';
import { type Published, publish } from '../alerts/publication.ts';
import type { PeopleChanges, RevisionAct } from '../model/act.ts';
import type { AlertEvent } from '../model/alert.ts';
import type { Effect } from '../model/effect.ts';
import type { Review } from '../model/rule.ts';
import type { Subject } from '../model/subject.ts';
import { SECOND_MS } from '../model/time.ts';
import { tellOutcome } from './act-outcome.ts';
import type { CompiledRule } from './compiled-rule.ts';
import { evidenceOf } from './evidence.ts';
import type { SubjectState } from './subject.ts';
import { bridgeable, isTrue, openAlert, presentLevel, type Track, turnTo } from './track.ts';
import { type Reader, TRUE, UNKNOWN } from './truth.ts';

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
 * Compares what the timeline says with what was told and tells the difference: at most one revision of an alert an
 * evaluation, and one a second (CAP references name a message by its second). What must wait is looked at again at the
 * next tick.
 */
export function tell(state: SubjectState, rule: CompiledRule, track: Track, telling: Telling): void {
  const level = presentLevel(track);
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
  // One report can end an episode and begin another, which is another alert: were it to wait, what comes next could clear
  // it, and nobody would ever hear of it.
  if (isTold && decision.event === 'ended') tell(state, rule, track, telling);
}

/** Late data bridges two episodes: the later alert ends merged, the earlier one goes on. */
function mergeBack(
  state: SubjectState,
  rule: CompiledRule,
  track: Track,
  facts: Facts,
  telling: Telling,
): boolean {
  const earlier = bridgeable(track);
  if (!earlier || !track.told || facts.level.level < 0 || !goesOn(earlier, facts.level)) return false;
  const shape = { level: track.told.level, onsetAt: track.told.onsetAt, at: telling.at };
  if (!revise(state, rule, track, { event: 'ended', endReason: 'merged', ...shape }, facts, telling))
    return true;
  turnTo(track, earlier);
  const decision: Decision = {
    event: 'updated',
    level: facts.level.level,
    onsetAt: earlier.onsetAt,
    at: telling.at,
  };
  revise(state, rule, track, decision, facts, telling);
  return true;
}

/** A person, or the end of the time for approval; the rule itself without both. */
interface RevisedBy {
  readonly act?: RevisionAct;
  readonly changes?: PeopleChanges;
  /** The act changes text or area. */
  readonly isEdit?: boolean;
  readonly timeout?: Review['onTimeout'];
}

/** Writes one revision, `by` a person or by itself; false when it must wait for the next second. */
export function revise(
  state: SubjectState,
  rule: CompiledRule,
  track: Track,
  decision: Decision,
  facts: Facts,
  telling: Telling,
  by: RevisedBy = {},
): boolean {
  const { subject } = state;
  const before = track.told;
  const goesOn = before !== null && (before.state !== 'ended' || decision.event === 'updated');
  const id = goesOn ? before.id : alertId(rule.rule.name, subject, decision.onsetAt);
  // Late data can begin an episode anew where one began that ended since: it is the same alert.
  const known = before?.id === id ? before : (track.past.find((alert) => alert.id === id) ?? null);
  if (known && Math.floor(known.issuedAt / SECOND_MS) >= Math.floor(telling.clockAt / SECOND_MS)) {
    track.isWaiting = true;
    return false;
  }
  const applied = apply(known, decision, facts, id, by.changes);
  const levels = rule.rule.levels.map(({ level }) => level);
  const { publication: asked } = rule.rule;
  const shown = publish(known, decision, levels, asked, by, applied.people, telling.clockAt);
  const told = {
    ...applied,
    // Asking again says nothing about the weather: only the rule extends.
    ...(by.timeout === 'escalate' && known ? { expiresAt: known.expiresAt } : {}),
    ...(shown.publication ? { publication: shown.publication } : {}),
  };
  const { text, area } = shown.people;
  turnTo(track, told);
  track.isWaiting = false;
  telling.emit({
    kind: 'alert',
    revision: {
      event: eventOf(rule, subject, decision, telling, told, shown),
      ruleSet: telling.ruleSet,
      ...(state.isByHand ? { rule: rule.rule } : {}),
      expiresAt: told.expiresAt,
      unverified: told.state === 'unverified',
      levelSinceAt: told.levelSinceAt,
      ...(by.act ? { act: by.act } : {}),
      ...(text === undefined ? {} : { text }),
      ...(area === undefined ? {} : { area }),
      ...(shown.draft ? { draft: shown.draft } : {}),
      ...(by.timeout === 'publish' ? { publishedBy: 'timeout' } : {}),
    },
  });
  return true;
}

/** What a timer or a command knows of a rule's alert: nothing is true for it, and it evaluates nothing. */
export const timerFacts = (rule: CompiledRule, track: Track, telling: Telling): Facts => ({
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

/**
 * The time for approval has run out: the alert is published, or those who approve are told again. False when that must
 * wait for the next second.
 */
export function endReview(state: SubjectState, rule: CompiledRule, track: Track, telling: Telling): boolean {
  const told = track.told as NonNullable<Track['told']>;
  const { level, onsetAt } = told;
  const at = Number.isFinite(track.evaluatedAt) ? track.evaluatedAt : telling.at;
  const decision = { event: 'updated', level, onsetAt, at } as const;
  const timeout = told.publication?.draft?.onTimeout ?? 'publish';
  return revise(state, rule, track, decision, timerFacts(rule, track, telling), telling, { timeout });
}

/**
 * A rule, or an area, is gone: its open alert ends as withdrawn, and what was told is remembered. Nobody asks again: what
 * would have to wait for the next second is told at once, as issued in it.
 */
export function withdraw(state: SubjectState, rule: CompiledRule, telling: Telling): void {
  const track = state.tracks.get(rule.rule.name);
  if (track?.act) tellOutcome(telling.emit, track.act, telling.clockAt, null, 'unknown');
  const told = track ? openAlert(track) : null;
  if (track && told) {
    const { level, onsetAt } = told;
    const decision = { event: 'ended', endReason: 'withdrawn', level, onsetAt, at: telling.at } as const;
    const nextSecondAt = (Math.floor(told.issuedAt / SECOND_MS) + 1) * SECOND_MS;
    const inTime = { ...telling, clockAt: Math.max(telling.clockAt, nextSecondAt) };
    revise(state, rule, track, decision, timerFacts(rule, track, inTime), inTime);
  }
  state.drop(rule);
}

function eventOf(
  rule: CompiledRule,
  subject: Subject,
  decision: Decision,
  telling: Telling,
  told: { readonly id: string; readonly revision: number },
  shown: Published,
): AlertEvent {
  const level = rule.rule.levels[shown.level] as (typeof rule.rule.levels)[number];
  const reader = telling.readerAt(decision.at);
  reader.coverage = rule.rule.coverage;
  reader.inputs = rule.inputs;
  const previous = shown.previous === null ? undefined : rule.rule.levels[shown.previous];
  const evidence = evidenceOf(level.condition, reader, decision.at);
  const isExpected =
    evidence.some(({ forecast }) => forecast !== undefined) && !isObserved(rule, shown.level, reader);
  return {
    alert: told.id,
    revision: told.revision,
    event: shown.event,
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
    ...(isExpected ? { forecast: true as const } : {}),
    evidence,
  };
}

/** The level holds by what was observed, whatever forecasts say. */
function isObserved(rule: CompiledRule, level: number, reader: RuleReader): boolean {
  reader.hasNoForecasts = true;
  const truth = (rule.levels[level] as CompiledRule['levels'][number])(reader);
  reader.hasNoForecasts = false;
  return truth === TRUE;
}
