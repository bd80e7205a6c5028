import type { Report } from '../model/report.ts';
import { HOUR_MS } from '../model/time.ts';
import type { Edge, QuantityEdges } from './layout-edges.ts';
import { emptySpread, type RuleIndex } from './rule-index.ts';
import type { ReadingSeries } from './series.ts';
import type { SeriesByQuantity, SeriesTable } from './series-table.ts';

/** How long after an edge has cooled down it is remembered, so that late reports find it. */
const REMEMBERED_MS = HOUR_MS;

/** An edge that a reading has met, and the most extreme reading since; it stays until that has left the window. */
interface Hot {
  readonly edge: Edge;
  until: number;
  top: number;
}

/** Numbers kept of a spread: two blocks of time with the least and greatest reading of each. */
const BEGIN = 0;
const LEAST = 1;
const GREATEST = 2;
const BEGIN_BEFORE = 3;
const LEAST_BEFORE = 4;
const GREATEST_BEFORE = 5;
const SPREAD_WIDTH = emptySpread.length;

const NOTHING_HOT: Hot[] = [];
const NONE_AWAKE: readonly number[] = [];

/**
 * What one station has seen of the thresholds of a rule set: which rules can be true at all at its newest instants. It
 * never says less than the windows do, only now and then more; it follows from the series, so that no checkpoint holds
 * it and no effect depends on it.
 */
export class Watch {
  readonly index: RuleIndex;
  /** Numbers of the rules with an episode, a hold begun or an open alert: every report asks them. Ascending. */
  awake: readonly number[] = NONE_AWAKE;
  /** Before this instant what it knew of hot edges is forgotten. */
  #sureFrom = Number.NEGATIVE_INFINITY;
  #hot: Hot[] = NOTHING_HOT;
  /** By sum: at least as much as any window holds that ends after the newest instant. */
  #sums: number[] | null = null;
  #spreads: number[] | null = null;

  constructor(index: RuleIndex, series: Pick<SeriesTable, 'names' | 'values'>) {
    this.index = index;
    const { names } = series;
    const all = series.values();
    for (let k = 0; k < all.length; k++) {
      const edges = index.quantities.get(names[k] as string);
      if (!edges) continue;
      const one = all[k] as ReadingSeries;
      // All that stands is at least what any window of it holds.
      for (let i = 0; i < one.length; i++) this.#note(edges, one.at(i), one.value(i), one.at(i), true);
    }
  }

  /** Takes the readings of a report that stand in their series; `since` is the newest instant before it. */
  noteReport({ quantities, values, observedAt }: Report, since: number): void {
    const { edges, high, low, summed, spread } = this.index.edgesOf(quantities);
    const isNewest = observedAt > since;
    for (let i = 0; i < high.length; i++) {
      const value = values[i] as number;
      if (value >= (high[i] as number) || value <= (low[i] as number))
        this.#meet(edges[i] as QuantityEdges, observedAt, value);
    }
    for (let k = 0; k < summed.length; k++) {
      const i = summed[k] as number;
      const value = values[i] as number;
      if (value > 0 || !isNewest) this.#add((edges[i] as QuantityEdges).sums, value, isNewest);
    }
    for (let k = 0; k < spread.length; k++) {
      const i = spread[k] as number;
      this.#widen((edges[i] as QuantityEdges).spreads, observedAt, values[i] as number, since);
    }
  }

  /** The same for a reading that was derived, and may stand before the newest. */
  note(quantity: string, at: number, value: number, since: number): void {
    const edges = this.index.quantities.get(quantity);
    if (edges) this.#note(edges, at, value, since, at > since);
  }

  #note(edges: QuantityEdges, at: number, value: number, since: number, isNewest: boolean): void {
    this.#meet(edges, at, value);
    if (edges.sums.length > 0 && (value > 0 || !isNewest)) this.#add(edges.sums, value, isNewest);
    if (edges.spreads.length > 0) this.#widen(edges.spreads, at, value, since);
  }

  #meet(edges: QuantityEdges, at: number, value: number): void {
    if (value >= edges.highFrom) this.#heat(edges.above, at, value);
    if (value <= edges.lowFrom) this.#heat(edges.below, at, -value);
  }

  #heat(edges: readonly Edge[], at: number, value: number): void {
    for (const edge of edges) {
      if (value < (edge.thresholds[0] as number)) continue;
      const until = at + edge.spanMs;
      const hot = this.#hot.find((one) => one.edge === edge);
      if (hot) {
        if (until > hot.until) hot.until = until;
        if (value > hot.top) hot.top = value;
      } else if (this.#hot === NOTHING_HOT) this.#hot = [{ edge, until, top: value }];
      else this.#hot.push({ edge, until, top: value });
    }
  }

  /** What comes between other readings can change which of them count: the sum is taken anew when asked for. */
  #add(edges: readonly Edge[], value: number, isNewest: boolean): void {
    this.#sums ??= this.index.noSums.slice();
    for (const { id } of edges) {
      if (isNewest) (this.#sums[id] as number) += value;
      else this.#sums[id] = Number.POSITIVE_INFINITY;
    }
  }

  #widen(edges: readonly Edge[], at: number, value: number, since: number): void {
    this.#spreads ??= this.index.noSpreads.slice();
    const cells = this.#spreads;
    for (const { id, spanMs } of edges) {
      const i = id * SPREAD_WIDTH;
      // Twice the span: a report that is a little late still finds its window in the two blocks.
      if (at > since && since - 2 * spanMs >= (cells[i + BEGIN] as number)) {
        cells[i + BEGIN_BEFORE] = cells[i + BEGIN] as number;
        cells[i + LEAST_BEFORE] = cells[i + LEAST] as number;
        cells[i + GREATEST_BEFORE] = cells[i + GREATEST] as number;
        cells[i + BEGIN] = at;
        cells[i + LEAST] = value;
        cells[i + GREATEST] = value;
        continue;
      }
      if (value < (cells[i + LEAST] as number)) cells[i + LEAST] = value;
      if (value > (cells[i + GREATEST] as number)) cells[i + GREATEST] = value;
    }
  }

  /**
   * Adds the numbers of the rules that may be true at an instant after `since`, in no order and some more than once.
   * @param isNewest nothing but the newest readings has changed since it was asked last
   * @returns false when it cannot tell: any rule may be
   */
  addCandidates(into: number[], series: SeriesByQuantity, since: number, isNewest: boolean): boolean {
    if (since < this.#sureFrom) return false;
    if (this.#hot.length > 0) this.#addHot(into, since, isNewest);
    if (this.#sums) this.#addSums(into, this.#sums, series, since, isNewest);
    if (this.#spreads) this.#addSpreads(into, this.#spreads, since);
    return true;
  }

  #addHot(into: number[], since: number, isNewest: boolean): void {
    let hasCooled = false;
    for (const { edge, until, top } of this.#hot) {
      if (until > since) addUpTo(into, edge, top);
      else if (isNewest && until + REMEMBERED_MS <= since) {
        hasCooled = true;
        if (until > this.#sureFrom) this.#sureFrom = until;
      }
    }
    if (hasCooled) this.#hot = this.#hot.filter(({ until }) => until + REMEMBERED_MS > since);
  }

  #addSums(into: number[], sums: number[], series: SeriesByQuantity, since: number, isNewest: boolean): void {
    for (const edge of this.index.sums) {
      const least = edge.thresholds[0] as number;
      if (isNewest && (sums[edge.id] as number) < least) continue;
      const one = series.get(edge.quantity);
      // All that stands in any window which ends after `since`.
      const sum = one ? one.sum(one.firstAfter(since - edge.spanMs), one.length - 1) : 0;
      sums[edge.id] = sum;
      if (sum >= least) addUpTo(into, edge, sum);
    }
  }

  #addSpreads(into: number[], cells: readonly number[], since: number): void {
    for (const edge of this.index.spreads) {
      const i = edge.id * SPREAD_WIDTH;
      const isCovered = since - edge.spanMs >= (cells[i + BEGIN_BEFORE] as number);
      const spread = isCovered
        ? Math.max(cells[i + GREATEST] as number, cells[i + GREATEST_BEFORE] as number) -
          Math.min(cells[i + LEAST] as number, cells[i + LEAST_BEFORE] as number)
        : Number.POSITIVE_INFINITY;
      if (spread >= (edge.thresholds[0] as number)) addUpTo(into, edge, spread);
    }
  }
}

/** The rules of an edge with a threshold at or below a value. */
function addUpTo(into: number[], { thresholds, rules }: Edge, value: number): void {
  for (let i = 0; i < thresholds.length && (thresholds[i] as number) <= value; i++)
    into.push(rules[i] as number);
}
