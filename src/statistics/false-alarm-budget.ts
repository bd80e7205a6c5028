import type { Level, Rule } from '../model/rule.ts';

/** What of a scored rule and level its budget is held against. */
interface ScoredRow {
  readonly rule: string;
  readonly level: string;
  readonly judged: boolean;
  readonly falseAlarmsPerYear: number | null;
}

/** A rule that cries wolf more often than its author allows. */
export interface OverBudget {
  readonly rule: string;
  readonly level: Level;
  readonly falseAlarmsPerYear: number;
  readonly budget: number;
}

/**
 * Rules whose false alarms, counted at their lowest level, all subjects together, are more than their budget; those that
 * no row judges say nothing.
 */
export function overBudget(rules: readonly Rule[], rows: readonly ScoredRow[]): OverBudget[] {
  return rules.flatMap(({ name, budget, levels }) => {
    const lowest = levels[0]?.level;
    const row = rows.find((one) => one.rule === name && one.level === lowest && one.judged);
    const found = row?.falseAlarmsPerYear ?? null;
    if (!budget || !lowest || found === null || found <= budget.falseAlarmsPerYear) return [];
    return [{ rule: name, level: lowest, falseAlarmsPerYear: found, budget: budget.falseAlarmsPerYear }];
  });
}

/** One line for a person: `chuva-intensa yellow: 7.2 false alarms a year; its budget is 3`. */
export const overBudgetText = ({ rule, level, falseAlarmsPerYear, budget }: OverBudget): string =>
  `${rule} ${level}: ${falseAlarmsPerYear.toFixed(1)} false alarms a year; its budget is ${budget}`;
