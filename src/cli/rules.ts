import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Replay } from '../app/replay.ts';
import { findRuleFiles } from '../app/rule-files.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { type Language, languages } from '../model/language.ts';
import type { Rule } from '../model/rule.ts';
import { explainRule } from '../rules/explain.ts';
import type { Problem } from '../rules/problem.ts';
import { loadRules } from '../rules/rule-set.ts';
import { parseRuleTest, type RuleReplay, runRuleTest } from '../rules/rule-test.ts';
import { loadTemplates } from '../rules/template.ts';
import { overBudget, overBudgetText } from '../statistics/false-alarm-budget.ts';
import type { Command, CommandIo } from './command.ts';
import { type CostValues, costOptions, tellCost } from './rule-cost.ts';

const usage = `atalaia rules check DIR…            syntax, names, units; bytes of state and comparisons
atalaia rules test DIR…             runs every *.test.yaml through the fold
atalaia rules explain FILE…         the rule in words  (--lang pt-BR|en)

check takes
  --stations FILE         counts the state of these stations, each at its own interval; without, of one that reports
                          every minute
  --lateness SPAN         how late reports may come (24h)
  --budget SIZE           refuses more state in total, for each 10,000 stations (1 GiB)
  --station-budget SIZE   refuses more state of one station (64 MiB)
  --backtest FILE         what \`atalaia backtest --json\` said of these rules: warns where there were more false alarms than
                          \`budget: { falseAlarmsPerYear: 3 }\` of a rule allows

Examples:
  atalaia rules check rules/inmet
  atalaia rules check rules/inmet --stations stations.csv
  atalaia rules test rules
  atalaia rules explain rules/inmet/chuva-intensa.yaml --lang en

Exit status: 0 all good; 1 a rule or test is bad; 2 wrong usage.
`;

export const rulesCommand: Command = {
  usage,
  async run(argv, io) {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        lang: { type: 'string', default: 'pt-BR' },
        backtest: { type: 'string' },
        ...costOptions,
      },
    });
    const [verb, ...paths] = positionals;
    if (!verb || paths.length === 0)
      throw new AtalaiaError('ATL_USAGE', `Give a verb and a folder or file.\n\n${usage}`);
    if (verb === 'check') return check(paths, values, io);
    if (verb === 'test') return test(paths, io);
    if (verb === 'explain') return explain(paths, values.lang, io);
    throw new AtalaiaError('ATL_USAGE', `'rules ${verb}' is not a command; check, test or explain is.`);
  },
};

const tell = (problems: readonly Problem[], io: CommandIo): void => {
  for (const { file, line, column, message } of problems)
    io.stderr.write(`${file}:${line}:${column}: ${message}\n`);
};

interface CheckValues extends CostValues {
  readonly backtest?: string | undefined;
}

/** Warns of rules that were over their budget in a backtest, and of those that it says nothing of. Throws ATL_INPUT. */
function tellBudget(rules: readonly Rule[], file: string, io: CommandIo): void {
  let rows: Parameters<typeof overBudget>[1];
  try {
    rows = (JSON.parse(readFileSync(file, 'utf8')) as { rows: typeof rows }).rows;
    if (!Array.isArray(rows)) throw new Error('it has no rows');
  } catch (error) {
    const why = (error as Error).message;
    throw new AtalaiaError('ATL_INPUT', `${file} is no report of atalaia backtest --json: ${why}.`);
  }
  for (const one of overBudget(rules, rows)) io.stderr.write(`over budget: ${overBudgetText(one)}\n`);
  const judged = new Set(rows.filter((row) => row.judged).map((row) => row.rule));
  for (const { name, budget } of rules)
    if (budget && !judged.has(name))
      io.stderr.write(`${name}: ${file} does not judge it, so nothing is known of its false alarms\n`);
}

function check(paths: readonly string[], values: CheckValues, io: CommandIo): number {
  const files = findRuleFiles(paths, 'rules');
  const { rules, problems } = loadRules(files);
  const tests = findRuleFiles(paths, 'tests').flatMap(({ path, text }) => [
    ...parseRuleTest(text, path).problems,
  ]);
  tests.push(...loadTemplates(findRuleFiles(paths, 'templates')).problems);
  tell([...problems, ...tests], io);
  if (files.length === 0)
    throw new AtalaiaError('ATL_INPUT', `No rule file (*.yaml) under ${paths.join(', ')}.`);
  io.stdout.write(`${rules.length} of ${files.length} rules are good\n`);
  if (values.backtest !== undefined) tellBudget(rules, values.backtest, io);
  const isTooMuch = rules.length > 0 && tellCost(rules, values, io);
  return problems.length + tests.length > 0 || isTooMuch ? 1 : 0;
}

/** A rule test's reports through the same fold as everything else. */
export const replayForTest: RuleReplay = (reports, rules, stations, untilAt, areas) => {
  const replay = new Replay({ rules, stations, areas, partitions: 4 });
  const sorted = [...reports].sort((a, b) => a.receivedAt - b.receivedAt || (a.station < b.station ? -1 : 1));
  for (const report of sorted) replay.feed(report);
  replay.advanceTo(untilAt);
  return replay.finish();
};

function test(paths: readonly string[], io: CommandIo): number {
  let passed = 0;
  let failed = 0;
  for (const { path, text } of findRuleFiles(paths, 'tests')) {
    const { testFile, problems } = parseRuleTest(text, path);
    tell(problems, io);
    if (!testFile) {
      failed++;
      continue;
    }
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    const loaded = loadRules(testFile.rules.flatMap((rule) => findRuleFiles([`${folder}${rule}`], 'rules')));
    tell(loaded.problems, io);
    for (const one of testFile.tests) {
      const differences =
        loaded.problems.length > 0
          ? ['its rules are bad']
          : runRuleTest(one, loaded.rules as Rule[], replayForTest);
      if (differences.length === 0) passed++;
      else {
        failed++;
        io.stdout.write(`FAILED ${path}: ${one.name}\n${differences.map((line) => `  ${line}\n`).join('')}`);
      }
    }
  }
  if (passed + failed === 0)
    throw new AtalaiaError('ATL_INPUT', `No rule test (*.test.yaml) under ${paths.join(', ')}.`);
  io.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed > 0 ? 1 : 0;
}

function explain(paths: readonly string[], lang: string, io: CommandIo): number {
  if (!languages.includes(lang as Language))
    throw new AtalaiaError('ATL_USAGE', `--lang ${lang} is not known; ${languages.join(' or ')} is.`);
  const { rules, problems } = loadRules(findRuleFiles(paths, 'rules'));
  tell(problems, io);
  io.stdout.write(rules.map((rule) => `${explainRule(rule, lang as Language)}\n`).join('\n'));
  return problems.length > 0 ? 1 : 0;
}
