import type { Area } from '../../model/area.ts';
import type { Rule } from '../../model/rule.ts';
import type { Station } from '../../model/station.ts';
import type { SweepPlan, Target } from './sweep.ts';

/** What the thread of a backtest is given. */
export interface BacktestWork {
  /** An export of the archive. */
  readonly path: string;
  readonly rules: readonly Rule[];
  readonly others: readonly Rule[] | null;
  readonly sweeps: readonly SweepPlan[];
  readonly proposals: readonly Target[];
  readonly truth: string;
  readonly toleranceMs: number;
  readonly stations: readonly Station[];
  readonly areas: readonly Area[];
}

/** What it tells. */
export type FromBacktest =
  | { readonly kind: 'progress'; readonly reports: number; readonly at: number }
  | { readonly kind: 'done'; readonly report: object; readonly refused: number; readonly leftOut: number }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };
