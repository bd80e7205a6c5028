import { type Quantity, quantities, toScaled } from '../model/quantity.ts';
import type { RefusalCode } from '../model/report.ts';
import { HOUR_MS } from '../model/time.ts';
import { type Unit, unitFor, units } from '../model/unit.ts';
import { nearestName } from './nearest.ts';

export interface ReadingAccepted {
  readonly value: number;
}
export interface ReadingRefused {
  readonly code: RefusalCode;
  readonly message: string;
}

/**
 * The one gate for every number: finite, a unit of the quantity's dimension, inside the physical range.
 *
 * @param unit as written; undefined means the quantity's canonical unit
 * @param intervalMs the span measured; ranges per hour are scaled by it
 * @returns the scaled integer (canonical unit times 10^decimals, rounded half away from zero once), or why not
 */
export function checkReading(
  quantityName: string,
  value: unknown,
  unit: string | undefined,
  intervalMs: number,
): ReadingAccepted | ReadingRefused {
  const quantity = quantities.get(quantityName);
  if (quantity === undefined) return refuse('unknown-quantity', unknownQuantity(quantityName));
  if (quantity.derived === 'always') return refuse('unknown-quantity', computedHere(quantityName));
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    return refuse(
      'not-finite',
      `The value of ${quantityName} must be a finite JSON number, not ${shown(value)}.`,
    );
  }
  if (quantity.kind === 'interval' && !(intervalMs > 0)) {
    return refuse('interval', `${quantityName} is measured over a span: give an interval above zero.`);
  }
  const known = unit === undefined ? undefined : unitFor(unit, quantity.unit);
  if (unit !== undefined && known === undefined) {
    return refuse('unit', `${quantityName} cannot be given in ${shown(unit)}; use ${unitsOf(quantity)}.`);
  }
  const scaled = known === undefined ? scaledPlain(value, quantity) : scaledExact(value, known, quantity);
  const scale = 10 ** quantity.decimals;
  const max =
    (quantity.range.perHour ? (quantity.range.max * intervalMs) / HOUR_MS : quantity.range.max) * scale;
  if (scaled >= quantity.range.min * scale && scaled <= max) return { value: scaled };
  const per = quantity.range.perHour ? ` in ${intervalMs / HOUR_MS} h` : '';
  const range = `${quantity.range.min} to ${max / scale} ${quantity.unit}${per}`;
  return refuse('range', `${quantityName} ${value}${unit ? ` ${unit}` : ''} is outside ${range}.`);
}

const refuse = (code: RefusalCode, message: string): ReadingRefused => ({ code, message });

const computedHere = (name: string): string =>
  `${name} is computed here, so that it means the same at every station; send what it is computed from instead (airTemperature, relativeHumidity, windSpeed, rainfall …).`;

const unitsOf = (quantity: Quantity): string =>
  [...units.values()]
    .filter(({ name }) => unitFor(name, quantity.unit) !== undefined)
    .map((entry) => entry.name)
    .join(', ');

/** The message for a name that is in no table, with the nearest one that is. */
export function unknownQuantity(name: string): string {
  const near = nearestName(name, quantities.keys());
  return `${shown(name)} is no known quantity${near === undefined ? '' : `; did you mean ${near}?`}${near === undefined ? '.' : ''}`;
}

/** A value for a message, cut to 40 characters. */
export function shown(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  const text =
    value === undefined
      ? 'nothing'
      : Array.isArray(value)
        ? 'an array'
        : typeof value === 'object' && value !== null
          ? 'an object'
          : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

/** The product decides unless it lies near a tie, where the decimal text must. */
function scaledPlain(value: number, quantity: Quantity): number {
  const product = value * 10 ** quantity.decimals;
  if (Math.abs(value) >= 1e9) return product;
  const nearest = Math.round(product);
  if (Math.abs(product - nearest) > 0.49) return toScaled(value, quantity.decimals);
  return nearest === 0 ? 0 : nearest;
}

/** (value + offset) × numerator / denominator × 10^decimals in whole numbers: a tie is the decimal's tie. */
function scaledExact(value: number, unit: Unit, quantity: Quantity): number {
  if (unit.numerator === unit.denominator && unit.offset === 0) return scaledPlain(value, quantity);
  if (Math.abs(value) > 1e9)
    return ((value + unit.offset) * unit.numerator * 10 ** quantity.decimals) / unit.denominator;
  const [a, aDigits] = decimal(value);
  const [b, bDigits] = decimal(unit.offset);
  const digits = Math.max(aDigits, bDigits);
  const sum = a * 10n ** BigInt(digits - aDigits) + b * 10n ** BigInt(digits - bDigits);
  const dividend = sum * BigInt(unit.numerator) * 10n ** BigInt(quantity.decimals);
  const divisor = BigInt(unit.denominator) * 10n ** BigInt(digits);
  const size = dividend < 0n ? -dividend : dividend;
  const rounded = Number((2n * size + divisor) / (2n * divisor));
  return dividend < 0n && rounded !== 0 ? -rounded : rounded;
}

/** The shortest decimal of a double as an integer and its count of digits after the point. */
function decimal(value: number): readonly [bigint, number] {
  const [mantissa, exponent] = String(value).split('e') as [string, string | undefined];
  const [whole, fraction = ''] = mantissa.split('.') as [string, string | undefined];
  const digits = fraction.length - Number(exponent ?? 0);
  const integer = BigInt(whole + fraction);
  return digits >= 0 ? [integer, digits] : [integer * 10n ** BigInt(-digits), 0];
}
