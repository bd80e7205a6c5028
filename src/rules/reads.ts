import { quantities } from '../model/quantity.ts';
import type { AggregateName, Condition, Expression, Rule, Window } from '../model/rule.ts';
import { DAILY_WINDOW_MS, dailyInputQuantities } from '../stream/daily-chain.ts';
import { derivedQuantities } from './derived/table.ts';

/** What a rule reads of a station. */
export interface RuleReads {
  /** Quantities of which readings are kept: those named, and what derived ones are computed from. */
  readonly quantities: ReadonlySet<string>;
  readonly windows: readonly { readonly quantity: string; readonly window: Window }[];
  /** What it reads of the climatology of the station. */
  readonly percentiles: readonly { readonly quantity: string; readonly percent: number }[];
  readonly returnPeriods: readonly {
    readonly quantity: string;
    readonly aggregate: AggregateName;
    readonly spanMs: number;
  }[];
  /** Forecasts that it reads, and how far ahead. */
  readonly forecasts: readonly { readonly quantity: string; readonly spanMs: number }[];
  /** How far back the sequences look, one in another added up, ms. */
  readonly withinMs: number;
}

/** The conditions of a rule, levels first. */
export const conditionsOf = (rule: Rule): readonly Condition[] => [
  ...rule.levels.map(({ condition }) => condition),
  ...(rule.clear === null ? [] : [rule.clear.condition]),
];

/** Walks a checked rule and collects what it reads. */
export function readsOf(rule: Rule): RuleReads {
  const reader = new Reader();
  for (const condition of conditionsOf(rule)) reader.condition(condition, 0);
  return reader;
}

class Reader implements RuleReads {
  readonly quantities = new Set<string>();
  readonly windows: { quantity: string; window: Window }[] = [];
  readonly percentiles: RuleReads['percentiles'][number][] = [];
  readonly returnPeriods: RuleReads['returnPeriods'][number][] = [];
  readonly forecasts: RuleReads['forecasts'][number][] = [];
  withinMs = 0;

  condition(condition: Condition, withinMs: number): void {
    switch (condition.kind) {
      case 'comparison':
        this.#expression(condition.left, withinMs);
        this.#expression(condition.right, withinMs);
        return;
      case 'silent':
        if (condition.quantity !== null) this.#quantity(condition.quantity);
        return;
      case 'not':
        this.condition(condition.term, withinMs);
        return;
      case 'sequence':
        this.withinMs = Math.max(this.withinMs, withinMs + condition.withinMs);
        this.condition(condition.first, withinMs + condition.withinMs);
        this.condition(condition.then, withinMs);
        return;
      default:
        for (const term of condition.terms) this.condition(term, withinMs);
    }
  }

  #expression(expression: Expression, withinMs: number): void {
    switch (expression.kind) {
      case 'arithmetic':
        this.#expression(expression.left, withinMs);
        this.#expression(expression.right, withinMs);
        return;
      case 'stations':
        this.condition(expression.where, withinMs);
        return;
      case 'forecast':
        this.forecasts.push({ quantity: expression.quantity, spanMs: expression.spanMs });
        return;
      case 'climatology':
        this.percentiles.push({ quantity: expression.quantity, percent: expression.percent });
        return;
      case 'return-period':
        if (expression.of.kind === 'aggregate' && 'spanMs' in expression.of.window) {
          const { quantity, name: aggregate, window } = expression.of;
          this.returnPeriods.push({ quantity, aggregate, spanMs: window.spanMs });
        }
        this.#expression(expression.of, withinMs);
        return;
      case 'aggregate':
        this.windows.push({ quantity: expression.quantity, window: expression.window });
        this.#quantity(expression.quantity);
        return;
      default:
        return;
    }
  }

  #quantity(name: string): void {
    if (this.quantities.has(name)) return;
    this.quantities.add(name);
    const derived = derivedQuantities.get(name);
    const isDaily = derived === undefined && quantities.get(name)?.derived !== undefined;
    if (isDaily)
      this.windows.push({ quantity: 'rainfall', window: { kind: 'sliding', spanMs: DAILY_WINDOW_MS } });
    const inputs = isDaily
      ? dailyInputQuantities
      : [...(derived?.inputs ?? []), ...(derived?.optional ?? [])];
    for (const input of inputs) this.#quantity(input);
  }
}
