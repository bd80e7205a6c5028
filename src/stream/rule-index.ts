import type { CompiledRule } from './compiled-rule.ts';
import { type Edge, LayoutEdges, type QuantityEdges } from './layout-edges.ts';
import { type TriggerKey, triggerOf } from './trigger.ts';

const { NEGATIVE_INFINITY: LOW, POSITIVE_INFINITY: HIGH } = Number;

/** Begin, least and greatest of two blocks of time without a reading. */
export const emptySpread: readonly number[] = [LOW, HIGH, LOW, LOW, HIGH, LOW];

/**
 * The rules of `subject: station` of one set, by what must be seen before they can fire: a reading is compared with the
 * lowest threshold of its quantity, not with every rule.
 */
export class RuleIndex {
  readonly rules: readonly CompiledRule[];
  /** Rules that every report asks: those with other windows than sliding ones, with silence, or without a key. Ascending. */
  readonly asked: readonly number[];
  /** Of these, the ones with silence terms: the clock moves them, too. */
  readonly silent: readonly number[];
  readonly all: readonly number[];
  readonly sums: readonly Edge[];
  readonly spreads: readonly Edge[];
  /** What a station knows of all sums and spreads before its first reading. */
  readonly noSums: readonly number[];
  readonly noSpreads: readonly number[];
  readonly quantities: ReadonlyMap<string, QuantityEdges>;
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #layouts = new WeakMap<readonly string[], LayoutEdges>();
  /** The layout asked for last: most reports have the same. */
  #layout: readonly string[] | null = null;
  #layoutEdges = new LayoutEdges([]);

  constructor(rules: readonly CompiledRule[]) {
    this.rules = rules;
    this.all = rules.map((_, i) => i);
    this.#numbers = new Map(rules.map(({ rule }, i) => [rule.name, i]));
    this.silent = this.all.filter((i) => (rules[i] as CompiledRule).silences.length > 0);
    const asked: number[] = [];
    const keys = new EdgeTable();
    rules.forEach((rule, i) => {
      // What follows the readings of a report does not know those that turn suspect or good afterwards.
      const trigger = isWatched(rule) && !rule.acceptsSuspect ? triggerOf(rule.rule) : null;
      if (trigger === null) asked.push(i);
      else for (const key of trigger) keys.add(key, i);
    });
    this.asked = asked;
    this.sums = keys.edges('sum');
    this.spreads = keys.edges('spread');
    this.noSums = this.sums.map(() => 0);
    this.noSpreads = this.spreads.flatMap(() => emptySpread);
    this.quantities = quantityEdges(keys.edges('above'), keys.edges('below'), this.sums, this.spreads);
  }

  numberOf(rule: string): number | undefined {
    return this.#numbers.get(rule);
  }

  /** The edges of a report's quantities; reports of one layout share the array that names them. */
  edgesOf(layout: readonly string[]): LayoutEdges {
    if (layout === this.#layout) return this.#layoutEdges;
    let edges = this.#layouts.get(layout);
    if (!edges) {
      edges = new LayoutEdges(layout.map((quantity) => this.quantities.get(quantity) ?? null));
      this.#layouts.set(layout, edges);
    }
    this.#layout = layout;
    this.#layoutEdges = edges;
    return edges;
  }
}

/** Rules that read sliding windows of their station and nothing else can rest until a key of theirs is met. */
export const isWatched = (rule: CompiledRule): boolean => rule.isSliding && rule.silences.length === 0;

class EdgeTable {
  readonly #found = new Map<string, { key: TriggerKey; entries: { threshold: number; rule: number }[] }>();

  add(key: TriggerKey, rule: number): void {
    const name = `${key.kind}/${key.quantity}/${key.spanMs}`;
    const entry = { threshold: key.kind === 'below' ? -key.threshold : key.threshold, rule };
    const found = this.#found.get(name);
    if (found) found.entries.push(entry);
    else this.#found.set(name, { key, entries: [entry] });
  }

  edges(kind: TriggerKey['kind']): Edge[] {
    return [...this.#found.values()]
      .filter(({ key }) => key.kind === kind)
      .map(({ key: { quantity, spanMs }, entries }, id) => {
        entries.sort((a, b) => a.threshold - b.threshold || a.rule - b.rule);
        return {
          id,
          quantity,
          spanMs,
          thresholds: entries.map(({ threshold }) => threshold),
          rules: entries.map(({ rule }) => rule),
        };
      });
  }
}

function quantityEdges(
  above: readonly Edge[],
  below: readonly Edge[],
  sums: readonly Edge[],
  spreads: readonly Edge[],
): Map<string, QuantityEdges> {
  const names = new Set(
    [above, below, sums, spreads].flatMap((edges) => edges.map(({ quantity }) => quantity)),
  );
  const least = (edges: readonly Edge[]): number =>
    edges.reduce(
      (lowest, { thresholds }) => Math.min(lowest, thresholds[0] as number),
      Number.POSITIVE_INFINITY,
    );
  return new Map(
    [...names].map((quantity) => {
      const of = (edges: readonly Edge[]): Edge[] => edges.filter((edge) => edge.quantity === quantity);
      const [high, low] = [of(above), of(below)];
      return [
        quantity,
        {
          quantity,
          above: high,
          below: low,
          highFrom: least(high),
          lowFrom: -least(low),
          sums: of(sums),
          spreads: of(spreads),
        },
      ];
    }),
  );
}
