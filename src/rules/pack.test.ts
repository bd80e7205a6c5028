import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Replay } from '../app/replay.ts';
import { loadRules } from './rule-set.ts';
import { parseRuleTest, type RuleReplay, runRuleTest } from './rule-test.ts';

const pack = new URL('../../rules/inmet/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, pack), 'utf8');

const replay: RuleReplay = (reports, rules, stations, untilAt) => {
  const run = new Replay({ rules, stations });
  for (const report of reports) run.feed(report);
  run.advanceTo(untilAt);
  return run.finish();
};

for (const file of readdirSync(pack).filter((name) => name.endsWith('.test.yaml'))) {
  const { testFile, problems } = parseRuleTest(read(file), file);
  test(`${file} is well formed`, () => {
    expect(problems).toEqual([]);
  });
  const { rules } = loadRules((testFile?.rules ?? []).map((path) => ({ path, text: read(path) })));
  for (const one of testFile?.tests ?? []) {
    test(`${file}: ${one.name}`, () => {
      expect(rules).not.toEqual([]);
      expect(runRuleTest(one, rules, replay)).toEqual([]);
    });
  }
}
