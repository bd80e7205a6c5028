import { type Unit, units } from '../model/unit.ts';
import { nearestWord, unknownWord } from './words.ts';

/** Canonical unit of return periods. */
export const YEARS = 'years';

/** Per what a rate may be written, in parts of the canonical hour. */
const spans = new Map<string, readonly [number, number]>([
  ['h', [1, 1]],
  ['min', [60, 1]],
  ['d', [1, 24]],
]);

/** The canonical unit of a rate of change: mm -> mm/h. */
export const perHour = (canonical: string): string => `${canonical}/h`;

/**
 * A unit as rules write it: those of the table, a rate of one of them (`mm/h`, `°F/h`, `hPa/min`; rates are differences,
 * so that no offset applies), or `years`. Undefined when there is none of the name.
 */
export function ruleUnit(name: string): Unit | undefined {
  const plain = units.get(name);
  if (plain !== undefined) return plain;
  if (name === YEARS || name === 'year')
    return { name, canonical: YEARS, numerator: 1, denominator: 1, offset: 0 };
  const slash = name.lastIndexOf('/');
  const base = units.get(name.slice(0, Math.max(0, slash)));
  const span = spans.get(name.slice(slash + 1));
  if (base === undefined || span === undefined) return undefined;
  return {
    name,
    canonical: perHour(base.canonical),
    numerator: base.numerator * span[0],
    denominator: base.denominator * span[1],
    offset: 0,
  };
}

const allNames: readonly string[] = [...units.keys(), YEARS, ...[...units.keys()].map(perHour)];

/** `unknown unit "mn"; did you mean "mm"?`, or the units of the table when none is near. */
export function unknownUnit(name: string): string {
  const nearest = nearestWord(name, allNames);
  return unknownWord('unit', name, nearest === undefined ? [...units.keys()] : [nearest]);
}

/** Names of the units that convert to a canonical one. */
export const unitsOf = (canonical: string): string[] =>
  allNames.filter((name) => ruleUnit(name)?.canonical === canonical);
