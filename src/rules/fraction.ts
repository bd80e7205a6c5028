import type { NumberLiteral } from '../model/rule.ts';
import { ruleUnit } from './rule-unit.ts';

/** Numerator over denominator, both safe integers, reduced, the denominator above zero. */
export interface Fraction {
  readonly numerator: number;
  readonly denominator: number;
}

interface BigFraction {
  readonly n: bigint;
  readonly d: bigint;
}

function decimal(value: number): BigFraction {
  const [mantissa = '0', exponent = '0'] = String(value).split('e');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  const scale = fraction.length - Number(exponent);
  const digits = BigInt(whole + fraction);
  return scale >= 0 ? { n: digits, d: 10n ** BigInt(scale) } : { n: digits * 10n ** BigInt(-scale), d: 1n };
}

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x === 0n ? 1n : x;
}

/**
 * A threshold in its canonical unit as an exact fraction (40 km/h = 100/9 m/s), the decimal text of `value` being exact.
 * `difference` leaves the offset of temperature scales out (a rise of 9 °F = 5 °C). Undefined when the
 * unit is unknown or the fraction does not fit into safe integers.
 */
export function canonicalFraction(
  value: number,
  unitName: string | null,
  difference = false,
): Fraction | undefined {
  const unit = unitName === null ? { numerator: 1, denominator: 1, offset: 0 } : ruleUnit(unitName);
  if (unit === undefined || !Number.isFinite(value)) return undefined;
  const v = decimal(value);
  const o = decimal(difference ? 0 : unit.offset);
  const n = (v.n * o.d + o.n * v.d) * BigInt(unit.numerator);
  const d = v.d * o.d * BigInt(unit.denominator);
  const common = gcd(n, d);
  const [numerator, denominator] = [Number(n / common), Number(d / common)];
  if (!Number.isSafeInteger(numerator) || !Number.isSafeInteger(denominator)) return undefined;
  return { numerator, denominator };
}

/**
 * A value of the canonical unit in the unit of the threshold beside it, as evidence shows it. Whether the two are
 * points of a scale or differences (beside which 9 °F is 5 °C) is read off the checked literal.
 */
export function inLiteralUnit(canonicalValue: number, literal: NumberLiteral): number {
  const unit = literal.unit === null ? undefined : ruleUnit(literal.unit);
  if (unit === undefined) return canonicalValue;
  const scaled = (canonicalValue * unit.denominator) / unit.numerator;
  if (unit.offset === 0) return scaled;
  const step = canonicalFraction(literal.value, literal.unit, true);
  const { numerator, denominator } = literal.canonical;
  const isDifference = step?.numerator === numerator && step.denominator === denominator;
  return isDifference ? scaled : scaled - unit.offset;
}
