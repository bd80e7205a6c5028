import { type Level, levelNames } from '../../model/rule.ts';
import { DAY_MS } from '../../model/time.ts';
import {
  endKinds,
  type ForeignAlert,
  type ForeignEnd,
  type ForeignFacts,
  type ForeignInfo,
  RETENTION_MS,
} from './facts.ts';

export type ForeignState = 'active' | ForeignEnd['kind'];

/** Bodies of alerts that are over are kept for so long. */
export const KEEP_MS = 2 * DAY_MS;

/** What the state may hold; a message beyond it is refused and comes again with the next reading of its feed. */
export interface ForeignLimits {
  readonly alerts: number;
  readonly ends: number;
  readonly characters: number;
}
export const FOREIGN_LIMITS: ForeignLimits = { alerts: 50_000, ends: 500_000, characters: 200_000_000 };

/**
 * Warnings of other authorities, from messages in any order and any number of times. Two maps, each joined by "the later
 * one holds": the newest version of every alert, and the newest end that any message pronounced on it, also of alerts that
 * never came. Such a join gives the same for every order and repetition.
 */
export class ForeignAlerts {
  private readonly alerts = new Map<string, { readonly alert: ForeignAlert; readonly size: number }>();
  private readonly ends = new Map<string, ForeignEnd>();
  private readonly limits: ForeignLimits;
  private characters = 0;

  constructor(limits: ForeignLimits = FOREIGN_LIMITS) {
    this.limits = limits;
  }

  /** Takes in what a message states; false when there is no room, and then nothing of it was taken in. */
  add({ alert, ends }: ForeignFacts): boolean {
    const before = alert && this.alerts.get(alert.key);
    const size = alert === undefined ? 0 : JSON.stringify(alert).length;
    const newEnds = ends.filter(({ key }) => !this.ends.has(key)).length;
    const { limits } = this;
    if (alert && !before && this.alerts.size >= limits.alerts) return false;
    if (this.characters + size - (before?.size ?? 0) > limits.characters) return false;
    if (this.ends.size + newEnds > limits.ends) return false;
    if (alert && (before === undefined || laterAlert(before.alert, alert) === alert)) {
      this.alerts.set(alert.key, { alert, size });
      this.characters += size - (before?.size ?? 0);
    }
    for (const end of ends) this.addEnd(end);
    return true;
  }

  /** Every alert held, with its state at `now` (epoch ms): the newest first. */
  view(now: number): readonly { readonly alert: ForeignAlert; readonly state: ForeignState }[] {
    return [...this.alerts.values()]
      .map(({ alert }) => ({ alert, state: stateOf(alert, this.ends.get(alert.key), now) }))
      .sort((a, b) => b.alert.sentAt - a.alert.sentAt || (a.alert.key < b.alert.key ? -1 : 1));
  }

  /**
   * Forgets what can no longer matter at `now`. An alert that is over leaves its end behind, so that an earlier version
   * which comes late is not shown again; ends go when what they could end is refused as too old.
   */
  prune(now: number): void {
    for (const { alert, size } of this.alerts.values()) {
      if (alert.expiresAt >= now - KEEP_MS) continue;
      if (!this.ends.has(alert.key) && this.ends.size >= this.limits.ends) continue;
      this.alerts.delete(alert.key);
      this.characters -= size;
      this.addEnd({ key: alert.key, kind: 'expired', sentAt: alert.sentAt, by: alert.identifier });
    }
    for (const { key, sentAt } of this.ends.values()) {
      // An alert that is still held can be in force for longer than ends are remembered.
      if (sentAt < now - RETENTION_MS && !this.alerts.has(key)) this.ends.delete(key);
    }
  }

  private addEnd(end: ForeignEnd): void {
    const before = this.ends.get(end.key);
    this.ends.set(end.key, before === undefined ? end : laterEnd(before, end));
  }
}

/** Of two versions of one alert the one sent later; of two sent together the one that stays longer, and always the same. */
export function laterAlert(a: ForeignAlert, b: ForeignAlert): ForeignAlert {
  if (a.sentAt !== b.sentAt) return a.sentAt > b.sentAt ? a : b;
  if (a.expiresAt !== b.expiresAt) return a.expiresAt > b.expiresAt ? a : b;
  return JSON.stringify(a) >= JSON.stringify(b) ? a : b;
}

/** Of two ends of one alert the one sent later, then the stronger one. */
export function laterEnd(a: ForeignEnd, b: ForeignEnd): ForeignEnd {
  if (a.sentAt !== b.sentAt) return a.sentAt > b.sentAt ? a : b;
  const [ranked, other] = [endKinds.indexOf(a.kind), endKinds.indexOf(b.kind)];
  if (ranked !== other) return ranked > other ? a : b;
  return a.by >= b.by ? a : b;
}

/**
 * The state of an alert at `now`, epoch ms. An end pronounced before it was sent is of an earlier version. That a version
 * expired says nothing of another one sent in the same second, which may stay longer.
 */
export function stateOf(
  alert: Pick<ForeignAlert, 'sentAt' | 'expiresAt'>,
  end: ForeignEnd | undefined,
  now: number,
): ForeignState {
  if (end !== undefined && (end.kind === 'expired' ? end.sentAt > alert.sentAt : end.sentAt >= alert.sentAt))
    return end.kind;
  return alert.expiresAt > now ? 'active' : 'expired';
}

const bySeverity: ReadonlyMap<string, Level> = new Map([
  ['Extreme', 'red'],
  ['Severe', 'orange'],
  ['Moderate', 'yellow'],
]);

type Graded = Pick<ForeignInfo, 'severity' | 'urgency' | 'certainty' | 'responseType'>;

/**
 * Our level for another authority's words, the reverse of how we emit: Extreme red, Severe orange, Moderate yellow. One
 * lower when it is unlikely; null (no level, still shown) for minor and unknown severity, what is past and an all-clear.
 */
export function foreignLevel(info: Graded): Level | null {
  if (info.urgency === 'Past' || info.responseType.includes('AllClear')) return null;
  const level = bySeverity.get(info.severity);
  if (level === undefined) return null;
  if (info.certainty !== 'Unlikely') return level;
  return levelNames[levelNames.indexOf(level) - 1] ?? null;
}

/** The `info` blocks of an alert that are in force at `now`, epoch ms: each has its own expiry. */
export const liveInfo = (alert: ForeignAlert, now: number): readonly ForeignInfo[] =>
  alert.info.filter(({ expiresAt }) => expiresAt > now);

/** The highest of our levels that its blocks have; null when none has one. */
export const highestLevel = (info: readonly Graded[]): Level | null =>
  levelNames.findLast((level) => info.some((one) => foreignLevel(one) === level)) ?? null;
