import type { QuantityEdges } from './rule-index.ts';

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
