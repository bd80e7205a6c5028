/** A reading as the checks see it, canonical unit. */
export interface Held {
  readonly at: number;
  readonly intervalMs: number;
  readonly value: number;
  /** It was found bad. */
  readonly isBad: boolean;
}

/**
 * What a station measured, flagged or not. Where several readings of a quantity share an instant the one over the shortest
 * interval stands for all.
 */
export interface StationHistory {
  valueAt(quantity: string, at: number): number | undefined;
  /** The newest reading before an instant. */
  before(quantity: string, at: number): Held | undefined;
  /** The first reading after an instant. */
  after(quantity: string, at: number): Held | undefined;
}
