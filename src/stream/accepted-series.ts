import type { Condition, Expression, HeldCondition, Rule } from '../model/rule.ts';
import type { FlaggedReadings } from './flagged-readings.ts';
import { ReadingSeries } from './series.ts';

/** No quantity ends in it. */
const MARK = '?';

/** The name under which the good and suspect readings of a quantity are looked up; what reads under it shares nothing with what reads the good ones. */
export const acceptingName = (quantity: string): string => quantity + MARK;

/** The quantity of a series by either of its names. */
export const quantityOf = (name: string): string => (isAccepting(name) ? name.slice(0, -1) : name);

export const isAccepting = (name: string): boolean => name.endsWith(MARK);

/** The name of the series that an aggregate reads. */
export const seriesName = ({ quantity, accepts }: Expression & { kind: 'aggregate' }): string =>
  accepts === undefined ? quantity : acceptingName(quantity);

/** A rule whose aggregates read what its `quality` accepts; one that accepts good readings alone is as it was. */
export function withQuality(rule: Rule): Rule {
  if (rule.quality === undefined) return rule;
  const held = <T extends HeldCondition>(one: T): T => ({ ...one, condition: condition(one.condition) });
  return { ...rule, levels: rule.levels.map(held), clear: rule.clear && held(rule.clear) };
}

function condition(one: Condition): Condition {
  switch (one.kind) {
    case 'comparison':
      return { ...one, left: expression(one.left), right: expression(one.right) };
    case 'and':
    case 'or':
      return { ...one, terms: one.terms.map(condition) };
    case 'not':
      return { ...one, term: condition(one.term) };
    case 'sequence':
      // biome-ignore lint/suspicious/noThenProperty: the field's name in the rule model.
      return { ...one, first: condition(one.first), then: condition(one.then) };
    case 'silent':
      return one;
  }
}

function expression(one: Expression): Expression {
  switch (one.kind) {
    case 'aggregate':
      return { ...one, accepts: 'suspect' };
    case 'arithmetic':
      return { ...one, left: expression(one.left), right: expression(one.right) };
    case 'stations':
      return { ...one, where: condition(one.where) };
    case 'return-period':
      return { ...one, of: expression(one.of) };
    default:
      return one;
  }
}

interface Merged {
  readonly series: ReadingSeries;
  /** What it was made of. */
  readonly good: ReadingSeries;
  readonly goodVersion: number;
  readonly flaggedVersion: number;
  /** How many good readings it has seen, forgotten ones included. */
  taken: number;
}

/**
 * Good and suspect readings of a station in one series each, for rules that accept both. Made when asked for, and only of
 * a quantity that has suspect readings; all of it follows from the series and the flagged readings, so that no checkpoint
 * holds it.
 */
export class AcceptedSeries {
  readonly #merged = new Map<string, Merged>();

  of(quantity: string, good: ReadingSeries, flagged: FlaggedReadings): ReadingSeries {
    if (!flagged.of(quantity)?.some(({ flag }) => flag === 'suspect')) {
      this.#merged.delete(quantity);
      return good;
    }
    const known = this.#merged.get(quantity);
    if (
      known?.good === good &&
      known.goodVersion === good.version &&
      known.flaggedVersion === flagged.version
    ) {
      append(known);
      return known.series;
    }
    const merged = merge(quantity, good, flagged);
    this.#merged.set(quantity, merged);
    return merged.series;
  }
}

function merge(quantity: string, good: ReadingSeries, flagged: FlaggedReadings): Merged {
  const series = new ReadingSeries(good.isInterval);
  series.rows.floor = good.rows.floor;
  let i = 0;
  const takeGood = (): void => {
    put(series, good, i);
    i++;
  };
  for (const one of flagged.of(quantity) ?? []) {
    if (one.flag !== 'suspect') continue;
    while (i < good.length && isUpTo(good, i, one)) takeGood();
    // A good reading of the same key, derived from others, goes before.
    if (i > 0 && good.at(i - 1) === one.at && good.interval(i - 1) === one.intervalMs) continue;
    series.insert(one.at, one.intervalMs, one.coverMs, one.value);
  }
  while (i < good.length) takeGood();
  const taken = good.forgotten + good.length;
  return { series, good, goodVersion: good.version, flaggedVersion: flagged.version, taken };
}

const isUpTo = (good: ReadingSeries, i: number, one: { at: number; intervalMs: number }): boolean =>
  good.at(i) < one.at || (good.at(i) === one.at && good.interval(i) <= one.intervalMs);

const put = (into: ReadingSeries, from: ReadingSeries, i: number): void =>
  void into.insert(from.at(i), from.interval(i), from.cover(i), from.value(i));

/** Takes the good readings that came at the end since; of what was forgotten nobody asks. */
function append(merged: Merged): void {
  const { series, good } = merged;
  for (let i = merged.taken - good.forgotten; i < good.length; i++) put(series, good, Math.max(0, i));
  merged.taken = good.forgotten + good.length;
}
