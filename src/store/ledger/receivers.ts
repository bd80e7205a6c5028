import type { Directory, Target } from '../../model/roster.ts';
import { type Ladder, PEOPLE, type Subscription } from './subscription.ts';

/** A place on a ladder. */
export interface Rung {
  /** The ids of its receivers. */
  readonly ids: readonly string[];
  readonly before?: Rung;
  /** How long that one is given, and when this one is due after the alert, ms. */
  readonly waitMs: number;
  readonly afterMs: number;
  /** An earlier rung has the same target: it hears of further revisions there, once. */
  readonly isRepeat: boolean;
  /** Nobody has answered in any round. */
  readonly isLast: boolean;
  /** The name of the subscription. */
  readonly ladder: string;
}

/** A subscription as the dispatcher takes it: one receiver, at one step. */
export interface Receiver extends Subscription {
  readonly rung?: Rung;
}

/** Between the id of a subscription and what tells its receivers apart. */
const MARK = '~';

/**
 * The receivers of a subscription, each with an id of its own, the same in every process and after every start: the
 * people of a group one by one, a roster as itself (who is on duty is found when it is told), the steps of a ladder as
 * receivers that wait ever longer for an answer.
 */
export function receiversOf(subscription: Subscription, directory: Directory): readonly Receiver[] {
  const { to, ladder, ...rest } = subscription;
  if (ladder) return climb(rest, ladder, directory);
  return to ? addressed(rest, to, directory) : [subscription];
}

/** The id of the last resort of a subscription with a ladder. */
export const lastResortIds = (subscription: Subscription, directory: Directory): readonly string[] =>
  receiversOf(subscription, directory).flatMap(({ id, rung }) => (rung?.isLast ? [id] : []));

function climb(rest: Subscription, { steps, rounds, last }: Ladder, directory: Directory): Receiver[] {
  const rungs = Array.from({ length: rounds }, () => steps).flat();
  const receivers: Receiver[] = [];
  const seen = new Set<string>();
  let before: Rung | undefined;
  let [afterMs, waitMs] = [0, 0];
  for (const [index, to] of [...rungs.map((step) => step.to), last].entries()) {
    // Two figures keep the order of the steps where they are sorted by name.
    const step = String(index + 1).padStart(2, '0');
    const named = { ...rest, id: `${rest.id}${MARK}${step}`, name: `${rest.name} ${step}` };
    const own = addressed({ ...named, escalation: { afterMs } }, to, directory);
    const target = JSON.stringify(to);
    const rung: Rung = {
      ...{ ids: own.map(({ id }) => id), waitMs, afterMs, ladder: rest.name },
      ...{ isRepeat: seen.has(target), isLast: index === rungs.length },
      ...(before ? { before } : {}),
    };
    receivers.push(...own.map((receiver) => ({ ...receiver, rung })));
    seen.add(target);
    before = rung;
    waitMs = rungs[index]?.afterMs ?? 0;
    afterMs += waitMs;
  }
  return receivers;
}

function addressed(rest: Subscription, to: Target, { groups }: Directory): readonly Subscription[] {
  if ('channel' in to) return [{ ...rest, ...to }];
  const people = 'group' in to ? groups[to.group] : undefined;
  if (people)
    return people.map((person) => ({
      ...{ ...rest, id: `${rest.id}${MARK}${person}`, name: `${rest.name}: ${person}` },
      ...{ channel: PEOPLE, address: `person ${person}` },
    }));
  // A group that is gone is told as one, so that its delivery stands as given up with the reason.
  const [kind, name] = Object.entries(to)[0] as [string, string];
  return [{ ...rest, name: `${rest.name}: ${name}`, channel: PEOPLE, address: `${kind} ${name}` }];
}
