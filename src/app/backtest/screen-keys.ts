import type { Rule } from '../../model/rule.ts';
import { compileRule } from '../../stream/compiled-rule.ts';
import { isWatched } from '../../stream/rule-index.ts';
import { wantedAmong } from '../../stream/station-derivation.ts';
import { type TriggerKey, triggerOf } from '../../stream/trigger.ts';

/** What rules ask of one quantity, scaled integers: whatever meets none of it makes no level true. */
export interface Look {
  readonly quantity: string;
  /** A reading at or beyond these is looked at. */
  readonly high: number;
  readonly low: number;
  /** Readings of a span that add up to so much, or lie so far apart; numbered over all quantities. */
  readonly sums: readonly { readonly id: number; readonly spanMs: number; readonly threshold: number }[];
  readonly spreads: readonly { readonly id: number; readonly spanMs: number; readonly threshold: number }[];
}

export interface ScreenKeys {
  /** One for each quantity that the rules read, those without a key of their own too. */
  readonly looks: readonly Look[];
  /** The longest look back of any rule, ms. */
  readonly reachMs: number;
  /** Quantities among them that would be derived where a report does not bring them. */
  readonly derivable: readonly string[];
}

/**
 * What must be seen at a station before any of the rules can raise an alert there. Null: it cannot be told, for a rule looks at
 * more than sliding windows over measured readings of its own station.
 */
export function screenKeys(rules: readonly Rule[]): ScreenKeys | null {
  const keys: TriggerKey[] = [];
  const read = new Set<string>();
  let reachMs = 0;
  for (const rule of rules) {
    const compiled = compileRule(rule);
    if (rule.subject !== 'station' || !isWatched(compiled) || compiled.acceptsSuspect) return null;
    const trigger = triggerOf(rule);
    if (trigger === null) return null;
    keys.push(...trigger);
    for (const { quantity } of compiled.inputs) read.add(quantity);
    reachMs = Math.max(reachMs, compiled.longestWindowMs);
  }
  const wanted = wantedAmong([...read]);
  if (wanted.daily.size > 0) return null;
  const ids = { sum: 0, spread: 0 };
  const numbered = (own: readonly TriggerKey[], kind: 'sum' | 'spread'): Look['sums'] =>
    own
      .filter((key) => key.kind === kind)
      .map(({ spanMs, threshold }) => ({ id: ids[kind]++, spanMs, threshold }));
  const looks = [...read].map((quantity): Look => {
    const own = keys.filter((key) => key.quantity === quantity);
    const all = (kind: TriggerKey['kind']): number[] =>
      own.flatMap((key) => (key.kind === kind ? [key.threshold] : []));
    return {
      quantity,
      high: Math.min(...all('above')),
      low: Math.max(...all('below')),
      sums: numbered(own, 'sum'),
      spreads: numbered(own, 'spread'),
    };
  });
  return { looks, reachMs, derivable: [...wanted.instant] };
}
