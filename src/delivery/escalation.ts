import type { ActOutcome } from '../model/act.ts';
import type { Level } from '../model/rule.ts';
import { DAY_MS, formatInstant } from '../model/time.ts';
import type { Receiver, Rung } from '../store/ledger/receivers.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import type { Withheld } from '../store/ledger/withholding.ts';
import type { DispatcherOptions } from './options.ts';
import { rankOf } from './rank.ts';

/** What a decision about a later step of an escalation rests on. */
export interface EscalationGrounds {
  readonly at: number;
  /** The highest level at which a subscription was told of an alert, or is about to be. */
  heard(alert: string, subscription: string): Level | undefined;
  /** When it was first told, as far as that is known. */
  since(alert: string, subscription: string): number | undefined;
  /** What people have answered to an alert; known only where a subscription waits for that. */
  answers(alert: string): Answers | undefined;
}

/** Reads the answers to the alerts of these revisions; nothing unless some subscription waits for answers. */
export async function readAnswers(
  { ledger }: DispatcherOptions,
  revisions: readonly StoredRevision[],
  subscriptions: readonly Receiver[],
): Promise<ReadonlyMap<string, Answers>> {
  if (!subscriptions.some(({ escalation }) => escalation)) return new Map();
  const alerts = [...new Set(revisions.map(({ revision }) => revision.event.alert))];
  const seen = new Map((await ledger.acknowledged(alerts)).map((outcome) => [outcome.alert, outcome]));
  const answers = new Map<string, Answers>();
  for (const alert of alerts) {
    const by = seen.get(alert);
    answers.set(alert, { history: await ledger.history(alert), ...(by ? { seen: by } : {}) });
  }
  return answers;
}

/**
 * Why a later step of an escalation is not told of a revision yet; undefined: it is told. Its time counts from the first
 * public revision at its level that nobody has answered, and on a ladder from when the step before was told if that was
 * late, so that a process that was away gives each its time. As on the duty page, an acknowledgement answers the level
 * that the alert had then, and none above. Who was told once hears what follows as anybody does.
 */
export function waitForAnswer(
  { revision: { event } }: StoredRevision,
  { id, level, escalation, rung }: Receiver,
  grounds: EscalationGrounds,
): Withheld | undefined {
  const { at, answers, heard, since } = grounds;
  if (!escalation || (heard(event.alert, id) !== undefined && !rung?.isRepeat)) return undefined;
  const { history, seen } = answers(event.alert) ?? { history: [] };
  const answeredRank = answeredRankOf(answers(event.alert));
  if (seen && rankOf(event.level) <= answeredRank) {
    const reason = `not told: acknowledged by ${seen.by} at ${formatInstant(seen.at)}`;
    // No answer is taken back, and a higher level makes a delivery of its own: this look is for the end of the alert.
    return { cause: 'escalation', reason, until: at + DAY_MS };
  }
  const least = Math.max(rankOf(level), answeredRank + 1);
  const after = answeredRank < 0 ? 0 : (seen?.revision ?? 0);
  const first = history.find(
    ({ revision: { event: one, draft } }) =>
      !draft && one.revision > after && one.event !== 'ended' && rankOf(one.level) >= least,
  );
  const from = (first?.revision.event ?? event).issuedAt;
  const told = (one: string): number | undefined => since(event.alert, one);
  const until = rung ? beginOf(rung, from, told, true) : from + escalation.afterMs;
  if (until <= at) return undefined;
  const reason = `told at ${formatInstant(until)} unless somebody acknowledges the alert`;
  return { cause: 'escalation', reason, until };
}

/**
 * When a rung is due: at its time, and not before the one below has had its own since it was told. One that was never told
 * counts from when it was due, so that a receiver that is dead keeps nobody from the next.
 */
function beginOf(
  { ids, before, waitMs, afterMs }: Rung,
  from: number,
  told: (id: string) => number | undefined,
  isNext = false,
): number {
  // What was told before `from` was told of a level that people have answered since.
  const known = isNext ? [] : ids.flatMap((id) => told(id) ?? []).filter((at) => at >= from);
  if (known.length > 0) return Math.min(...known);
  return Math.max(from + afterMs, before ? beginOf(before, from, told) + waitMs : from);
}

/**
 * Whether a receiver stands on its ladder before and hears of this revision there: it was told in this round already, or
 * the revision is none that steps wait for.
 */
export function isToldBefore(
  { revision: { event, draft, act } }: StoredRevision,
  { id, rung }: Receiver,
  { answers, heard }: Pick<EscalationGrounds, 'answers' | 'heard'>,
): boolean {
  if (!rung?.isRepeat) return false;
  if (draft || act?.correction || event.event === 'ended') return true;
  const level = heard(event.alert, id);
  return level !== undefined && rankOf(level) > answeredRankOf(answers(event.alert));
}

/** A receiver that is told of a revision now. */
export interface Told {
  readonly stored: StoredRevision;
  readonly receiver: Receiver;
}

/** Whether it is told because nobody has answered in any round. */
export const isUnanswered = (
  { stored: { revision }, receiver: { id, rung } }: Told,
  { heard }: Pick<EscalationGrounds, 'heard'>,
): boolean =>
  rung?.isLast === true &&
  revision.event.event !== 'ended' &&
  (rung.isRepeat || heard(revision.event.alert, id) === undefined);

/**
 * Notes in the record, before the last resort is told, that nobody has answered: once for each ladder and revision; again
 * only where a process dies between the note and the delivery.
 */
export async function recordUnanswered(
  { ledger, clock }: DispatcherOptions,
  last: readonly Told[],
): Promise<void> {
  const notes = new Map(
    last.map(({ stored, receiver: { rung } }) => {
      const { alert, revision } = stored.revision.event;
      const note = {
        ...{ at: clock.now(), by: 'clock', action: 'escalation.unanswered', subject: alert },
        reason: 'nobody acknowledged the alert in any round',
        detail: { revision, subscription: rung?.ladder },
      };
      return [JSON.stringify([alert, revision, rung?.ladder]), note] as const;
    }),
  );
  if (notes.size > 0) await ledger.record([...notes.values()]);
}

/** The rank of the level that people have answered; -1: none. */
function answeredRankOf(known: Answers | undefined): number {
  const level = known?.seen && levelAt(known.history, known.seen.revision ?? 0);
  return level === undefined ? -1 : rankOf(level);
}

/** The level of the alert when it had this revision. */
const levelAt = (history: readonly StoredRevision[], number: number): Level | undefined =>
  history.findLast(({ revision }) => revision.event.revision <= number)?.revision.event.level;

/** What is known of people's answers to an alert. */
export interface Answers {
  /** All revisions of the alert, in order. */
  readonly history: readonly StoredRevision[];
  /** Its newest acknowledgement. */
  readonly seen?: ActOutcome;
}
