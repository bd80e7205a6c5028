import type { Rule } from '../../model/rule.ts';
import { formatInstant } from '../../model/time.ts';
import { type Warned, warnedSpells } from '../../statistics/verification-match.ts';
import type { Folded } from './recording.ts';
import type { BacktestRow, Scorer } from './score.ts';

const MAX_LISTED = 100;

/** A spell of alert that one version has and the other one nowhere touches. */
export interface LoneSpell {
  readonly subject: string;
  readonly from: string;
  readonly to: string;
}

/** One rule and level in two versions; null where a version has no such rule or level. */
export interface Comparison {
  readonly rule: string;
  readonly level: string;
  readonly before: BacktestRow | null;
  readonly after: BacktestRow | null;
  readonly gone: { readonly count: number; readonly first: readonly LoneSpell[] };
  readonly added: { readonly count: number; readonly first: readonly LoneSpell[] };
}

export interface Version {
  readonly rules: readonly Rule[];
  readonly folded: Folded;
}

/**
 * Two versions of rules over the same recording, side by side by the rules' names. Of the spells that the other version
 * does not touch (same subject, overlapping) all are counted and the first 100 listed.
 */
export function compare(before: Version, after: Version, score: Scorer, end: number): Comparison[] {
  const keys = new Map<string, { rule: string; level: Rule['levels'][number]['level'] }>();
  for (const { rules } of [before, after])
    for (const rule of rules)
      for (const { level } of rule.levels) keys.set(`${rule.name} ${level}`, { rule: rule.name, level });
  const side = (version: Version, name: string, level: Rule['levels'][number]['level']) => {
    const rule = version.rules.find((one) => one.name === name);
    if (!rule?.levels.some((one) => one.level === level)) return { spells: [], row: null };
    const spells = warnedSpells(version.folded.events, name, level, end);
    return { spells, row: score(rule, level, spells) };
  };
  return [...keys.values()].map(({ rule, level }) => {
    const [old, fresh] = [side(before, rule, level), side(after, rule, level)];
    return {
      rule,
      level,
      before: old.row,
      after: fresh.row,
      gone: lone(old.spells, fresh.spells),
      added: lone(fresh.spells, old.spells),
    };
  });
}

function lone(spells: readonly Warned[], others: readonly Warned[]): Comparison['gone'] {
  const othersOf = Map.groupBy(others, (spell) => spell.subject);
  const alone = spells.filter(
    ({ subject, from, to }) => !othersOf.get(subject)?.some((other) => other.from <= to && other.to >= from),
  );
  const first = alone
    .slice(0, MAX_LISTED)
    .map(({ subject, from, to }) => ({ subject, from: formatInstant(from), to: formatInstant(to) }));
  return { count: alone.length, first };
}
