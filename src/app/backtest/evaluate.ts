import { AtalaiaError } from '../../lib/errors.ts';
import type { Rule } from '../../model/rule.ts';
import { formatInstant } from '../../model/time.ts';
import { type OverBudget, overBudget } from '../../statistics/false-alarm-budget.ts';
import { type Comparison, compare } from './compare.ts';
import { type Proposals, propose } from './propose.ts';
import { foldRecording, type Recording } from './recording.ts';
import { type BacktestRow, backtest, scorer } from './score.ts';
import { type Sweep, type SweepPlan, sweep, type Target } from './sweep.ts';
import { parseTruth } from './truth.ts';

export interface BacktestPlan {
  readonly recording: Recording;
  readonly rules: readonly Rule[];
  /** A second version of the rules, to stand beside the first. */
  readonly others?: readonly Rule[];
  readonly sweeps: readonly SweepPlan[];
  /** Numbers for which others are proposed. */
  readonly proposals?: readonly Target[];
  /** CSV of what happened, and its name for errors. */
  readonly truth: { readonly text: string; readonly name: string };
  readonly toleranceMs: number;
  readonly onProgress?: (reports: number, at: number) => void;
}

/** What a backtest tells; its JSON is that of `--json`. */
export interface BacktestReport {
  /** First and last observation. */
  readonly from: string;
  readonly to: string;
  readonly toleranceMs: number;
  readonly rows: readonly BacktestRow[];
  /** Rules whose false alarms are more than they may be. */
  readonly overBudget?: readonly OverBudget[];
  readonly sweeps?: readonly Sweep[];
  readonly proposals?: readonly Proposals[];
  readonly compare?: readonly Comparison[];
}

export interface Evaluated {
  readonly report: BacktestReport;
  /** What the fold of `rules` counted. */
  readonly counts: ReadonlyMap<string, number>;
  /** Rows of the truth outside the recording. */
  readonly leftOut: number;
}

/**
 * Folds a recording by the rules, and again for a second version and for each sweep, and scores the alerts.
 * @throws AtalaiaError `ATL_INPUT` without a report or with a bad truth, `ATL_RULE` for rules too heavy
 */
export function evaluate(plan: BacktestPlan): Evaluated {
  const { recording, rules, others, toleranceMs } = plan;
  const span = recording.reports.span;
  if (span === undefined) throw new AtalaiaError('ATL_INPUT', 'There is no report to fold in this span.');
  const names = new Set([...rules, ...(others ?? [])].map((rule) => rule.name));
  const stated = parseTruth(plan.truth.text, plan.truth.name, names);
  const truth = stated.filter((row) => row.from <= span.to && row.to >= span.from);
  const judged = new Set(stated.map((row) => row.rule));
  const judge = { recording, truth, judged, toleranceMs, span };
  const score = scorer(judge);
  const how = plan.onProgress ? { onProgress: plan.onProgress } : {};
  const folded = foldRecording(recording, rules, how);
  const second = others && { rules: others, folded: foldRecording(recording, others, how) };
  const sweeps = plan.sweeps.map((one) => sweep(one, recording, score, span.to));
  const proposals = (plan.proposals ?? []).map((one) => propose(one, judge));
  const rows = backtest(rules, folded.events, score, span.to);
  const over = overBudget(rules, rows);
  const report: BacktestReport = {
    from: formatInstant(span.from),
    to: formatInstant(span.to),
    toleranceMs,
    rows,
    ...(over.length === 0 ? {} : { overBudget: over }),
    ...(sweeps.length === 0 ? {} : { sweeps }),
    ...(proposals.length === 0 ? {} : { proposals }),
    ...(second && { compare: compare({ rules, folded }, second, score, span.to) }),
  };
  return { report, counts: folded.counts, leftOut: stated.length - truth.length };
}
