import type { AlertEvent } from '../model/alert.ts';
import { isSilenced, type Silence } from '../model/silence.ts';
import { DAY_MS, formatInstant, MINUTE_MS } from '../model/time.ts';
import type { Receiver } from '../store/ledger/receivers.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import type { Subscription } from '../store/ledger/subscription.ts';
import type { Withheld } from '../store/ledger/withholding.ts';
import { type EscalationGrounds, waitForAnswer } from './escalation.ts';
import { rankOf } from './rank.ts';

/**
 * What is held back is asked again after so long, ms: the end of an inhibition is no instant that is known before, and a
 * silence may have changed while its effect was written.
 */
export const ASK_AGAIN_MS = 15_000;
const DAY_MINUTES = DAY_MS / MINUTE_MS;

/** `withheld`: written as dropped for now; `notBefore`: put off; `bunch`: may share a message with its like. */
export interface Decision {
  readonly withheld?: Withheld;
  readonly notBefore?: number;
  readonly bunch?: string;
}

const isRed = ({ level }: AlertEvent): boolean => level === 'red';

/**
 * Whether a revision goes out to a subscription that is to be told, and when. Red is held back by nothing but a silence
 * that names red, and a step of an escalation that is not due. The end of an alert that somebody was told of is never held back, only put off by quiet hours.
 */
export function decide(stored: StoredRevision, subscription: Receiver, grounds: Grounds): Decision {
  const { event } = stored.revision;
  const { at } = grounds;
  const quietUntil = isRed(event) ? undefined : quietEnd(subscription, at);
  if (event.event !== 'ended') {
    const regions = grounds.regionsOf(stored);
    const silence = grounds.silences.find((one) => isSilenced(one, event, regions, at));
    if (silence) {
      const { author, id, until, reason } = silence;
      const text = `silenced by ${author} until ${formatInstant(until)}: ${reason} (silence ${id})`;
      return { withheld: { cause: 'silence', reason: text, until } };
    }
    const waiting = waitForAnswer(stored, subscription, grounds);
    if (waiting) return { withheld: waiting };
    const higher = inhibitor(event, subscription, [event.subject.id, ...regions], grounds);
    if (higher) {
      const text = `inhibited by the ${higher.level} alert ${higher.alert} of the same hazard`;
      return { withheld: { cause: 'inhibition', reason: text, until: at + ASK_AGAIN_MS } };
    }
    if (quietUntil !== undefined) {
      const text = `quiet hours until ${formatInstant(quietUntil)}`;
      return { withheld: { cause: 'quiet-hours', reason: text, until: quietUntil } };
    }
  }
  const area = grounds.regionsOf(stored)[0] ?? event.subject.id;
  const group = grounds.canGroup(subscription) ? subscription.group : undefined;
  return grouping(event, group, area, at, quietUntil);
}

/** As {@link decide}, of one that was held back: what comes out together shares a message, and waits for no digest. */
export function decideAgain(stored: StoredRevision, subscription: Receiver, grounds: Grounds): Decision {
  const { notBefore, ...decision } = decide(stored, subscription, grounds);
  if (notBefore === undefined || subscription.group === undefined) return decision;
  return { ...decision, notBefore: Math.min(notBefore, grounds.at + subscription.group.waitMs) };
}

/** The higher alert of the same hazard, here or in the area round it, that the subscription is told of. */
function inhibitor(
  event: AlertEvent,
  { id }: Subscription,
  places: readonly string[],
  { standing, heard }: Grounds,
): AlertEvent | undefined {
  if (isRed(event)) return undefined;
  return places
    .flatMap(standing)
    .map(({ revision }) => revision.event)
    .find((other) => {
      if (other.alert === event.alert || other.hazard !== event.hazard) return false;
      const level = heard(other.alert, id);
      return level !== undefined && Math.min(rankOf(level), rankOf(other.level)) > rankOf(event.level);
    });
}

function grouping(
  event: AlertEvent,
  group: Subscription['group'],
  area: string,
  at: number,
  quietUntil: number | undefined,
): Decision {
  const lane = isRed(event) ? 'red' : 'lower';
  const waitMs =
    isRed(event) || !group ? 0 : event.level === 'yellow' ? (group.digestMs ?? group.waitMs) : group.waitMs;
  const notBefore = quietUntil ?? (waitMs > 0 ? at + waitMs : undefined);
  const bunch = group && `${lane} ${event.hazard}${group.by === 'area' ? ` ${area}` : ''}`;
  return { ...(notBefore === undefined ? {} : { notBefore }), ...(bunch === undefined ? {} : { bunch }) };
}

const formats = new Map<string, Intl.DateTimeFormat>();
/** Minute of the day in a zone. */
function minuteOf(at: number, timeZone: string): number {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en', {
      timeZone,
      hour: 'numeric',
      minute: 'numeric',
      hourCycle: 'h23',
    });
    formats.set(timeZone, format);
  }
  const parts = format.formatToParts(at);
  const value = (type: string): number => Number(parts.find((one) => one.type === type)?.value);
  return value('hour') * 60 + value('minute');
}

const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));

/** When the quiet hours that `at` is in end (a change of the clock within them moves that by its hour); else undefined. */
export function quietEnd({ quiet }: Pick<Subscription, 'quiet'>, at: number): number | undefined {
  if (!quiet) return undefined;
  const from = minutes(quiet.from);
  const length = (minutes(quiet.to) - from + DAY_MINUTES) % DAY_MINUTES;
  const into = (minuteOf(at, quiet.timeZone) - from + DAY_MINUTES) % DAY_MINUTES;
  if (into >= length) return undefined;
  return at - (at % MINUTE_MS) + (length - into) * MINUTE_MS;
}

/** What a decision rests on. */
export interface Grounds extends EscalationGrounds {
  readonly silences: readonly Silence[];
  /** Region codes of a revision's subject. */
  regionsOf(revision: StoredRevision): readonly string[];
  /** Newest revisions of the open alerts of a subject or area. */
  standing(subject: string): readonly StoredRevision[];
  /** Whether a message of several alerts can reach it. */
  canGroup(subscription: Subscription): boolean;
}
