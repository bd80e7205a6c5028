import { invariant } from '../lib/errors.ts';
import { quantities } from '../model/quantity.ts';
import type { ComparisonOperator, Condition, Expression } from '../model/rule.ts';
import type { WindowStatistics } from './window.ts';

/** Kleene's three values: unknown is neither true nor false. */
export const FALSE = 0;
export const TRUE = 1;
export const UNKNOWN = 2;
export type Truth = typeof FALSE | typeof TRUE | typeof UNKNOWN;

/** What a condition reads: the windows of one station at one instant. */
export interface Reader {
  window(quantity: string, spanMs: number): WindowStatistics;
  silent(quantity: string | null, spanMs: number): boolean;
  /** Share of a window, 0..1, that must be covered. */
  readonly coverage: number;
}

export type Predicate = (reader: Reader) => Truth;

/** Compiles a checked condition to a function of the station's windows. */
export function compileCondition(condition: Condition): Predicate {
  switch (condition.kind) {
    case 'comparison':
      return compileComparison(condition.operator, condition.left, condition.right);
    case 'silent':
      return (reader) => (reader.silent(condition.quantity, condition.spanMs) ? TRUE : FALSE);
    case 'not': {
      const term = compileCondition(condition.term);
      return (reader) => negate(term(reader));
    }
    case 'and':
      return fold(condition.terms.map(compileCondition), FALSE, TRUE);
    case 'or':
      return fold(condition.terms.map(compileCondition), TRUE, FALSE);
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
      return aggregateValue(expression, reader);
    case 'arithmetic':
      return arithmetic(expression.operator, evaluateExpression(expression.left, reader), evaluateExpression(expression.right, reader));
  }
}

function aggregateValue(expression: Expression & { kind: 'aggregate' }, reader: Reader): Value {
  invariant(expression.window.kind === 'sliding', `window ${expression.window.kind} reached the fold unchecked`);
  const spanMs = expression.window.spanMs;
  const window = reader.window(expression.quantity, spanMs);
  const isCovered = window.coveredMs >= reader.coverage * spanMs - 0.5;
  const exactly = (numerator: number, denominator = 1): Value => ({ numerator, denominator, known: 'exact' });
  const bounded = (numerator: number, bound: 'at-least' | 'at-most'): Value => ({ numerator, denominator: 1, known: isCovered ? 'exact' : bound });
  switch (expression.name) {
    case 'count':
      return window.count > 0 ? exactly(window.count * 1000) : NOTHING;
    case 'last':
      return window.count > 0 ? exactly(window.last) : NOTHING;
    case 'delta':
      return window.count > 1 ? exactly(window.last - window.first) : NOTHING;
    case 'avg':
      return window.count > 0 && isCovered ? exactly(window.sum, window.count) : NOTHING;
    case 'sum':
      if (quantities.get(expression.quantity)?.nonNegative) return bounded(window.sum, 'at-least');
      return window.count > 0 && isCovered ? exactly(window.sum) : NOTHING;
    case 'max':
      return window.count > 0 ? bounded(window.max, 'at-least') : NOTHING;
    case 'min':
      return window.count > 0 ? bounded(window.min, 'at-most') : NOTHING;
    default:
      invariant(false, `aggregate ${expression.name} reached the fold unchecked`);
  }
}

function arithmetic(operator: '+' | '-' | '*' | '/', left: Value, right: Value): Value {
  if (left.known !== 'exact' || right.known !== 'exact') return NOTHING;
  const a = left.numerator / left.denominator;
  const b = right.numerator / right.denominator;
  if (operator === '/') return b === 0 ? NOTHING : { numerator: (a / b) * 1000, denominator: 1, known: 'exact' };
  const result = operator === '+' ? a + b : operator === '-' ? a - b : (a * b) / 1000;
  return { numerator: result, denominator: 1, known: 'exact' };
}

function compileComparison(operator: ComparisonOperator, left: Expression, right: Expression): Predicate {
  return (reader) => compare(operator, evaluateExpression(left, reader), evaluateExpression(right, reader));
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
  if (left.known === 'at-least') return (growing && truth === TRUE) || (shrinking && truth === FALSE) ? truth : UNKNOWN;
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
