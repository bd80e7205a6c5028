import type { LogRecord } from '../../src/model/record.ts';

/**
 * Faults that can be built in by name, so that the checkers show that they can fail. Measured over the seeds 1 to 8, an
 * hour each: every one of them is found by every seed.
 */
export const plants = {
  'acknowledge-before-fsync': 'the log answers before its records are on the medium',
  'position-before-effects': 'the ledger sink commits the position first and the effects after',
  'no-fencing': 'the stores let every worker commit, whatever its epoch and position',
  'wall-clock-timer': "the fold's clock is that of the machine, not that of the ticks",
  'no-repeat-check': 'a report that comes again counts as another one',
  'checkpoint-without-position': 'recovery takes the newest checkpoint, also above what a sink holds',
  'mark-before-send': 'a delivery is marked as done before it is sent',
  'mark-lost': 'now and then a delivery that arrived is not marked as done',
  'wrong-values': 'every fold, also that of the replay, takes four fifths of a value',
} as const;
export type Plant = keyof typeof plants;

export const isPlant = (name: string): name is Plant => name in plants;

/** What a fold makes of a record when the plant `wrong-values` is built in. */
export function misread(record: LogRecord, plant: Plant | null): LogRecord {
  if (plant !== 'wrong-values' || record.kind !== 'report') return record;
  const values = record.report.values.map((value) => Math.floor(value * 0.8));
  return { ...record, report: { ...record.report, values } };
}
