import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { evaluate } from '../app/backtest/evaluate.ts';
import { parseProposal } from '../app/backtest/propose.ts';
import { parseSweep } from '../app/backtest/sweep.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { parseSpan } from '../model/time.ts';
import { overBudgetText } from '../statistics/false-alarm-budget.ts';
import { reportTables } from './backtest-tables.ts';
import type { Command } from './command.ts';
import { ProgressLine } from './progress.ts';
import { readFiles, replayOptions, rulesOf, showFold, tellCounts } from './replay.ts';

const usage = `atalaia backtest FILE… --rules DIR --truth FILE [--tolerance PT1H] [--json] [--out FILE]

Folds recorded files as replay does and scores the alerts against what happened.
  --truth FILE       CSV rule,subject,level,from,to
  --tolerance SPAN   how far an alert may lie from an occurrence and still count (PT1H; 0 for none)
  --sweep SPEC       RULE/LEVEL=FROM..TO/STEP: the level at each of these values; RULE/LEVEL#2=… varies its second number
  --propose SPEC     RULE/LEVEL or RULE/LEVEL#2: other values of this number, from the stations' own history and from what
                     happened, with intervals and the gain in years left out
  --compare DIR      a second version of the rules, side by side; may stand more than once
  --json             JSON instead of the table
  --out FILE         JSON into a file
  --rules, --stations, --areas, --format, --from, --to, --delay, --lateness, --partitions, --strict: as for replay

Example:
  atalaia backtest INMET_*.CSV.gz --rules rules/inmet --truth truth.csv
  atalaia backtest may.ndjson --stations stations.csv --rules rules/inmet --truth truth.csv --sweep chuva-intensa/red#2=60..140/10
`;

const options = {
  ...replayOptions,
  truth: { type: 'string' },
  sweep: { type: 'string', multiple: true },
  propose: { type: 'string', multiple: true },
  compare: { type: 'string', multiple: true },
  tolerance: { type: 'string', default: 'PT1H' },
  json: { type: 'boolean', default: false },
} as const;

const wrong = (message: string): AtalaiaError => new AtalaiaError('ATL_USAGE', `${message}\n\n${usage}`);

export const backtestCommand: Command = {
  usage,
  async run(argv, io) {
    const { values, positionals } = parseArgs({ args: argv, allowPositionals: true, options });
    if (values.log) throw wrong('backtest does not read a log; give files.');
    if (positionals.length === 0) throw wrong('Give the files to fold.');
    if (!values.rules?.length) throw wrong('Give --rules DIR.');
    if (!values.truth) throw wrong('Give --truth FILE.');
    const toleranceMs = values.tolerance === '0' ? 0 : parseSpan(values.tolerance);
    if (toleranceMs === undefined) throw wrong(`--tolerance ${values.tolerance} is not a span such as PT1H.`);
    // Before the long work: a name mistyped is told at once.
    const text = readTruth(values.truth);
    const rules = rulesOf(values.rules);
    const sweeps = (values.sweep ?? []).map((spec) => parseSweep(spec, rules));
    const proposals = (values.propose ?? []).map((spec) => parseProposal(spec, rules));
    const progress = new ProgressLine(io.stderr);
    const { recording, refusals } = await readFiles(positionals, values, progress);
    // Why nothing is there to fold stands in what was refused.
    if (recording.reports.span === undefined) tellCounts(refusals, new Map(), io);
    const { report, counts, leftOut } = evaluate({
      ...{ recording, rules, sweeps, proposals, toleranceMs, onProgress: showFold(progress) },
      truth: { text, name: values.truth },
      ...(values.compare && { others: rulesOf(values.compare) }),
    });
    progress.clear();
    if (leftOut > 0) io.stderr.write(`truth outside the recording, left out: ${leftOut}\n`);
    for (const one of report.overBudget ?? []) io.stderr.write(`over budget: ${overBudgetText(one)}\n`);
    const refused = tellCounts(refusals, counts, io);
    const json = `${JSON.stringify(report, null, 2)}\n`;
    if (values.out !== '-') writeFileSync(values.out, json);
    else io.stdout.write(values.json ? json : reportTables(report));
    return refused > 0 && values.strict ? 1 : 0;
  },
};

function readTruth(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new AtalaiaError(
      'ATL_INPUT',
      `${file} cannot be read (${(error as Error).message}); name a CSV file.`,
    );
  }
}
