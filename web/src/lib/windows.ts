/** Windows over one quantity of one station, as the engine counts them: pure, in epoch ms. */
export interface Reading {
  /** End of the interval measured, epoch ms. */
  readonly at: number;
  readonly value: number;
  readonly flag: string;
  /** The check that flags it, or the one by which neighbours speak against its hour. */
  readonly check?: string;
}
export interface Span {
  readonly from: number;
  readonly to: number;
}
export interface WindowValue {
  readonly at: number;
  /** null: no reading lies in the window wholly. */
  readonly value: number | null;
  /** 0..1, how much of the window usable readings cover. */
  readonly coverage: number;
}
export type WindowAggregate = 'sum' | 'max' | 'min' | 'avg' | 'last' | 'count';

/** The engine counts what is good alone (docs/quality.md). */
export const isUsable = (reading: Reading): boolean =>
  reading.flag === 'good' || reading.flag === 'unchecked';

function reduce(values: readonly number[], aggregate: WindowAggregate): number | null {
  if (aggregate === 'count') return values.length;
  if (values.length === 0) return null;
  const sum = values.reduce((total, value) => total + value, 0);
  switch (aggregate) {
    case 'sum':
      return Math.round(sum * 1000) / 1000;
    case 'avg':
      return Math.round((sum / values.length) * 1000) / 1000;
    case 'max':
      return Math.max(...values);
    case 'min':
      return Math.min(...values);
    case 'last':
      return values.at(-1) ?? null;
  }
}

/**
 * The aggregate over `(t - spanMs, t]` at each instant. A reading that measures an interval counts only when its whole
 * interval lies in the window (design section 5, "Windows"). `readings` ascend by `at`.
 */
export function slide(
  readings: readonly Reading[],
  instants: readonly number[],
  spanMs: number,
  intervalMs: number,
  aggregate: WindowAggregate,
): WindowValue[] {
  const usable = readings.filter(isUsable);
  return instants.map((at) => {
    const inside = usable.filter((reading) => reading.at <= at && reading.at - intervalMs >= at - spanMs);
    const covered = Math.min(1, (inside.length * intervalMs) / spanMs);
    return {
      at,
      value: reduce(
        inside.map((reading) => reading.value),
        aggregate,
      ),
      coverage: covered,
    };
  });
}

/** Intervals in `(from, to]` for which no reading is there, neighbours joined; `intervalMs` is the station's pace. */
export function gaps(readings: readonly { readonly at: number }[], span: Span, intervalMs: number): Span[] {
  const found: Span[] = [];
  const there = new Set(readings.map((reading) => reading.at));
  const first = Math.floor(span.from / intervalMs) * intervalMs + intervalMs;
  for (let at = first; at <= span.to; at += intervalMs) {
    if (there.has(at)) continue;
    const last = found.at(-1);
    if (last && last.to === at - intervalMs) found[found.length - 1] = { from: last.from, to: at };
    else found.push({ from: at - intervalMs, to: at });
  }
  return found;
}

/** Runs of readings without a gap between them: a line is broken where data is missing. */
export function runs<T extends { readonly at: number }>(points: readonly T[], intervalMs: number): T[][] {
  const found: T[][] = [];
  for (const point of points) {
    const run = found.at(-1);
    const last = run?.at(-1);
    if (run && last && point.at - last.at <= intervalMs * 1.5) run.push(point);
    else found.push([point]);
  }
  return found;
}

/** Share of expected intervals in `span` that arrived, 0..1. */
export function completeness(
  readings: readonly { readonly at: number }[],
  span: Span,
  intervalMs: number,
): number {
  const expected = Math.max(1, Math.floor((span.to - span.from) / intervalMs));
  const arrived = readings.filter((reading) => reading.at > span.from && reading.at <= span.to).length;
  return Math.min(1, arrived / expected);
}

const aggregates: ReadonlySet<string> = new Set<WindowAggregate>([
  'sum',
  'max',
  'min',
  'avg',
  'last',
  'count',
]);

/** Is this an aggregate `slide` computes? (The engine knows more: percentiles, trends.) */
export const isAggregate = (name: string): name is WindowAggregate => aggregates.has(name);
