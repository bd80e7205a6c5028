import type { Decision } from '../alerts/lifecycle.ts';
import type { ToldAlert } from '../alerts/told-alert.ts';
import type { ActCommand, PeopleChanges, Refusal } from '../model/act.ts';
import { type GivenAct, tellOutcome } from './act-outcome.ts';
import type { CompiledRule } from './compiled-rule.ts';
import type { SubjectState } from './subject.ts';
import { revise, type Telling, timerFacts } from './teller.ts';
import type { Track } from './track.ts';

/**
 * Does what a person asked of an alert, or says why not (design sections 5 and 7). An act names the revision that the
 * person saw: a repeat, or one that the alert has outrun, changes nothing. One that must wait for the next second stays
 * in the track. `newestAt`: after a cancel a raise needs a later instant.
 */
export function actOn(
  state: SubjectState,
  rule: CompiledRule,
  track: Track,
  given: GivenAct,
  telling: Telling,
  newestAt: number,
): void {
  if (track.act?.id === given.id) return;
  const { emit, clockAt } = telling;
  const { command } = given;
  const told = toldOf(track, command.alert);
  const refusal = track.act ? 'busy' : refusalOf(rule, told, command);
  if (refusal || !told) {
    tellOutcome(emit, given, clockAt, told?.revision ?? null, refusal ?? 'unknown');
    return;
  }
  if (command.act === 'acknowledge') {
    tellOutcome(emit, given, clockAt, told.revision);
    return;
  }
  const decision = decisionOf(rule, track, told, command, clockAt);
  const { act, by, reason, correction } = command;
  const people = {
    act: {
      command: given.id,
      act,
      by,
      ...(reason === undefined ? {} : { reason }),
      ...(correction ? { correction } : {}),
    },
    changes: changesOf(rule, track, told, command),
    isEdit: command.text !== undefined || command.area !== undefined,
  };
  if (!revise(state, rule, track, decision, timerFacts(rule, track, telling), telling, people)) {
    track.act = given;
    return;
  }
  if (decision.event === 'ended') track.timeline.reset(Math.max(track.evaluatedAt, newestAt), 'barred');
  tellOutcome(emit, given, clockAt, told.revision + 1);
}

/** The alert as it was told last, if this track ever told it and remembers it. */
const toldOf = ({ told, past }: Track, alert: string): ToldAlert | undefined =>
  told?.id === alert ? told : past.find(({ id }) => id === alert);

function refusalOf(
  rule: CompiledRule,
  told: ToldAlert | undefined,
  { act, revision, until, level, by }: ActCommand,
): Refusal | null {
  if (!told) return 'unknown';
  if (told.state === 'ended') return 'ended';
  if (told.revision !== revision) return 'revision';
  if (act === 'approve' || act === 'reject' || act === 'publish') {
    const draft = told.publication?.draft;
    if (!draft) return 'no-draft';
    return act === 'approve' && draft.authors.includes(by) ? 'author' : null;
  }
  if (act === 'extend' && !((until ?? 0) > told.expiresAt)) return 'not-later';
  return act === 'edit' && level !== undefined && levelOf(rule, level) < 0 ? 'no-level' : null;
}

const levelOf = ({ rule }: CompiledRule, name: string): number =>
  rule.levels.findIndex(({ level }) => level === name);

function decisionOf(
  rule: CompiledRule,
  track: Track,
  told: ToldAlert,
  { act, level: wanted }: ActCommand,
  clockAt: number,
): Decision {
  const { onsetAt } = told;
  if (act === 'cancel')
    return { event: 'ended', endReason: 'cancelled', level: told.level, onsetAt, at: clockAt };
  const shown = told.publication?.level ?? -1;
  if (act === 'reject' && shown < 0)
    return { event: 'ended', endReason: 'withdrawn', level: told.level, onsetAt, at: clockAt };
  // What was newest when the person decided: the clock would lie beyond the readings.
  const at = Number.isFinite(track.evaluatedAt) ? track.evaluatedAt : clockAt;
  const level =
    act === 'reject' ? shown : act === 'edit' && wanted !== undefined ? levelOf(rule, wanted) : told.level;
  const event = level > told.level ? 'escalated' : level < told.level ? 'de-escalated' : 'updated';
  return { event, level, onsetAt, at };
}

function changesOf(
  rule: CompiledRule,
  track: Track,
  told: ToldAlert,
  { act, until, text, area, level }: ActCommand,
): PeopleChanges {
  const before = told.people ?? {};
  if (act === 'extend') return until === undefined ? before : { ...before, until };
  const own = track.timeline.state.level;
  const then = own < 0 ? told.level : own;
  if (act === 'reject') {
    const { level: shown = -1, people = {} } = told.publication ?? {};
    // Without it the next evaluation would raise the level anew.
    return shown < 0 || shown === told.level ? people : { ...people, level: shown, levelThen: then };
  }
  if (act !== 'edit') return before;
  return {
    ...before,
    ...(text === undefined ? {} : { text }),
    ...(area === undefined ? {} : { area }),
    ...(level === undefined ? {} : { level: levelOf(rule, level), levelThen: then }),
  };
}
