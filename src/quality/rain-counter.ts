import { greatestRain } from './limits.ts';

/** A reading of an ever-growing rain counter; `total` in thousandths of a millimetre, a whole number. */
export interface CounterReading {
  readonly at: number;
  readonly total: number;
}

/** Rain over (at - intervalMs, at], thousandths of a millimetre. */
export interface Increment {
  readonly at: number;
  readonly intervalMs: number;
  readonly amount: number;
  /** `reset`: the counter began anew and `amount` is what it counted since, a lower bound; `roll-over`: it went past its end. */
  readonly kind: 'growth' | 'reset' | 'roll-over';
}

export interface CounterOptions {
  /** The counter begins at 0 again after reaching this (thousandths of a millimetre); absent: it has no known end. */
  readonly modulus?: number;
  /** Rain of one tip; a counter that reads lower by no more is rounded, not reset. Default 0.3 mm: most buckets tip at 0.1 to 0.254. */
  readonly resolution?: number;
}

const DEFAULT_RESOLUTION = 300;
/** A reading that falls, and whose successor is back within this share of what the fall would make it, was a slip. */
const SLIP_SHARE = 0.05;

/**
 * Increments of a counter that grows until it is reset: the difference of neighbours in time, whatever order they come in
 * (of several readings of one instant the greatest counts). Over a gap the increment covers the whole span since the reading
 * before, so that nothing that fell is lost and nothing is dated finer than it is known. A lower reading is a roll-over
 * where that makes sense, else a reset; one alone that the next contradicts is left out, for the return from it would read
 * as a flood. A growth beyond the greatest rain ever measured over its span is no rain: the counter was set, and begins
 * anew there.
 */
export function rainIncrements(
  readings: readonly CounterReading[],
  options: CounterOptions = {},
): Increment[] {
  const resolution = options.resolution ?? DEFAULT_RESOLUTION;
  const sorted = withoutSlips(inOrder(readings), resolution, options.modulus);
  const increments: Increment[] = [];
  let level: number | undefined;
  let before = Number.NaN;
  for (const { at, total } of sorted) {
    if (level !== undefined) {
      const found = increment(level, total, at - before, resolution, options.modulus);
      if (found) increments.push({ at, intervalMs: at - before, ...found });
      // A reading lower by rounding leaves the level, or the way back would count as rain.
      if (found?.kind === 'growth' && total < level) {
        before = at;
        continue;
      }
    }
    level = total;
    before = at;
  }
  return increments;
}

function inOrder(readings: readonly CounterReading[]): CounterReading[] {
  const byInstant = new Map<number, number>();
  for (const { at, total } of readings) byInstant.set(at, Math.max(total, byInstant.get(at) ?? total));
  return [...byInstant].map(([at, total]) => ({ at, total })).sort((a, b) => a.at - b.at);
}

function withoutSlips(
  sorted: readonly CounterReading[],
  resolution: number,
  modulus: number | undefined,
): CounterReading[] {
  return sorted.filter((now, i) => {
    const [before, after] = [sorted[i - 1], sorted[i + 1]];
    if (!before || !after) return true;
    const fell = before.total - now.total > resolution && after.total >= before.total;
    if (!fell || isRollOver(before.total, now.total, now.at - before.at, modulus)) return true;
    return after.total - before.total > SLIP_SHARE * (after.total - now.total);
  });
}

const isRollOver = (level: number, total: number, spanMs: number, modulus: number | undefined): boolean =>
  modulus !== undefined &&
  level < modulus &&
  total < level &&
  modulus - level + total <= Math.min(modulus / 4, greatestRain(spanMs) * 1000);

function increment(
  level: number,
  total: number,
  spanMs: number,
  resolution: number,
  modulus: number | undefined,
): Pick<Increment, 'amount' | 'kind'> | undefined {
  const most = greatestRain(spanMs) * 1000;
  if (total >= level) return total - level <= most ? { amount: total - level, kind: 'growth' } : undefined;
  if (level - total <= resolution && total > 0) return { amount: 0, kind: 'growth' };
  if (modulus !== undefined && isRollOver(level, total, spanMs, modulus))
    return { amount: modulus - level + total, kind: 'roll-over' };
  return total <= most ? { amount: total, kind: 'reset' } : undefined;
}
