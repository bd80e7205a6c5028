/** What the readings of reports of one layout are compared with, laid flat: nearly all meet nothing. */
export class LayoutEdges {
  /** By place in the layout; null: no rule looks at the quantity. */
  readonly edges: readonly (QuantityEdges | null)[];
  /** By place: a reading from here up, or down to here, meets an edge; NaN where there is none. */
  readonly high: Float64Array;
  readonly low: Float64Array;
  /** Places with sums, and with spreads. */
  readonly summed: readonly number[];
  readonly spread: readonly number[];

  constructor(edges: readonly (QuantityEdges | null)[]) {
    this.edges = edges;
    this.high = Float64Array.from(edges, (one) => one?.highFrom ?? Number.NaN);
    this.low = Float64Array.from(edges, (one) => one?.lowFrom ?? Number.NaN);
    const places = edges.map((_, i) => i);
    this.summed = places.filter((i) => (edges[i]?.sums.length ?? 0) > 0);
    this.spread = places.filter((i) => (edges[i]?.spreads.length ?? 0) > 0);
  }
}

/** The rules that one key kind over one window can touch, by ascending threshold; of `below` all signs are turned. */
export interface Edge {
  readonly id: number;
  readonly quantity: string;
  readonly spanMs: number;
  readonly thresholds: readonly number[];
  /** Numbers of the rules, parallel to the thresholds. */
  readonly rules: readonly number[];
}

/** What to look for among the readings of one quantity. */
export interface QuantityEdges {
  readonly quantity: string;
  readonly above: readonly Edge[];
  readonly below: readonly Edge[];
  /** A reading between these meets no edge above or below. */
  readonly highFrom: number;
  readonly lowFrom: number;
  /** Numbered among the sums, and among the spreads, of the index. */
  readonly sums: readonly Edge[];
  readonly spreads: readonly Edge[];
}
