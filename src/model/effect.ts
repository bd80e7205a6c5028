import type { ActOutcome } from './act.ts';
import type { AlertRevision } from './alert.ts';
import type { Observation } from './observation.ts';
import type { Report } from './report.ts';

/** What the fold of one record says must happen: rows, never calls. */
export type Effect =
  | { readonly kind: 'alert'; readonly revision: AlertRevision }
  | { readonly kind: 'act'; readonly outcome: ActOutcome }
  | { readonly kind: 'observation'; readonly observation: Observation }
  /** Every reading of a report, all of one arrival: nearly all reports, without an object for each reading. */
  | { readonly kind: 'readings'; readonly report: Report; readonly arrival: Observation['arrival'] }
  | {
      readonly kind: 'counted';
      readonly what: 'repeat' | 'stale-repeat' | 'beyond-lateness' | 'future' | 'unknown-station' | 'skipped';
    };

/** The observations of an effect one by one, in the order of the report; none for alerts and counts. */
export function observationsIn(effect: Effect): Observation[] {
  if (effect.kind === 'observation') return [effect.observation];
  if (effect.kind !== 'readings') return [];
  const { report, arrival } = effect;
  return report.quantities.map((_, i) => observationAt(report, i, arrival));
}

/** The reading at place `i` of a report as the archive keeps it. */
export function observationAt(report: Report, i: number, arrival: Observation['arrival']): Observation {
  const { station, observedAt, intervalMs, receivedAt } = report;
  const quantity = report.quantities[i] as string;
  const value = report.values[i] as number;
  return { station, quantity, observedAt, intervalMs, receivedAt, value, flag: 'good', arrival };
}
