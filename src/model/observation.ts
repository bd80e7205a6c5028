/** A reading after the fold's checks, as the archive keeps it. `value` is the scaled integer. */
export interface Observation {
  readonly station: string;
  readonly quantity: string;
  readonly observedAt: number;
  readonly intervalMs: number;
  readonly receivedAt: number;
  readonly value: number;
  readonly flag: 'good' | 'suspect' | 'bad';
  /** `late`: beyond lateness, archive only; `correction`: replaces an earlier value of the same key. */
  readonly arrival: 'on-time' | 'late' | 'correction';
}
