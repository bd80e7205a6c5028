import { type BitReader, MAX_WIDTH } from './bits.ts';
import { type Element, shownId } from './tables.ts';

export type Value = number | string | undefined;

/** An element's values: one for each subset that is read at once (all when compressed, else one). */
export interface Cell {
  readonly element: Element;
  readonly values: readonly Value[];
  /** Whether the associated field of each calls it suspect or bad. */
  readonly isSuspect: readonly boolean[] | undefined;
}

const allOnes = (width: number): number => 2 ** width - 1;

/**
 * Raw numbers of `width` bits for each subset: in compressed data a base, the width of increments in 6 bits, and the
 * increments (regulation 94.6.3). All bits set means missing, unless `isPlain`.
 */
export function rawNumbers(
  reader: BitReader,
  width: number,
  lanes: number,
  { isCompressed, isPlain = false }: { readonly isCompressed: boolean; readonly isPlain?: boolean },
): (number | undefined)[] {
  const none = isPlain || width === 1 ? Number.NaN : allOnes(width);
  const base = reader.number(width);
  const first = base === none ? undefined : base;
  if (!isCompressed) return [first];
  const step = reader.number(6);
  if (step === 0) return Array<number | undefined>(lanes).fill(first);
  if (step > MAX_WIDTH) throw reader.fail(`increments of ${step} bits are beyond ${MAX_WIDTH} bits`);
  return Array.from({ length: lanes }, () => {
    const increment = reader.number(step);
    return increment === allOnes(step) ? undefined : base + increment;
  });
}

/** Texts of `length` octets for each subset. */
export function texts(
  reader: BitReader,
  length: number,
  lanes: number,
  isCompressed: boolean,
): (string | undefined)[] {
  const base = reader.text(length);
  if (!isCompressed) return [base];
  const octets = reader.number(6);
  if (octets === 0) return Array<string | undefined>(lanes).fill(base);
  return Array.from({ length: lanes }, () => reader.text(octets));
}

/** (raw + reference) / 10^scale, the nearest double to the decimal. */
export function scaled(raw: number | undefined, reference: number, scale: number): number | undefined {
  if (raw === undefined) return undefined;
  const sum = raw + reference;
  return scale > 0 ? sum / 10 ** scale : sum * 10 ** -scale;
}

/** Whether an associated field of that significance (code table 0 31 021) calls its value suspect or bad. */
export function isDoubted(significance: Value, field: number | undefined): boolean {
  if (field === undefined) return false;
  if (significance === 1 || significance === 5 || significance === 8) return field === 1;
  return significance === 2 && field >= 2;
}

export const unknownElement = (reader: BitReader, id: number, version: string): Error =>
  reader.fail(
    `descriptor ${shownId(id)} is not in the tables here (surface observations, WMO tables ${version}), so what follows has no known place`,
  );
