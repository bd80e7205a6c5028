import type { AlertEvent } from '../../model/alert.ts';
import type { Level, Rule } from '../../model/rule.ts';
import { DAY_MS, formatInstant, HOUR_MS } from '../../model/time.ts';
import {
  type Contingency,
  type LeadTimes,
  leadOf,
  type Scores,
  scoresOf,
} from '../../statistics/verification.ts';
import {
  match,
  type Occurrence,
  occurrencesAt,
  type Warned,
  warnedSpells,
} from '../../statistics/verification-match.ts';
import { type DayScores, scoreDays, subjectsOf } from './days.ts';
import { observedDays, type Recording } from './recording.ts';

const YEAR_MS = 365.25 * DAY_MS;

export interface BacktestRow extends Contingency, Scores {
  readonly rule: string;
  readonly level: Level;
  /** False when the truth says nothing of this rule: its counts are 0 and its scores null, for none can be known. */
  readonly judged: boolean;
  readonly alerts: number;
  readonly alertsPerYear: number | null;
  /** Of all subjects together; null where the rule is not judged. */
  readonly falseAlarmsPerYear: number | null;
  /** UTC days of the subjects' spells, each day once. */
  readonly daysWithAlerts: number;
  /** The same by subject and day; null where the rule is not judged. */
  readonly byDay: DayScores | null;
  readonly lead: LeadTimes;
  readonly missed: readonly { readonly subject: string; readonly from: string; readonly to: string }[];
}

/** What alerts are judged by. */
export interface Judge {
  readonly recording: Recording;
  readonly truth: readonly Occurrence[];
  /** Rules that the truth speaks of, with rows outside the recording too. */
  readonly judged: ReadonlySet<string>;
  readonly toleranceMs: number;
  /** First and last observation, epoch ms. */
  readonly span: { readonly from: number; readonly to: number };
}

/** Gives a row for the spells of a rule at a level or above. */
export type Scorer = (rule: Rule, level: Level, spells: readonly Warned[]) => BacktestRow;

/**
 * Scores spells of alert against what happened. Correct negatives are null: occurrences and alerts have no fixed length,
 * so what did not happen cannot be counted; HSS is null with them. `byDay` has both.
 */
export function scorer(judge: Judge): Scorer {
  let observed: ReturnType<typeof observedDays> | undefined;
  // Walks the whole recording: only for a rule that is judged.
  const days = (): ReturnType<typeof observedDays> => {
    observed ??= observedDays(judge.recording);
    return observed;
  };
  return (rule, level, spells) => {
    const occurrences = occurrencesAt(judge.truth, rule.name, level);
    const found = match(spells, occurrences, judge.toleranceMs);
    const judged = judge.judged.has(rule.name);
    const table: Contingency = {
      hits: found.hits.length,
      misses: found.misses.length,
      falseAlarms: judged ? found.falseAlarms.length : 0,
      correctNegatives: null,
    };
    const subjects = subjectsOf(rule, judge.recording);
    const years = (judge.span.to - judge.span.from) / YEAR_MS;
    return {
      rule: rule.name,
      level,
      judged,
      ...table,
      ...scoresOf(table),
      alerts: spells.length,
      alertsPerYear: years > 0 ? spells.length / years : null,
      falseAlarmsPerYear: judged && years > 0 ? found.falseAlarms.length / years : null,
      daysWithAlerts: daysOf(spells),
      byDay: judged ? scoreDays(subjects, days(), spells, occurrences) : null,
      lead: leadOf(found.hits.map((hit) => hit.leadMs / HOUR_MS)),
      missed: found.misses.map(({ subject, from, to }) => ({
        subject,
        from: formatInstant(from),
        to: formatInstant(to),
      })),
    };
  };
}

/** A row for each rule and level of a fold's alerts. */
export function backtest(
  rules: readonly Rule[],
  events: readonly AlertEvent[],
  score: Scorer,
  end: number,
): BacktestRow[] {
  return rules.flatMap((rule) =>
    rule.levels.map(({ level }) => score(rule, level, warnedSpells(events, rule.name, level, end))),
  );
}

function daysOf(spells: readonly Warned[]): number {
  const days = new Set<number>();
  for (const { from, to } of spells)
    for (let day = Math.floor(from / DAY_MS); day * DAY_MS <= to; day++) days.add(day);
  return days.size;
}
