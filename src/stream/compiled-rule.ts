import { quantities } from '../model/quantity.ts';
import type { Condition, Expression, Rule } from '../model/rule.ts';
import { compileCondition, type Predicate } from './truth.ts';
import { WindowSlots } from './window-slots.ts';

/** A rule ready to evaluate: what it reads, and a predicate per level. */
export interface CompiledRule {
  readonly rule: Rule;
  readonly levels: readonly Predicate[];
  readonly clear: Predicate | null;
  readonly holdsMs: readonly number[];
  readonly clearHoldMs: number | null;
  /** Quantities named, each with the windows over it. */
  readonly inputs: readonly { readonly quantity: string; readonly spansMs: readonly number[] }[];
  /** The slots of these windows in the rule set. */
  readonly slots: readonly number[];
  /** Silence terms; a rule with one follows the partition clock and is not evaluated back in time. */
  readonly silences: readonly { readonly quantity: string | null; readonly spanMs: number }[];
  readonly longestWindowMs: number;
}

/** Compiles a checked rule; rules of one set share `slots`. */
export function compileRule(rule: Rule, slots = new WindowSlots()): CompiledRule {
  const spans = new Map<string, Set<number>>();
  const silences: { quantity: string | null; spanMs: number }[] = [];
  const conditions = [
    ...rule.levels.map((level) => level.condition),
    ...(rule.clear ? [rule.clear.condition] : []),
  ];
  for (const condition of conditions) collect(condition, spans, silences);
  const inputs = [...spans].map(([quantity, set]) => ({ quantity, spansMs: [...set].sort((a, b) => a - b) }));
  return {
    rule,
    levels: rule.levels.map((level) => compileCondition(level.condition, slots)),
    clear: rule.clear ? compileCondition(rule.clear.condition, slots) : null,
    holdsMs: rule.levels.map((level) => level.holdMs),
    clearHoldMs: rule.clear ? rule.clear.holdMs : null,
    inputs,
    slots: inputs.flatMap(({ quantity, spansMs }) => spansMs.map((spanMs) => slots.slotOf(quantity, spanMs))),
    silences,
    longestWindowMs: Math.max(0, ...inputs.flatMap((input) => input.spansMs)),
  };
}

function collect(
  condition: Condition,
  spans: Map<string, Set<number>>,
  silences: { quantity: string | null; spanMs: number }[],
): void {
  switch (condition.kind) {
    case 'comparison':
      collectExpression(condition.left, spans);
      collectExpression(condition.right, spans);
      return;
    case 'silent':
      silences.push({ quantity: condition.quantity, spanMs: condition.spanMs });
      return;
    case 'not':
      collect(condition.term, spans, silences);
      return;
    default:
      for (const term of condition.terms) collect(term, spans, silences);
  }
}

function collectExpression(expression: Expression, spans: Map<string, Set<number>>): void {
  if (expression.kind === 'arithmetic') {
    collectExpression(expression.left, spans);
    collectExpression(expression.right, spans);
  } else if (expression.kind === 'aggregate' && expression.window.kind === 'sliding') {
    const set = spans.get(expression.quantity) ?? new Set<number>();
    set.add(expression.window.spanMs);
    spans.set(expression.quantity, set);
  }
}

export const isIntervalQuantity = (name: string): boolean => quantities.get(name)?.kind === 'interval';
