import { invariant } from '../lib/errors.ts';
import { quantities } from '../model/quantity.ts';
import type { Expression } from '../model/rule.ts';
import { HOUR_MS } from '../model/time.ts';
import { type Fraction, lowest, set, setFraction, type Value } from './value.ts';
import type { Reading, WindowStatistics } from './window.ts';

export type Aggregate = Expression & { readonly kind: 'aggregate' };

/** Span of a window whose statistics carry no extent of their own: a sliding one. */
export const slidingSpanMs = ({ window }: Aggregate): number =>
  window.kind === 'sliding' ? window.spanMs : 0;

/** At least the rule's share of the window is covered by readings that count. */
export const isCovered = (window: WindowStatistics, spanMs: number, coverage: number): boolean =>
  window.coveredMs >= coverage * (window.extent?.neededMs ?? spanMs) - 0.5;

/**
 * Reads an aggregate off its window into a value, which is returned. Below coverage `sum` of what cannot be negative,
 * `max` and `rise` are at least, `min` at most what was seen; `count`, `last` and `delta` need readings alone; all
 * others are unknown. Rates and trends are per hour; the rate of an amount (rain) is its intensity, bounded as its sum.
 */
export function readAggregate(
  expression: Aggregate,
  spanMs: number,
  window: WindowStatistics,
  coverage: number,
  into: Value,
): Value {
  const covered = isCovered(window, spanMs, coverage);
  const { count } = window;
  switch (expression.name) {
    case 'count':
      return count > 0 ? set(into, 'exact', count * 1000) : set(into, 'nothing', 0);
    case 'last':
      return count > 0 ? set(into, 'exact', window.last) : set(into, 'nothing', 0);
    case 'delta':
      return count > 1 ? set(into, 'exact', window.last - window.first) : set(into, 'nothing', 0);
    case 'avg':
      return count > 0 && covered ? set(into, 'exact', window.sum, count) : set(into, 'nothing', 0);
    case 'sum':
      if (quantities.get(expression.quantity)?.nonNegative)
        return set(into, covered && count > 0 ? 'exact' : 'at-least', window.sum);
      return count > 0 && covered ? set(into, 'exact', window.sum) : set(into, 'nothing', 0);
    case 'rate':
      if (addsUp(expression.quantity)) return intensity(expression, spanMs, window, covered, into);
      return covered ? readEach(expression, window.readings?.() ?? [], into) : set(into, 'nothing', 0);
    case 'max':
      return count > 0 ? set(into, covered ? 'exact' : 'at-least', window.max) : set(into, 'nothing', 0);
    case 'min':
      return count > 0 ? set(into, covered ? 'exact' : 'at-most', window.min) : set(into, 'nothing', 0);
    // The least reading is before the last one or is it: what is missing could only have been lower.
    case 'rise':
      return count > 0
        ? set(into, covered ? 'exact' : 'at-least', window.last - window.min)
        : set(into, 'nothing', 0);
    default:
      return covered ? readEach(expression, window.readings?.() ?? [], into) : set(into, 'nothing', 0);
  }
}

/** Amounts over an interval, of which a longer interval has more: rain and radiation, not gusts. */
const addsUp = (quantity: string): boolean => {
  const known = quantities.get(quantity);
  return known?.kind === 'interval' && known.range.perHour === true;
};

/**
 * The rate of an amount: what fell, over the time that readings cover, per hour. Below coverage what was seen, spread
 * over the whole window, is a lower bound; a window by count has no span of its own, and then nothing is known.
 */
function intensity(
  { quantity, window: kind }: Aggregate,
  spanMs: number,
  window: WindowStatistics,
  isCovered: boolean,
  into: Value,
): Value {
  const { count, sum, extent } = window;
  const isCounted = kind.kind === 'count';
  const wholeMs = isCounted ? (extent ? extent.to - extent.from : 0) : (extent?.neededMs ?? spanMs);
  const perHour = (overMs: number): Fraction => ({ n: BigInt(sum) * BigInt(HOUR_MS), d: BigInt(overMs) });
  if (isCovered && count > 0) {
    const overMs = isCounted ? wholeMs : window.coveredMs;
    return overMs > 0 ? setFraction(into, 'exact', perHour(overMs)) : set(into, 'nothing', 0);
  }
  if (isCounted || wholeMs <= 0 || !quantities.get(quantity)?.nonNegative) return set(into, 'nothing', 0);
  return setFraction(into, 'at-least', perHour(wholeMs));
}

/** The aggregates that need every reading. */
function readEach(expression: Aggregate, readings: readonly Reading[], into: Value): Value {
  const { name } = expression;
  if (name === 'median' || name === 'percentile') {
    const percent = name === 'median' ? 50 : (expression.percent ?? Number.NaN);
    return known(into, percentile(readings, percent));
  }
  if (name === 'rate') return known(into, rate(readings));
  if (name === 'trend') return known(into, trend(readings));
  invariant(name === 'stddev', `aggregate ${name} is read from its statistics`);
  return deviation(readings, into);
}

const known = (into: Value, fraction: Fraction | null): Value =>
  fraction ? setFraction(into, 'exact', fraction) : set(into, 'nothing', 0);

/**
 * A percentile with linear interpolation between the two readings around it: type 7 of R. J. Hyndman and Y. Fan, Sample
 * quantiles in statistical packages, The American Statistician 50 (1996). The median is the 50th.
 */
export function percentile(readings: readonly Reading[], percent: number): Fraction | null {
  if (readings.length === 0 || !(percent >= 0 && percent <= 100)) return null;
  const sorted = Float64Array.from(readings, (reading) => reading.value).sort();
  // Percents have at most six decimals, as every number of the rule language.
  const d = 100_000_000n;
  const position = BigInt(sorted.length - 1) * BigInt(Math.round(percent * 1_000_000));
  const below = Number(position / d);
  const value = BigInt(sorted[below] as number);
  const above = BigInt(sorted[below + 1] ?? (sorted[below] as number));
  return { n: value * d + (position % d) * (above - value), d };
}

/** (last - first) / time between them, per hour; null for less than two readings. */
export function rate(readings: readonly Reading[]): Fraction | null {
  const first = readings[0];
  const last = readings.at(-1);
  if (!first || !last || last.at <= first.at) return null;
  return { n: BigInt(last.value - first.value) * BigInt(HOUR_MS), d: BigInt(last.at - first.at) };
}

/** Slope of the least-squares line through (`observedAt`, value), per hour; null for less than two readings. */
export function trend(readings: readonly Reading[]): Fraction | null {
  const origin = readings[0]?.at ?? 0;
  let [t, x, tt, tx] = [0n, 0n, 0n, 0n];
  for (const reading of readings) {
    const at = BigInt(reading.at - origin);
    const value = BigInt(reading.value);
    t += at;
    x += value;
    tt += at * at;
    tx += at * value;
  }
  const n = BigInt(readings.length);
  const d = n * tt - t * t;
  return d > 0n ? { n: (n * tx - t * x) * BigInt(HOUR_MS), d } : null;
}

/**
 * Sample standard deviation (n - 1): of a network's few readings of a climate, not of all there ever are. Exact where it
 * is a fraction, else the nearest double of the root of the exact variance. Unknown for less than two readings.
 */
function deviation(readings: readonly Reading[], into: Value): Value {
  const count = BigInt(readings.length);
  if (count < 2n) return set(into, 'nothing', 0);
  let [x, xx] = [0n, 0n];
  for (const { value } of readings) {
    x += BigInt(value);
    xx += BigInt(value) * BigInt(value);
  }
  const variance = lowest({ n: count * xx - x * x, d: count * (count - 1n) });
  const root = Math.sqrt(Number(variance.n));
  const divisor = Math.sqrt(Number(variance.d));
  const isSquare = (of: bigint, by: number): boolean =>
    Number.isSafeInteger(by) && BigInt(by) * BigInt(by) === of;
  return isSquare(variance.n, root) && isSquare(variance.d, divisor)
    ? set(into, 'exact', root, divisor)
    : set(into, 'exact', Math.sqrt(Number(variance.n) / Number(variance.d)));
}
