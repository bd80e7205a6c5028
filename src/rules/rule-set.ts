import { createHash } from 'node:crypto';
import type { Rule, RuleSet } from '../model/rule.ts';
import { parseRule } from './document.ts';
import type { Problem } from './problem.ts';

export interface RuleFile {
  readonly path: string;
  readonly text: string;
}

/** Most rules that can be in force together. */
const MAX_RULES = 10_000;

/** Reads rule files into one set of at most 10,000, sorted by rule name. A name used twice is a problem of the later file. */
export function loadRules(
  files: readonly RuleFile[],
  maxRules = MAX_RULES,
): { rules: Rule[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const byName = new Map<string, { rule: Rule; path: string }>();
  for (const { path, text } of files) {
    const parsed = parseRule(text, path);
    problems.push(...parsed.problems);
    if (parsed.rule === undefined) continue;
    const { name } = parsed.rule;
    const earlier = byName.get(name);
    if (earlier === undefined && byName.size >= maxRules) {
      const message = `more than ${maxRules} rules; load fewer files or join rules that differ in a level only`;
      problems.push({ file: path, line: 1, column: 1, message });
      break;
    }
    if (earlier === undefined) byName.set(name, { rule: parsed.rule, path });
    else {
      const line = text.split('\n').findIndex((row) => /^rule\s*:/.test(row)) + 1;
      const message = `the rule "${name}" stands in ${earlier.path} already; rename one of the two`;
      problems.push({ file: path, line: Math.max(1, line), column: 1, message });
    }
  }
  const rules = [...byName.values()].map(({ rule }) => rule);
  return { rules: rules.sort((a, b) => (a.name < b.name ? -1 : 1)), problems };
}

/** JSON with sorted keys and rules sorted by name: equal rule sets give equal text. */
export function canonicalJson(ruleSet: RuleSet): string {
  const rules = [...ruleSet.rules].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return JSON.stringify({ rules }, (_key, value: unknown) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** The name of a rule set: lower-case hex of the SHA-256 of its canonical JSON. */
export const ruleSetHash = (ruleSet: RuleSet): string =>
  createHash('sha256').update(canonicalJson(ruleSet)).digest('hex');
