import type { ComparisonOperator } from '../model/rule.ts';

/** Kleene's three values: unknown is neither true nor false. */
export const FALSE = 0;
export const TRUE = 1;
export const UNKNOWN = 2;
export type Truth = typeof FALSE | typeof TRUE | typeof UNKNOWN;

/** An exact fraction; the denominator is above zero. */
export interface Fraction {
  readonly n: bigint;
  readonly d: bigint;
}

/** A value as an exact fraction of integers where it can be one, with what is known of it. */
export interface Value {
  /** Scaled by 1000 in canonical units, times denominator. */
  numerator: number;
  denominator: number;
  /** `exact`; or only bounds, because something is missing; or nothing. */
  known: 'exact' | 'at-least' | 'at-most' | 'between' | 'nothing';
  /** The greatest possible value where `known` is `between`, over the same denominator. */
  upper: number;
  /** The same where its terms are beyond 2^53 and the numbers above are rounded. */
  big?: Fraction | undefined;
}

/** Least and greatest possible value; null: unbounded. */
export interface Bounds {
  readonly low: Fraction | null;
  readonly high: Fraction | null;
}

export const newValue = (): Value => ({
  numerator: 0,
  denominator: 1,
  known: 'nothing',
  upper: 0,
  big: undefined,
});

export function set(into: Value, known: Value['known'], numerator: number, denominator = 1): Value {
  into.numerator = numerator;
  into.denominator = denominator;
  into.known = known;
  into.big = undefined;
  return into;
}

/** Sets a value to a fraction in lowest terms. */
export function setFraction(into: Value, known: Value['known'], fraction: Fraction): Value {
  const { n, d } = lowest(fraction);
  set(into, known, Number(n), Number(d));
  if (!Number.isSafeInteger(into.numerator) || !Number.isSafeInteger(into.denominator)) into.big = { n, d };
  return into;
}

export function lowest({ n, d }: Fraction): Fraction {
  let a = n < 0n ? -n : n;
  let b = d;
  while (b > 0n) [a, b] = [b, a % b];
  return a > 1n ? { n: n / a, d: d / a } : { n, d };
}

/** A double as the fraction that it is. */
export function fractionOf(value: number): Fraction {
  let d = 1n;
  let rest = value;
  while (!Number.isInteger(rest)) {
    rest *= 2;
    d *= 2n;
  }
  return { n: BigInt(rest), d };
}

export function boundsOf(value: Value): Bounds {
  if (value.known === 'nothing') return { low: null, high: null };
  const over = (numerator: number): Fraction => {
    const { n, d } = fractionOf(numerator);
    return { n, d: d * BigInt(value.denominator) };
  };
  const low = value.big ?? over(value.numerator);
  if (value.known === 'between') return { low, high: over(value.upper) };
  return { low: value.known === 'at-most' ? null : low, high: value.known === 'at-least' ? null : low };
}

function valueFrom({ low, high }: Bounds): Value {
  const value = newValue();
  if (low && high) {
    if (low.n * high.d === high.n * low.d) return setFraction(value, 'exact', low);
    // Only counts and shares of stations are known from both sides: their terms stay far below 2^53.
    set(value, 'between', Number(low.n * high.d), Number(low.d * high.d));
    value.upper = Number(high.n * low.d);
    return value;
  }
  if (low) return setFraction(value, 'at-least', low);
  return high ? setFraction(value, 'at-most', high) : value;
}

const plus = (a: Fraction | null, b: Fraction | null): Fraction | null =>
  a && b && { n: a.n * b.d + b.n * a.d, d: a.d * b.d };
const minus = (a: Fraction | null): Fraction | null => a && { n: -a.n, d: a.d };
const exactOf = ({ low, high }: Bounds): Fraction | null =>
  low && high && low.n * high.d === high.n * low.d ? low : null;

function scale({ low, high }: Bounds, by: Fraction): Bounds {
  const times = (a: Fraction | null): Fraction | null => a && { n: a.n * by.n, d: a.d * by.d };
  return by.n < 0n ? { low: times(high), high: times(low) } : { low: times(low), high: times(high) };
}

/** Exact arithmetic on what is known; bounds go through sums and differences, and through products with exact values. */
export function arithmetic(operator: '+' | '-' | '*' | '/', left: Value, right: Value): Value {
  const a = boundsOf(left);
  const b = boundsOf(right);
  if (operator === '+') return valueFrom({ low: plus(a.low, b.low), high: plus(a.high, b.high) });
  if (operator === '-')
    return valueFrom({ low: plus(a.low, minus(b.high)), high: plus(a.high, minus(b.low)) });
  // Values are scaled by 1000: so are their products and quotients.
  const factor = exactOf(b);
  if (operator === '/') {
    if (!factor || factor.n === 0n) return newValue();
    const sign = factor.n < 0n ? -1n : 1n;
    return valueFrom(scale(a, { n: factor.d * 1000n * sign, d: factor.n * sign }));
  }
  if (factor) return valueFrom(scale(a, { n: factor.n, d: factor.d * 1000n }));
  const other = exactOf(a);
  return other ? valueFrom(scale(b, { n: other.n, d: other.d * 1000n })) : newValue();
}

const MOST = Number.MAX_SAFE_INTEGER;

/**
 * Compares fractions by cross multiplication: 40 km/h is 100/9 m/s to the letter. Products beyond 2^53 go through big
 * integers. A bound decides what nothing that is missing could undo.
 */
export function compare(operator: ComparisonOperator, left: Value, right: Value): Truth {
  if (left.known === 'nothing' || right.known === 'nothing') return UNKNOWN;
  if (right.known !== 'exact' || left.big || right.big) return compareBounds(operator, left, right);
  const a = left.numerator * right.denominator;
  const b = right.numerator * left.denominator;
  // Counts and shares of stations stay far below 2^53.
  const top = left.known === 'between' ? left.upper * right.denominator : a;
  if (a > MOST || a < -MOST || b > MOST || b < -MOST) return compareBounds(operator, left, right);
  if (left.known === 'at-least') return decide(operator, a - b, Number.POSITIVE_INFINITY);
  if (left.known === 'at-most') return decide(operator, Number.NEGATIVE_INFINITY, a - b);
  return decide(operator, a - b, top - b);
}

function compareBounds(operator: ComparisonOperator, left: Value, right: Value): Truth {
  const a = boundsOf(left);
  const b = boundsOf(right);
  const low = plus(a.low, minus(b.high));
  const high = plus(a.high, minus(b.low));
  const sign = ({ n }: Fraction): number => (n > 0n ? 1 : n < 0n ? -1 : 0);
  return decide(
    operator,
    low ? sign(low) : Number.NEGATIVE_INFINITY,
    high ? sign(high) : Number.POSITIVE_INFINITY,
  );
}

/** What a difference that lies in [low, high] says. */
function decide(operator: ComparisonOperator, low: number, high: number): Truth {
  switch (operator) {
    case '>':
      return low > 0 ? TRUE : high <= 0 ? FALSE : UNKNOWN;
    case '>=':
      return low >= 0 ? TRUE : high < 0 ? FALSE : UNKNOWN;
    case '<':
      return high < 0 ? TRUE : low >= 0 ? FALSE : UNKNOWN;
    case '<=':
      return high <= 0 ? TRUE : low > 0 ? FALSE : UNKNOWN;
    case '=':
      return low > 0 || high < 0 ? FALSE : low === 0 && high === 0 ? TRUE : UNKNOWN;
    case '!=':
      return low > 0 || high < 0 ? TRUE : low === 0 && high === 0 ? FALSE : UNKNOWN;
  }
}
