/** The checks by name, as they stand beside a value (docs/quality.md). */
export const checkNames = [
  'range',
  'step',
  'persistence',
  'consistency',
  'unit',
  'buddy',
  'faulty-zero',
  'high-influx',
] as const;
export type CheckName = (typeof checkNames)[number];

/** A reading after the fold's checks, as the archive keeps it. `value` is the scaled integer. */
export interface Observation {
  readonly station: string;
  readonly quantity: string;
  readonly observedAt: number;
  readonly intervalMs: number;
  readonly receivedAt: number;
  readonly value: number;
  readonly flag: 'good' | 'suspect' | 'bad';
  /** The check that flagged it (docs/quality.md); absent where it is good. */
  readonly check?: CheckName;
  /** `late`: beyond lateness, archive only; `correction`: replaces an earlier value, or an earlier flag, of the same key. */
  readonly arrival: 'on-time' | 'late' | 'correction';
}
