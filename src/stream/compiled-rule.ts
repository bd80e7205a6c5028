import { quantities } from '../model/quantity.ts';
import type { Condition, Expression, Rule, Window } from '../model/rule.ts';
import { quantityOf, seriesName, withQuality } from './accepted-series.ts';
import type { ForecastInput, RuleInput } from './rule-input.ts';
import { compileCondition, type Predicate } from './truth.ts';
import { reachMs } from './window-kinds.ts';
import { WindowSlots } from './window-slots.ts';

/** A rule ready to evaluate: what it reads, and a predicate per level. */
export interface CompiledRule {
  readonly rule: Rule;
  readonly levels: readonly Predicate[];
  readonly clear: Predicate | null;
  readonly holdsMs: readonly number[];
  readonly clearHoldMs: number | null;
  readonly inputs: readonly RuleInput[];
  /** The slots of the sliding windows in the rule set. */
  readonly slots: readonly number[];
  /** Silence terms; a rule with one follows the partition clock and is not evaluated back in time. */
  readonly silences: readonly { readonly quantity: string | null; readonly spanMs: number }[];
  /** How far before an instant an evaluation may look, ms. */
  readonly longestWindowMs: number;
  /** By quantity: how many readings before that must be kept, too, for windows by count. */
  readonly readingsKept: ReadonlyMap<string, number>;
  readonly forecasts: readonly ForecastInput[];
  /** It reads sliding windows of its station and nothing else. */
  readonly isSliding: boolean;
  /** It counts suspect readings. */
  readonly acceptsSuspect: boolean;
}

interface Collected {
  readonly forecasts: ForecastInput[];
  readonly inputs: Map<string, { spans: Set<number>; windows: Map<string, Window> }>;
  readonly silences: { quantity: string | null; spanMs: number }[];
  /** Longest look back of the sequences, one in another added up. */
  withinMs: number;
  isSliding: boolean;
}

/** Compiles a checked rule; rules of one set share `slots`. */
export function compileRule(written: Rule, slots = new WindowSlots()): CompiledRule {
  const rule = withQuality(written);
  const found: Collected = { inputs: new Map(), forecasts: [], silences: [], withinMs: 0, isSliding: true };
  const conditions = [
    ...rule.levels.map((level) => level.condition),
    ...(rule.clear ? [rule.clear.condition] : []),
  ];
  for (const condition of conditions) collect(condition, 0, found);
  const inputs = [...found.inputs].map(([quantity, { spans, windows }]) => ({
    quantity,
    spansMs: [...spans].sort((a, b) => a - b),
    windows: [...windows.values()],
  }));
  const windows = inputs.flatMap((input) => input.windows);
  return {
    rule,
    levels: rule.levels.map((level) => compileCondition(level.condition, slots)),
    clear: rule.clear ? compileCondition(rule.clear.condition, slots) : null,
    holdsMs: rule.levels.map((level) => level.holdMs),
    clearHoldMs: rule.clear ? rule.clear.holdMs : null,
    inputs,
    slots: inputs.flatMap(({ quantity, spansMs }) => spansMs.map((spanMs) => slots.slotOf(quantity, spanMs))),
    silences: found.silences,
    forecasts: found.forecasts,
    longestWindowMs:
      Math.max(0, ...inputs.flatMap((input) => input.spansMs), ...windows.map(reachMs)) + found.withinMs,
    readingsKept: new Map(
      inputs.flatMap(({ quantity, windows: over }) => {
        const counts = over.flatMap((window) => (window.kind === 'count' ? [window.reports] : []));
        return counts.length > 0 ? [[quantityOf(quantity), Math.max(...counts)]] : [];
      }),
    ),
    isSliding: found.isSliding && windows.length === 0,
    acceptsSuspect: rule.quality === 'suspect',
  };
}

function collect(condition: Condition, withinMs: number, into: Collected): void {
  switch (condition.kind) {
    case 'comparison':
      collectExpression(condition.left, withinMs, into);
      collectExpression(condition.right, withinMs, into);
      return;
    case 'silent':
      into.silences.push({ quantity: condition.quantity, spanMs: condition.spanMs });
      return;
    case 'not':
      collect(condition.term, withinMs, into);
      return;
    case 'sequence':
      into.isSliding = false;
      into.withinMs = Math.max(into.withinMs, withinMs + condition.withinMs);
      collect(condition.first, withinMs + condition.withinMs, into);
      collect(condition.then, withinMs, into);
      return;
    default:
      for (const term of condition.terms) collect(term, withinMs, into);
  }
}

function collectExpression(expression: Expression, withinMs: number, into: Collected): void {
  switch (expression.kind) {
    case 'number':
      return;
    case 'arithmetic':
      collectExpression(expression.left, withinMs, into);
      collectExpression(expression.right, withinMs, into);
      return;
    case 'stations':
      into.isSliding = false;
      collect(expression.where, withinMs, into);
      return;
    case 'climatology':
      into.isSliding = false;
      return;
    case 'forecast':
      into.isSliding = false;
      into.forecasts.push({ quantity: expression.quantity, spanMs: expression.spanMs });
      return;
    case 'return-period':
      into.isSliding = false;
      collectExpression(expression.of, withinMs, into);
      return;
    case 'aggregate': {
      const { window } = expression;
      const quantity = seriesName(expression);
      const input = into.inputs.get(quantity) ?? { spans: new Set<number>(), windows: new Map() };
      if (window.kind === 'sliding') input.spans.add(window.spanMs);
      else input.windows.set(JSON.stringify(window), window);
      into.inputs.set(quantity, input);
    }
  }
}

/** By either name of a series. */
export const isIntervalQuantity = (name: string): boolean =>
  quantities.get(quantityOf(name))?.kind === 'interval';
