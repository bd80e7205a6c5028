import type { ActCommand, RaiseCommand } from './act.ts';
import type { Forecast } from './forecast.ts';
import type { Report } from './report.ts';

/** Everything that can change an alert is one of these, in a partition of the log. */
export type LogRecord = ReportRecord | ForecastRecord | TickRecord | CommandRecord;

export interface ReportRecord {
  readonly kind: 'report';
  readonly report: Report;
  /** True in a region that is not the station's own: it feeds area rules there and is not archived. */
  readonly neighbour?: true;
}

/** Rules read it by `forecast(…)` alone; it stands in its station's home partition. */
export interface ForecastRecord {
  readonly kind: 'forecast';
  readonly forecast: Forecast;
}

/** Moves the partition clock. `gap`: over 10 s of machine time after the one before, we were down. */
export interface TickRecord {
  readonly kind: 'tick';
  readonly at: number;
  readonly gap?: true;
}

/**
 * Names immutable documents (rule set, registry, areas, climatology) by the SHA-256 of their bytes, or is the act of a
 * person on an alert; `id` makes repeats no-ops.
 */
export interface CommandRecord {
  readonly kind: 'command';
  readonly id: string;
  readonly command:
    | { readonly type: 'rules'; readonly hash: string }
    | { readonly type: 'stations'; readonly hash: string }
    | { readonly type: 'areas'; readonly hash: string }
    | { readonly type: 'climatology'; readonly hash: string }
    | { readonly type: 'recording'; readonly delayMs: number; readonly startAt: number }
    | ActCommand
    | RaiseCommand;
}
