import type {
  AggregateName,
  ComparisonOperator,
  Condition,
  Expression,
  NumberLiteral,
  Window,
} from '../model/rule.ts';
import { seriesName } from './accepted-series.ts';
import { type Aggregate, readAggregate, slidingSpanMs } from './aggregate.ts';
import type { ForecastWindow } from './forecasts.ts';
import type { ForecastInput, RuleInput } from './rule-input.ts';
import {
  arithmetic,
  compare,
  FALSE,
  fractionOf,
  newValue,
  set,
  setFraction,
  TRUE,
  type Truth,
  UNKNOWN,
  type Value,
} from './value.ts';
import type { WindowStatistics } from './window.ts';
import type { WindowSlots } from './window-slots.ts';

export { FALSE, TRUE, type Truth, UNKNOWN, type Value } from './value.ts';

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

/** How many of an area's stations hold a condition. */
export interface StationCount {
  readonly holding: number;
  /** Of how many it is unknown. */
  readonly unknown: number;
  /** All that are not silent; 0: nothing is known. */
  readonly total: number;
  /** Ids of those that hold it, for the evidence. */
  readonly stations?: readonly string[];
}

/** What a condition reads: the windows of one subject at one instant. What a reader does not offer is unknown. */
export interface Reader {
  /** The instant, where the reader has one. */
  readonly at?: number;
  window(quantity: string, window: Window): WindowStatistics;
  silent(quantity: string | null, spanMs: number): boolean;
  /** Share of a window, 0..1, that must be covered. */
  readonly coverage: number;
  /** What the rule reads, where the reader can look back: see `earlier`. */
  inputs?: readonly RuleInput[];
  /** The windows by their slots in the rule set, where all of them stand at this instant. */
  readonly windows?: readonly WindowStatistics[];
  /** Readers of the same subject at the rule's evaluation instants in [instant - within, instant), newest first. */
  earlier?(withinMs: number): Iterable<Reader | typeof TOO_MANY>;
  /** Area rules: the stations that are not silent, each judged by the condition. */
  stationsWhere?(condition: Predicate, ruleCoverage: number): StationCount;
  /** 1..366, counted as in a leap year, in the subject's zone. */
  readonly dayOfYear?: number;
  climatology?(quantity: string, percent: number, dayOfYear: number): Value;
  /** What the newest forecast known says of the span ahead. */
  forecast?(input: ForecastInput): ForecastWindow;
  /** Forecasts are taken as unknown: what is true then is so by what was observed. */
  hasNoForecasts?: boolean;
  /** Return period, years, of the value of an aggregate. */
  returnPeriod?(aggregate: AggregateName, quantity: string, window: Window, value: Value): Value;
}

/** Stands for instants that were not looked at: there were more than a sequence may look back on. */
export const TOO_MANY = 'too-many';

export type Predicate = (reader: Reader) => Truth;
type Evaluate = (reader: Reader) => Value;

/** Compiles a checked condition to a function of a reader; with `slots`, it finds sliding windows by number. */
export function compileCondition(condition: Condition, slots?: WindowSlots): Predicate {
  switch (condition.kind) {
    case 'comparison':
      return compileComparison(condition.operator, condition.left, condition.right, slots);
    case 'silent':
      return (reader) => (reader.silent(condition.quantity, condition.spanMs) ? TRUE : FALSE);
    case 'sequence':
      return compileSequence(condition, slots);
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

/** `then` now, and `first` at an evaluation before: computed from the series, so that no order of arrival changes it. */
function compileSequence(condition: Condition & { kind: 'sequence' }, slots?: WindowSlots): Predicate {
  const first = compileCondition(condition.first, slots);
  const then = compileCondition(condition.then, slots);
  return (reader) => {
    const now = then(reader);
    // Most of the time the second part does not hold: nobody looks back.
    if (now === FALSE) return FALSE;
    const { truth: before } = lastTrue(first, reader, condition.withinMs);
    return before === FALSE ? FALSE : now === TRUE ? before : UNKNOWN;
  };
}

/** Whether a condition was true at an evaluation within a span before the reader's instant, and the newest such one. */
export function lastTrue(
  first: Predicate,
  reader: Reader,
  withinMs: number,
): { truth: Truth; reader?: Reader } {
  if (!reader.earlier) return { truth: UNKNOWN };
  let truth: Truth = FALSE;
  for (const before of reader.earlier(withinMs)) {
    const one = before === TOO_MANY ? UNKNOWN : first(before);
    if (one === TRUE) return { truth: TRUE, reader: before as Reader };
    if (one === UNKNOWN) truth = UNKNOWN;
  }
  return { truth };
}

/** Evaluates an expression. Bounds go through sums and differences; what else rests on a bound is unknown. */
export const evaluateExpression = (expression: Expression, reader: Reader): Value =>
  compileExpression(expression)(reader);

function compileExpression(expression: Expression, slots?: WindowSlots): Evaluate {
  switch (expression.kind) {
    case 'number':
      return () => literal(expression);
    case 'aggregate': {
      const find = windowFinder(expression, slots);
      const spanMs = slidingSpanMs(expression);
      return (reader) => readAggregate(expression, spanMs, find(reader), reader.coverage, newValue());
    }
    case 'arithmetic': {
      const left = compileExpression(expression.left, slots);
      const right = compileExpression(expression.right, slots);
      return (reader) => arithmetic(expression.operator, left(reader), right(reader));
    }
    case 'stations': {
      const where = compileCondition(expression.where, slots);
      return (reader) => stationsValue(expression.measure, reader.stationsWhere?.(where, reader.coverage));
    }
    case 'forecast': {
      const { name, quantity, spanMs, text } = expression;
      const as: Aggregate = { kind: 'aggregate', name, quantity, window: { kind: 'sliding', spanMs }, text };
      return (reader) => {
        const found = reader.hasNoForecasts ? undefined : reader.forecast?.(expression);
        return found ? readAggregate(as, spanMs, found.statistics, reader.coverage, newValue()) : newValue();
      };
    }
    case 'climatology':
      return (reader) =>
        reader.dayOfYear === undefined
          ? newValue()
          : (reader.climatology?.(expression.quantity, expression.percent, reader.dayOfYear) ?? newValue());
    case 'return-period': {
      const { of } = expression;
      if (of.kind !== 'aggregate') return newValue;
      const value = compileExpression(of, slots);
      return (reader) => reader.returnPeriod?.(of.name, of.quantity, of.window, value(reader)) ?? newValue();
    }
  }
}

function literal({ canonical }: NumberLiteral): Value {
  const { n, d } = fractionOf(canonical.numerator);
  return setFraction(newValue(), 'exact', { n: n * 1000n, d: d * BigInt(canonical.denominator) });
}

function windowFinder(aggregate: Aggregate, slots?: WindowSlots): (reader: Reader) => WindowStatistics {
  const { window } = aggregate;
  const quantity = seriesName(aggregate);
  if (window.kind !== 'sliding') return (reader) => reader.window(quantity, window);
  const slot = slots?.slotOf(quantity, window.spanMs) ?? -1;
  return (reader) => reader.windows?.[slot] ?? reader.window(quantity, window);
}

/** A station of which nothing is known may hold the condition or not: that bounds how many do. */
function stationsValue(measure: 'count' | 'share', found: StationCount | undefined): Value {
  if (!found || found.total === 0) return newValue();
  const { holding, unknown, total } = found;
  const unit = measure === 'share' ? 100_000 : 1000;
  const value = set(
    newValue(),
    unknown > 0 ? 'between' : 'exact',
    holding * unit,
    measure === 'share' ? total : 1,
  );
  value.upper = (holding + unknown) * unit;
  return value;
}

function compileComparison(
  operator: ComparisonOperator,
  left: Expression,
  right: Expression,
  slots: WindowSlots | undefined,
): Predicate {
  if (left.kind === 'aggregate' && right.kind === 'number')
    return compileThreshold(operator, left, right, slots);
  const a = compileExpression(left, slots);
  const b = compileExpression(right, slots);
  return (reader) => compare(operator, a(reader), b(reader));
}

/** An aggregate against a number, the usual case: nothing is allocated, for it runs for every rule and reading. */
function compileThreshold(
  operator: ComparisonOperator,
  left: Aggregate,
  right: NumberLiteral,
  slots: WindowSlots | undefined,
): Predicate {
  const { window } = left;
  const quantity = seriesName(left);
  const value = newValue();
  const threshold = literal(right);
  const spanMs = slidingSpanMs(left);
  if (window.kind !== 'sliding')
    return (reader) =>
      compare(
        operator,
        readAggregate(left, spanMs, reader.window(quantity, window), reader.coverage, value),
        threshold,
      );
  const slot = slots?.slotOf(quantity, spanMs) ?? -1;
  return (reader) => {
    const found = reader.windows?.[slot] ?? reader.window(quantity, window);
    return compare(operator, readAggregate(left, spanMs, found, reader.coverage, value), threshold);
  };
}
