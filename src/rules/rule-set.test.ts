import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { languages } from '../model/language.ts';
import { explainRule } from './explain.ts';
import { hazards } from './hazard.ts';
import { canonicalJson, loadRules, ruleSetHash } from './rule-set.ts';
import { parseRuleTest } from './rule-test.ts';

const folder = new URL('../../rules/inmet/', import.meta.url);
const files = readdirSync(folder).map((path) => ({
  path,
  text: readFileSync(new URL(path, folder), 'utf8'),
}));
const ruleFiles = files.filter(({ path }) => !path.endsWith('.test.yaml'));

it('the INMET pack has no problems, and explains itself in every language', () => {
  const { rules, problems } = loadRules(ruleFiles);
  expect(problems).toEqual([]);
  expect(rules.map(({ name }) => name)).toEqual([
    'chuva-intensa',
    'estacao-muda',
    'friagem',
    'umidade-baixa',
    'vendaval',
  ]);
  for (const rule of rules) {
    for (const language of languages) expect(explainRule(rule, language)).not.toContain('undefined');
    expect(hazards.has(rule.hazard)).toBe(true);
  }
});

it('every rule of the pack has a test file of its name that reads well', () => {
  for (const { path } of ruleFiles) {
    const test = files.find((file) => file.path === path.replace('.yaml', '.test.yaml'));
    const { testFile, problems } = parseRuleTest(test?.text ?? '', path);
    expect(problems).toEqual([]);
    expect(testFile?.rules).toEqual([path]);
    expect(testFile?.tests.length).toBeGreaterThanOrEqual(3);
  }
});

it('the hash depends on content, not on the order of files or keys', () => {
  const { rules } = loadRules(ruleFiles);
  const other = loadRules([...ruleFiles].reverse()).rules.reverse();
  expect(ruleSetHash({ rules })).toMatch(/^[0-9a-f]{64}$/);
  expect(ruleSetHash({ rules: other })).toBe(ruleSetHash({ rules }));
  expect(ruleSetHash({ rules: rules.slice(1) })).not.toBe(ruleSetHash({ rules }));
  expect(JSON.parse(canonicalJson({ rules }))).toEqual({ rules });
});

it('a name used twice is a problem of the later file', () => {
  const first = ruleFiles[0] as (typeof ruleFiles)[number];
  const { rules, problems } = loadRules([first, { ...first, path: 'copy.yaml' }]);
  expect(rules).toHaveLength(1);
  expect(problems).toMatchObject([{ file: 'copy.yaml', line: 2, column: 1 }]);
});

it('a set has a bound, and the file that passes it is named', () => {
  const { rules, problems } = loadRules(ruleFiles, 3);
  expect(rules).toHaveLength(3);
  expect(problems).toMatchObject([
    { file: ruleFiles[3]?.path, message: expect.stringContaining('more than 3 rules') },
  ]);
});

it('reads who lets alerts out, and names what is wrong with it', () => {
  const read = (publication: string) =>
    loadRules([
      {
        path: 'r.yaml',
        text: `rule: r\nhazard: rain\nlevels: { red: "sum(rainfall, 1h) >= 20 mm" }\npublication: ${publication}`,
      },
    ]);
  const of = (publication: string) => read(publication).rules[0]?.publication;
  expect(of('automatic')).toBe('automatic');
  expect(of('{ review: { levels: [orange, red], within: 5m, onTimeout: escalate } }')).toEqual({
    levels: ['orange', 'red'],
    withinMs: 300_000,
    onTimeout: 'escalate',
  });
  expect(of('{ review: { levels: [red] } }')).toEqual({
    levels: ['red'],
    withinMs: 600_000,
    onTimeout: 'publish',
  });
  const flawed = [
    ['manual', 'automatic'],
    ['{ review: { levels: [] } }', 'levels: [red]'],
    ['{ review: { levels: [rde] } }', 'red'],
    ['{ review: { levels: [red], within: 1s } }', 'less than 1m'],
    ['{ review: { levels: [red], onTimeout: drop } }', 'escalate'],
    ['{ reviwe: { levels: [red] } }', 'review'],
  ] as const;
  for (const [text, part] of flawed) expect(read(text).problems[0]?.message, text).toContain(part);
});

it('reads which readings a rule accepts; what it cannot reach is refused', () => {
  const read = (rest: string, condition = 'max(airTemperature, 1h) > 35 °C') =>
    loadRules([{ path: 'r.yaml', text: `rule: r\nhazard: heat\nlevels: { red: "${condition}" }\n${rest}` }]);
  expect(read('quality: suspect').rules[0]?.quality).toBe('suspect');
  // The default makes no other rule, nor another hash of the set.
  expect(canonicalJson(read('quality: good'))).toBe(canonicalJson(read('')));
  expect(read('quality: suspicious').problems[0]?.message).toContain('suspect');
  expect(read('quality: bad').problems).toHaveLength(1);
  const [problem] = read('quality: suspect', 'max(heatIndex, 1h) > 41 °C').problems;
  expect(problem).toMatchObject({ line: 4, message: expect.stringContaining('heatIndex') });
  expect(read('quality: good', 'max(heatIndex, 1h) > 41 °C').problems).toEqual([]);
});
