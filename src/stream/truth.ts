import { invariant } from '../lib/errors.ts';
import { quantities } from '../model/quantity.ts';
import type { ComparisonOperator, Condition, Expression, NumberLiteral } from '../model/rule.ts';
import type { WindowStatistics } from './window.ts';
import type { WindowSlots } from './window-slots.ts';

/** Kleene's three values: unknown is neither true nor false. */
export const FALSE = 0;
export const TRUE = 1;
export const UNKNOWN = 2;
export type Truth = typeof FALSE | typeof TRUE | typeof UNKNOWN;

const vectors = new Map<number, readonly Truth[]>();

/** The shared array of truths none of which is TRUE: bit i of `unknown` set makes level i UNKNOWN, else it is FALSE. */
export function truthsOf(levels: number, unknown: number): readonly Truth[] {
  const key = levels * 256 + unknown;
  let truths = vectors.get(key);
  if (!truths) {
    truths = Array.from({ length: levels }, (_, i) => ((unknown >> i) & 1 ? UNKNOWN : FALSE));
    vectors.set(key, truths);
  }
  return truths;
}

/** What a condition reads: the windows of one station at one instant. */
export interface Reader {
  window(quantity: string, spanMs: number): WindowStatistics;
  silent(quantity: string | null, spanMs: number): boolean;
  /** Share of a window, 0..1, that must be covered. */
  readonly coverage: number;
  /** The windows by their slots in the rule set, where all of them stand at this instant. */
  readonly windows?: readonly WindowStatistics[];
}

type Aggregate = Expression & { readonly kind: 'aggregate' };

export type Predicate = (reader: Reader) => Truth;

/** Compiles a checked condition to a function of the station's windows; with `slots`, it finds them by number. */
export function compileCondition(condition: Condition, slots?: WindowSlots): Predicate {
  switch (condition.kind) {
    case 'comparison':
      return compileComparison(condition.operator, condition.left, condition.right, slots);
    case 'silent':
      return (reader) => (reader.silent(condition.quantity, condition.spanMs) ? TRUE : FALSE);
    case 'not': {
      const term = compileCondition(condition.term, slots);
      return (reader) => negate(term(reader));
    }
    case 'and':
      return fold(
        condition.terms.map((term) => compileCondition(term, slots)),
        FALSE,
        TRUE,
      );
    case 'or':
      return fold(
        condition.terms.map((term) => compileCondition(term, slots)),
        TRUE,
        FALSE,
      );
  }
}

const negate = (truth: Truth): Truth => (truth === UNKNOWN ? UNKNOWN : truth === TRUE ? FALSE : TRUE);

/** `and` is decided by one false, `or` by one true; else unknown when one is unknown. */
function fold(terms: readonly Predicate[], decisive: Truth, otherwise: Truth): Predicate {
  return (reader) => {
    let result = otherwise;
    for (const term of terms) {
      const truth = term(reader);
      if (truth === decisive) return decisive;
      if (truth === UNKNOWN) result = UNKNOWN;
    }
    return result;
  };
}

/** A value as an exact fraction of integers where it can be one, with what is known of it. */
export interface Value {
  /** Scaled by 1000 in canonical units, times denominator. */
  numerator: number;
  denominator: number;
  /** `exact`; or only a bound, because the window is covered too little; or nothing. */
  known: 'exact' | 'at-least' | 'at-most' | 'nothing';
}

const NOTHING: Value = { numerator: 0, denominator: 1, known: 'nothing' };

/** Evaluates an expression; arithmetic on anything but exact values is unknown. */
export function evaluateExpression(expression: Expression, reader: Reader): Value {
  switch (expression.kind) {
    case 'number':
      return {
        numerator: expression.canonical.numerator * 1000,
        denominator: expression.canonical.denominator,
        known: 'exact',
      };
    case 'aggregate':
      return readAggregate(
        expression,
        slidingSpanMs(expression),
        reader.window(expression.quantity, slidingSpanMs(expression)),
        reader.coverage,
        newValue(),
      );
    case 'arithmetic':
      return arithmetic(
        expression.operator,
        evaluateExpression(expression.left, reader),
        evaluateExpression(expression.right, reader),
      );
  }
}

const newValue = (): Value => ({ numerator: 0, denominator: 1, known: 'nothing' });

function set(into: Value, known: Value['known'], numerator: number, denominator = 1): Value {
  into.numerator = numerator;
  into.denominator = denominator;
  into.known = known;
  return into;
}

/** Reads an aggregate off its window into a value, which is returned. */
function readAggregate(
  expression: Aggregate,
  spanMs: number,
  window: WindowStatistics,
  coverage: number,
  into: Value,
): Value {
  const isCovered = window.coveredMs >= coverage * spanMs - 0.5;
  const { count } = window;
  switch (expression.name) {
    case 'count':
      return count > 0 ? set(into, 'exact', count * 1000) : set(into, 'nothing', 0);
    case 'last':
      return count > 0 ? set(into, 'exact', window.last) : set(into, 'nothing', 0);
    case 'delta':
      return count > 1 ? set(into, 'exact', window.last - window.first) : set(into, 'nothing', 0);
    case 'avg':
      return count > 0 && isCovered ? set(into, 'exact', window.sum, count) : set(into, 'nothing', 0);
    case 'sum':
      if (quantities.get(expression.quantity)?.nonNegative)
        return set(into, isCovered ? 'exact' : 'at-least', window.sum);
      return count > 0 && isCovered ? set(into, 'exact', window.sum) : set(into, 'nothing', 0);
    case 'max':
      return count > 0 ? set(into, isCovered ? 'exact' : 'at-least', window.max) : set(into, 'nothing', 0);
    case 'min':
      return count > 0 ? set(into, isCovered ? 'exact' : 'at-most', window.min) : set(into, 'nothing', 0);
    default:
      invariant(false, `aggregate ${expression.name} reached the fold unchecked`);
  }
}

function slidingSpanMs(expression: Aggregate): number {
  invariant(
    expression.window.kind === 'sliding',
    `window ${expression.window.kind} reached the fold unchecked`,
  );
  return expression.window.spanMs;
}

function arithmetic(operator: '+' | '-' | '*' | '/', left: Value, right: Value): Value {
  if (left.known !== 'exact' || right.known !== 'exact') return NOTHING;
  const a = left.numerator / left.denominator;
  const b = right.numerator / right.denominator;
  if (operator === '/')
    return b === 0 ? NOTHING : { numerator: (a / b) * 1000, denominator: 1, known: 'exact' };
  const result = operator === '+' ? a + b : operator === '-' ? a - b : (a * b) / 1000;
  return { numerator: result, denominator: 1, known: 'exact' };
}

function compileComparison(
  operator: ComparisonOperator,
  left: Expression,
  right: Expression,
  slots: WindowSlots | undefined,
): Predicate {
  if (left.kind === 'aggregate' && right.kind === 'number')
    return compileThreshold(operator, left, right, slots);
  return (reader) => compare(operator, evaluateExpression(left, reader), evaluateExpression(right, reader));
}

/** An aggregate against a number, the usual case: nothing is allocated, for it runs for every rule and reading. */
function compileThreshold(
  operator: ComparisonOperator,
  left: Aggregate,
  right: NumberLiteral,
  slots: WindowSlots | undefined,
): Predicate {
  if (left.window.kind !== 'sliding')
    return (reader) => compare(operator, evaluateExpression(left, reader), evaluateExpression(right, reader));
  const { quantity } = left;
  const { spanMs } = left.window;
  const slot = slots?.slotOf(quantity, spanMs) ?? -1;
  const value = newValue();
  const threshold = set(newValue(), 'exact', right.canonical.numerator * 1000, right.canonical.denominator);
  return (reader) => {
    const window = reader.windows?.[slot] ?? reader.window(quantity, spanMs);
    return compare(operator, readAggregate(left, spanMs, window, reader.coverage, value), threshold);
  };
}

/** Compares fractions by cross multiplication: integers below 2^53 stay exact, so 40 km/h is 100/9 m/s to the letter. */
function compare(operator: ComparisonOperator, left: Value, right: Value): Truth {
  if (left.known === 'nothing' || right.known !== 'exact') return UNKNOWN;
  const difference = left.numerator * right.denominator - right.numerator * left.denominator;
  const truth = decide(operator, difference);
  if (left.known === 'exact') return truth;
  // A bound decides only what more readings could not undo.
  const growing = operator === '>' || operator === '>=';
  const shrinking = operator === '<' || operator === '<=';
  if (left.known === 'at-least')
    return (growing && truth === TRUE) || (shrinking && truth === FALSE) ? truth : UNKNOWN;
  return (shrinking && truth === TRUE) || (growing && truth === FALSE) ? truth : UNKNOWN;
}

function decide(operator: ComparisonOperator, difference: number): Truth {
  switch (operator) {
    case '>':
      return difference > 0 ? TRUE : FALSE;
    case '>=':
      return difference >= 0 ? TRUE : FALSE;
    case '<':
      return difference < 0 ? TRUE : FALSE;
    case '<=':
      return difference <= 0 ? TRUE : FALSE;
    case '=':
      return difference === 0 ? TRUE : FALSE;
    case '!=':
      return difference !== 0 ? TRUE : FALSE;
  }
}
