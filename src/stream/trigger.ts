import { quantities } from '../model/quantity.ts';
import type { ComparisonOperator, Condition, NumberLiteral, Rule } from '../model/rule.ts';
import type { Aggregate } from './aggregate.ts';

/**
 * What must be seen in a sliding window before a comparison can be true; scaled thresholds, rounded so that the key never
 * asks for more than the comparison does.
 * - above, below: a reading at or beyond the threshold lies in the window;
 * - sum: the readings of a quantity that cannot be negative add up to it;
 * - spread: two readings of the window are so far apart.
 */
export interface TriggerKey {
  readonly kind: 'above' | 'below' | 'sum' | 'spread';
  readonly quantity: string;
  readonly spanMs: number;
  readonly threshold: number;
}

/** One of these keys must be met; null: nothing can be said. */
export type Trigger = readonly TriggerKey[] | null;

/** What must be seen before any level of a rule can be true. The rule reads sliding windows alone. */
export function triggerOf(rule: Rule): Trigger {
  return any(rule.levels.map(({ condition }) => conditionTrigger(condition, true)));
}

/** What must be seen before a condition can be true (`wanted`) or false. Unknown is neither. */
function conditionTrigger(condition: Condition, wanted: boolean): Trigger {
  switch (condition.kind) {
    case 'comparison':
      return comparisonTrigger(condition, wanted);
    case 'not':
      return conditionTrigger(condition.term, !wanted);
    case 'and':
    case 'or': {
      const terms = condition.terms.map((term) => conditionTrigger(term, wanted));
      return (condition.kind === 'and') === wanted ? rarest(terms) : any(terms);
    }
    default:
      return null;
  }
}

/** All terms must be met: the one that is met least often stands for them. */
function rarest(terms: readonly Trigger[]): Trigger {
  let best: Trigger = null;
  for (const term of terms)
    if (term !== null && (best === null || chanceOf(term) < chanceOf(best))) best = term;
  return best;
}

/** One term must be met. Of keys that differ in the threshold alone the easiest stands for all. */
function any(terms: readonly Trigger[]): Trigger {
  const keys = new Map<string, TriggerKey>();
  for (const term of terms) {
    if (term === null) return null;
    for (const key of term) {
      const name = `${key.kind}/${key.quantity}/${key.spanMs}`;
      const known = keys.get(name);
      const isEasier = !known || key.threshold < known.threshold === (key.kind !== 'below');
      if (isEasier) keys.set(name, key);
    }
  }
  return [...keys.values()];
}

/** Guess at how often a key is met, by the physical range alone: it orders keys and decides nothing else. */
function chanceOf(keys: readonly TriggerKey[]): number {
  let chance = 0;
  for (const { kind, quantity, threshold } of keys) {
    const range = quantities.get(quantity)?.range;
    if (kind === 'sum' || kind === 'spread') chance += 0.05;
    else if (!range) chance += 0.5;
    else {
      const beyond = kind === 'above' ? range.max - threshold / 1000 : threshold / 1000 - range.min;
      chance += beyond / (range.max - range.min);
    }
  }
  return chance;
}

const opposite: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  '>': '<=',
  '>=': '<',
  '<': '>=',
  '<=': '>',
  '=': '!=',
  '!=': '=',
};
const mirrored: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  '>': '<',
  '>=': '<=',
  '<': '>',
  '<=': '>=',
  '=': '=',
  '!=': '!=',
};

function comparisonTrigger(condition: Condition & { kind: 'comparison' }, wanted: boolean): Trigger {
  const operator = wanted ? condition.operator : opposite[condition.operator];
  const { left, right } = condition;
  if (left.kind === 'aggregate' && right.kind === 'number') return thresholdTrigger(left, operator, right);
  if (left.kind === 'number' && right.kind === 'aggregate')
    return thresholdTrigger(right, mirrored[operator], left);
  return null;
}

function thresholdTrigger(left: Aggregate, operator: ComparisonOperator, right: NumberLiteral): Trigger {
  const { quantity, window } = left;
  if (window.kind !== 'sliding' || operator === '!=') return null;
  const x = (right.canonical.numerator / right.canonical.denominator) * 1000;
  const isHigh = operator !== '<' && operator !== '<=';
  // Readings are whole numbers: one at or above x is at or above the whole number below x.
  const key = (kind: TriggerKey['kind'], threshold: number): Trigger =>
    Number.isFinite(threshold) ? [{ kind, quantity, spanMs: window.spanMs, threshold }] : null;
  switch (left.name) {
    // Between the least and the greatest reading, or one of them.
    case 'max':
    case 'min':
    case 'avg':
    case 'last':
    case 'median':
    case 'percentile':
      return isHigh ? key('above', Math.floor(x)) : key('below', Math.ceil(x));
    case 'sum':
      return isHigh && x >= 1 && quantities.get(quantity)?.nonNegative ? key('sum', Math.floor(x)) : null;
    // A difference of two readings, or at most that; the deviation of a sample is less than its spread.
    case 'delta':
      if (isHigh) return x >= 1 ? key('spread', Math.floor(x)) : null;
      return x <= -1 ? key('spread', Math.floor(-x)) : null;
    case 'rise':
    case 'stddev':
      return isHigh && x >= 1 ? key('spread', Math.floor(x)) : null;
    default:
      return null;
  }
}
