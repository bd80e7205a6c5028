import { type Quantity, quantities } from '../model/quantity.ts';
import { HOUR_MS } from '../model/time.ts';
import { type Unit, unitFor } from '../model/unit.ts';
import { checkReading } from './gate.ts';

/** Digits after the point that a plan knows; more of them go to the gate. */
export const MAX_PLANNED_DIGITS = 6;
/** No physical range reaches so far, and beyond it the gate rounds otherwise. */
const MAX_MANTISSA = 1e9;
/** Mantissas up to this one times a factor of at most a thousand stay within 31 bits. */
export const MAX_FACTORED = 2_000_000;
const MAX_FACTOR = 1000;

/**
 * How readings of one quantity in one unit become scaled integers without leaving whole numbers below 2^53. For a
 * mantissa m with d digits after the point: (m × multiply[d] + add[d]) / divide[d], rounded half away from zero.
 */
export interface ReadingPlan {
  readonly quantity: string;
  readonly unit: string | undefined;
  readonly multiply: Float64Array;
  readonly add: Float64Array;
  readonly divide: Float64Array;
  /** Largest mantissa whose arithmetic is exact, per count of digits; -1 when none is. */
  readonly limit: Float64Array;
  /** `multiply` where nothing is added and nothing divided, 0 elsewhere. */
  readonly factor: Int32Array;
  /** Physical range, scaled. */
  readonly min: number;
  /** With `isPerHour` see {@link maxOver} too; this one then only keeps values within 31 bits. */
  readonly max: number;
  /** The maximum in the canonical unit, and scaled integers in one of it. */
  readonly rangeMax: number;
  readonly scale: number;
  readonly isPerHour: boolean;
  /** The reading needs an interval above zero. */
  readonly isInterval: boolean;
}

/** The plan of a quantity and unit as written; undefined when the gate knows one of them not, or not together. */
export function planReading(quantityName: string, unitName: string | undefined): ReadingPlan | undefined {
  const quantity = quantities.get(quantityName);
  const unit = unitName === undefined || !quantity ? undefined : unitFor(unitName, quantity.unit);
  // The gate alone decides what may be sent and in what unit.
  const probe = checkReading(quantityName, 0, unitName, HOUR_MS);
  if (quantity === undefined || ('code' in probe && probe.code !== 'range')) return undefined;
  const scale = 10 ** quantity.decimals;
  const factor = new Int32Array(MAX_PLANNED_DIGITS + 1);
  const columns = { multiply: column(), add: column(), divide: column(), limit: column() };
  for (let digits = 0; digits <= MAX_PLANNED_DIGITS; digits++) {
    const { multiply, add, divide } = fractionOf(quantity, unit, digits);
    const room = 2n ** 53n - 3n * divide - 2n * magnitude(add);
    columns.multiply[digits] = Number(multiply);
    columns.add[digits] = Number(add);
    columns.divide[digits] = Number(divide);
    if (add === 0n && divide === 1n && multiply <= MAX_FACTOR) factor[digits] = Number(multiply);
    columns.limit[digits] = room < 0n ? -1 : Math.min(MAX_MANTISSA, Number(room / (2n * multiply)) - 1);
  }
  return {
    quantity: quantityName,
    unit: unitName,
    ...columns,
    factor,
    min: quantity.range.min * scale,
    max: quantity.range.perHour ? 0x7fffffff : quantity.range.max * scale,
    rangeMax: quantity.range.max,
    scale,
    isPerHour: quantity.range.perHour === true,
    isInterval: quantity.kind === 'interval',
  };
}

/**
 * The scaled integer of mantissa / 10^digits in the plan's unit. Exact while |mantissa| <= limit[digits]: both
 * operands of the division and their sum are whole and below 2^53, so that no quotient rounds up to the next integer.
 */
export function scaledBy(plan: ReadingPlan, mantissa: number, digits: number): number {
  const dividend = mantissa * (plan.multiply[digits] as number) + (plan.add[digits] as number);
  const divisor = plan.divide[digits] as number;
  if (divisor === 1) return dividend;
  const size = Math.floor((2 * Math.abs(dividend) + divisor) / (2 * divisor));
  return dividend < 0 && size !== 0 ? -size : size;
}

/** Scaled maximum of a range per hour over an interval, by the gate's own arithmetic. */
export const maxOver = (plan: ReadingPlan, intervalMs: number): number =>
  ((plan.rangeMax * intervalMs) / HOUR_MS) * plan.scale;

const column = (): Float64Array => new Float64Array(MAX_PLANNED_DIGITS + 1);
const magnitude = (n: bigint): bigint => (n < 0n ? -n : n);
const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? magnitude(a) : gcd(b, a % b));

/** ((m / 10^digits) + offset) × numerator / denominator × 10^decimals as (m × multiply + add) / divide in lowest terms. */
function fractionOf(quantity: Quantity, unit: Unit | undefined, digits: number) {
  const offset = String(unit?.offset ?? 0);
  const offsetDigits = offset.includes('.') ? offset.length - offset.indexOf('.') - 1 : 0;
  const factor = BigInt(unit?.numerator ?? 1) * 10n ** BigInt(quantity.decimals);
  const multiply = 10n ** BigInt(offsetDigits) * factor;
  const add = BigInt(offset.replace('.', '')) * 10n ** BigInt(digits) * factor;
  const divide = BigInt(unit?.denominator ?? 1) * 10n ** BigInt(digits + offsetDigits);
  const common = gcd(gcd(multiply, add), divide);
  return { multiply: multiply / common, add: add / common, divide: divide / common };
}
