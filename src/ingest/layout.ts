import { quantities } from '../model/quantity.ts';

const order = new Map([...quantities.keys()].map((name, index) => [name, index]));
const layouts = new Map<string, readonly string[]>();
const MAX_LAYOUTS = 10_000;

/**
 * The shared array for a set of quantity names, in the order of the quantity table.
 * Reports of one layout share it, so that the fold can look it up by identity.
 */
export function layoutOf(names: readonly string[]): readonly string[] {
  const sorted = [...names].sort((a, b) => (order.get(a) ?? 999) - (order.get(b) ?? 999) || (a < b ? -1 : 1));
  const key = sorted.join(' ');
  const found = layouts.get(key);
  if (found !== undefined) return found;
  Object.freeze(sorted);
  if (layouts.size < MAX_LAYOUTS) layouts.set(key, sorted);
  return sorted;
}

/** Quantities and values of one report, parallel and in the order of the layout. */
export function arrangeReadings(readings: ReadonlyMap<string, number>): {
  quantities: readonly string[];
  values: number[];
} {
  const layout = layoutOf([...readings.keys()]);
  return { quantities: layout, values: layout.map((name) => readings.get(name) as number) };
}
