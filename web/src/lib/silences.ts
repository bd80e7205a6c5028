import type { Level } from './contract.ts';

/** A silence as `GET /api/v1/silences` tells it. */
export interface SilenceItem {
  readonly id: string;
  readonly matchers: Matchers;
  readonly author: string;
  readonly reason: string;
  readonly from: string;
  readonly until: string;
  readonly state: 'pending' | 'active' | 'ended';
}

export const kinds = ['hazard', 'rule', 'area', 'station'] as const;
export type Matchers = { readonly [K in (typeof kinds)[number]]?: readonly string[] } & {
  readonly level: Level;
};

interface Held {
  readonly rule: string;
  readonly hazard: string;
  readonly subject: { readonly kind: string; readonly id: string };
  readonly level: Level;
}

const ranks: Readonly<Record<Level, number>> = { yellow: 1, orange: 2, red: 3 };

/** What was typed, `A879, A880`, as names; empty ones are left out. */
export const namesOf = (text: string): readonly string[] =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);

/** True when a silence of these matchers would hold the alert back, as src/model/silence.ts decides; `regions`: of its subject. */
export function wouldHold(matchers: Matchers, alert: Held, regions: readonly string[]): boolean {
  const { kind, id } = alert.subject;
  const areas = kind === 'area' ? [id, ...regions] : regions;
  return (
    ranks[alert.level] <= ranks[matchers.level] &&
    (matchers.rule?.includes(alert.rule) ?? true) &&
    (matchers.hazard?.includes(alert.hazard) ?? true) &&
    (matchers.station === undefined || (kind === 'station' && matchers.station.includes(id))) &&
    (matchers.area === undefined || areas.some((code) => matchers.area?.includes(code)))
  );
}
