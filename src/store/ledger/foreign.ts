import { createHash } from 'node:crypto';
import type { ForeignAlert, ForeignEnd, ForeignFacts, ForeignInfo } from '../../alerts/foreign/facts.ts';
import { type ForeignLimits, laterAlert, laterEnd } from '../../alerts/foreign/state.ts';

/** An alert of another authority as lists show it: without shapes, codes and long texts. */
export interface ForeignBrief extends Omit<ForeignAlert, 'info'> {
  readonly info: readonly Omit<ForeignInfo, 'description' | 'instruction'>[];
}

/** One alert, and the newest end that was pronounced on it. */
export interface StoredForeign<Alert = ForeignAlert> {
  readonly id: string;
  readonly alert: Alert;
  readonly end?: ForeignEnd;
}

export interface ForeignFilter {
  /** Only what expires after this instant, epoch ms. */
  readonly expiresAfter?: number;
  /** The configured feed that it came by. */
  readonly source?: string;
  /** Exercises and tests, or what is real: never both. */
  readonly drills: boolean;
  readonly limit: number;
  /** The id of one: those that come after it. */
  readonly before?: string;
}

/** Warnings of other authorities: the tables of {@link ForeignAlerts}, for all processes. Part of the ledger port. */
export interface ForeignStore {
  /**
   * Takes in what messages state, in one transaction, joined by `laterAlert` and `laterEnd`: every order, repetition and
   * number of processes gives the same. For each message whether there was room; of one without nothing was taken in.
   */
  putForeign(facts: readonly ForeignFacts[], limits?: ForeignLimits): Promise<readonly boolean[]>;
  /** The newest first; those whose end has come are among them. */
  foreign(filter: ForeignFilter): Promise<readonly StoredForeign<ForeignBrief>[]>;
  foreignAlert(id: string): Promise<StoredForeign | undefined>;
  /**
   * Forgets at most 1,000 alerts that expired before `expiredBefore`, each of which leaves its end behind, and the ends of
   * alerts that are gone and were sent before `endedBefore`. Returns how many alerts went.
   */
  pruneForeign(expiredBefore: number, endedBefore: number): Promise<number>;
}

/** Alerts that one call of `pruneForeign` takes at most. */
export const PRUNED_AT_ONCE = 1000;

/** The name of an alert in addresses: its key holds spaces and quotes, and is long. */
export const foreignId = (key: string): string => createHash('sha256').update(key).digest('hex').slice(0, 32);

/** What lists show of an alert. */
export function briefOf(alert: ForeignAlert): ForeignBrief {
  const info = alert.info.map(({ description: _, instruction: __, area, ...rest }) => ({
    ...rest,
    area: area.map(({ areaDesc }) => ({ areaDesc, polygon: [], circle: [], geocode: [] })),
  }));
  return { ...alert, info };
}

/** The keys that messages speak of. */
export const keysOf = (facts: readonly ForeignFacts[]): readonly string[] => [
  ...new Set(
    facts.flatMap(({ alert, ends }) => [...(alert ? [alert.key] : []), ...ends.map(({ key }) => key)]),
  ),
];

/** What is held already of the keys of some messages, and how much there is of all. */
export interface ForeignHeld {
  readonly alerts: Map<string, { readonly alert: ForeignAlert; readonly size: number }>;
  readonly ends: Map<string, ForeignEnd>;
  readonly total: ForeignLimits;
}

/** What is to be written. */
export interface ForeignChange {
  readonly alerts: readonly { readonly alert: ForeignAlert; readonly json: string }[];
  readonly ends: readonly ForeignEnd[];
  readonly taken: readonly boolean[];
}

/** Joins messages with what is held: the rule of every engine. `held` is changed. */
export function joinForeign(
  { alerts, ends, total }: ForeignHeld,
  facts: readonly ForeignFacts[],
  limits: ForeignLimits,
): ForeignChange {
  const written = new Map<string, string>();
  const ended = new Set<string>();
  let count = { ...total };
  const taken = facts.map(({ alert, ends: pronounced }) => {
    const before = alert && alerts.get(alert.key);
    const holds = alert !== undefined && (before === undefined || laterAlert(before.alert, alert) === alert);
    const json = holds ? JSON.stringify(alert) : '';
    const fresh = pronounced.filter(({ key }) => !ends.has(key)).length;
    const after = {
      alerts: count.alerts + (alert && !before ? 1 : 0),
      characters: count.characters + (holds ? json.length - (before?.size ?? 0) : 0),
      ends: count.ends + fresh,
    };
    // What makes nothing larger is always taken: an end must not wait for room that others have used up.
    const grows = (what: keyof ForeignLimits): boolean =>
      after[what] > count[what] && after[what] > limits[what];
    if (grows('alerts') || grows('characters') || grows('ends')) return false;
    count = after;
    if (holds) {
      alerts.set(alert.key, { alert, size: json.length });
      written.set(alert.key, json);
    }
    for (const end of pronounced) {
      const known = ends.get(end.key);
      const later = known === undefined ? end : laterEnd(known, end);
      if (later === known) continue;
      ends.set(end.key, later);
      ended.add(end.key);
    }
    return true;
  });
  return {
    alerts: [...written].map(([key, json]) => ({
      alert: (alerts.get(key) as { alert: ForeignAlert }).alert,
      json,
    })),
    ends: [...ended].map((key) => ends.get(key) as ForeignEnd),
    taken,
  };
}
