import type { RawReading } from '../decode/report.ts';
import type { Ignored, Profile } from './format.ts';

/** How one field of a message becomes a reading. */
export interface Field {
  readonly quantity: string;
  /** As the producer writes the field unless the profile says another. */
  readonly unit?: string;
  /** Values that mean that there is none, beside an empty text and null. */
  readonly missing?: readonly (number | string)[];
  /** Among fields of one quantity the highest counts, the others are ignored; default 0. */
  readonly rank?: number;
}

/** Fields by name in the message. A text is the reason why a field that is often there gives no reading. */
export type FieldTable = Readonly<Record<string, Field | string>>;

export interface Mapped {
  readonly readings: readonly RawReading[];
  readonly ignored: readonly Ignored[];
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** The number that a field holds, also where the producer writes numbers as text; anything else as it is. */
export function numberOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  return NUMBER.test(text) ? Number(text) : value;
}

/** Readings of a flat message by its table. Every field is either a reading or ignored with its reason. */
export function mapFields(
  fields: Iterable<readonly [name: string, value: unknown]>,
  table: FieldTable,
  profile: Profile,
  prefix = '',
): Mapped {
  const best = new Map<string, { path: string; rank: number; reading: RawReading }>();
  const ignored: Ignored[] = [];
  for (const [name, value] of fields) {
    const path = prefix + name;
    const told = profile.quantities?.get(name);
    const known = Object.hasOwn(table, name) ? table[name] : undefined;
    const field =
      told === undefined || (typeof known === 'object' && known.quantity === told)
        ? known
        : { quantity: told };
    if (field === undefined) {
      ignored.push({ path, why: 'no quantity is known for this field' });
      continue;
    }
    const why = typeof field === 'object' ? missingOf(value, field) : field;
    if (why !== undefined || typeof field !== 'object') {
      ignored.push({ path, why: why ?? '', isMeant: true });
      continue;
    }
    const unit = profile.units?.get(name) ?? field.unit;
    const found = {
      path,
      rank: field.rank ?? 0,
      reading: { quantity: field.quantity, value: numberOf(value), unit },
    };
    const before = best.get(field.quantity);
    const [kept, other] = before && before.rank >= found.rank ? [before, found] : [found, before];
    best.set(field.quantity, kept);
    if (other)
      ignored.push({ path: other.path, why: `${field.quantity} is taken from ${kept.path}`, isMeant: true });
  }
  return { readings: [...best.values()].map(({ reading }) => reading), ignored };
}

function missingOf(value: unknown, field: Field): string | undefined {
  if (value === null || value === undefined || value === '') return 'the message has no value here';
  const isMissing = field.missing?.some((mark) => mark === value || mark === numberOf(value));
  return isMissing ? `${String(value)} stands for a missing value` : undefined;
}
