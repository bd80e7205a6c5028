import type { Language } from '../../../src/model/language.ts';
import type { Level, Rule } from '../../../src/model/rule.ts';
import { getJson, send } from './api.ts';

export interface Scores {
  readonly judged: boolean;
  readonly hits: number;
  readonly misses: number;
  readonly falseAlarms: number;
  readonly pod: number | null;
  readonly far: number | null;
  readonly csi: number | null;
  readonly alerts: number;
  readonly alertsPerYear: number | null;
  readonly lead: { readonly median: number | null };
  readonly byDay: { readonly pod: number | null; readonly pofd: number | null } | null;
}
export interface ScoredLevel extends Scores {
  readonly rule: string;
  readonly level: 'yellow' | 'orange' | 'red';
}
export interface SweepResult {
  readonly level: ScoredLevel['level'];
  readonly condition: string;
  readonly unit: string | null;
  readonly current: number;
  readonly best: number | null;
  readonly rocArea: number | null;
  readonly points: readonly (Scores & { readonly value: number })[];
}
type Interval = readonly [number, number] | null;
/** What else a number could be, by the stations' own history or by what happened. */
export interface ProposalItem {
  readonly method: 'percentile' | 'return-period' | 'best-csi';
  readonly parameter: number | null;
  readonly value: number;
  readonly interval: Interval;
  readonly skill: { readonly csi: number | null } | null;
  readonly alertsPerYear: number | null;
  readonly falseAlarmsPerYear: number | null;
  readonly outOfSample: {
    readonly csi: number | null;
    readonly gain: number | null;
    readonly gainInterval: Interval;
  } | null;
}
export interface ProposalsItem {
  readonly condition: string;
  readonly unit: string | null;
  readonly years: readonly number[];
  readonly current: { readonly value: number; readonly skill: { readonly csi: number | null } | null };
  readonly proposals: readonly ProposalItem[];
  readonly stations: readonly {
    readonly station: string;
    readonly years: number;
    readonly values: readonly Pick<ProposalItem, 'method' | 'parameter' | 'value' | 'interval'>[];
  }[];
}
export interface Job {
  readonly id: string;
  readonly state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  readonly from: string;
  readonly to: string;
  readonly foldedTo: string | null;
  readonly error?: string;
  readonly report?: {
    readonly rows: readonly ScoredLevel[];
    readonly sweeps?: readonly SweepResult[];
    readonly proposals?: readonly ProposalsItem[];
    readonly overBudget?: readonly {
      readonly rule: string;
      readonly falseAlarmsPerYear: number;
      readonly budget: number;
    }[];
  };
}

export interface RuleItem extends Rule {
  readonly version: string;
  readonly readable: {
    readonly levels: readonly {
      readonly level: Level;
      readonly condition: string;
      readonly thresholds: readonly { readonly value: number; readonly unit: string | null }[];
    }[];
    readonly clear: string | null;
    readonly words: Readonly<Record<Language, string>>;
  };
}

export const getRules = async (): Promise<readonly RuleItem[]> =>
  (await getJson<{ items: RuleItem[] }>('/rules')).items;

/** Asks for a backtest of the rules in force; a text says why there is none. */
export async function startBacktest(body: object): Promise<Job | string> {
  const answer = await send('POST', '/backtests', body);
  const told = (await answer.json().catch(() => ({}))) as Job & { readonly detail?: string };
  return answer.ok ? told : (told.detail ?? `HTTP ${answer.status}`);
}

export const getBacktest = (id: string): Promise<Job> => getJson<Job>(`/backtests/${id}`);
export const endBacktest = (id: string): Promise<Response> => send('DELETE', `/backtests/${id}`);

/** How much of the span is folded, 0..1. */
export function progressOf({ from, to, foldedTo }: Job): number {
  if (foldedTo === null) return 0;
  const [a, b] = [Date.parse(from), Date.parse(to)];
  return Math.min(1, Math.max(0, (Date.parse(foldedTo) - a) / Math.max(1, b - a)));
}
