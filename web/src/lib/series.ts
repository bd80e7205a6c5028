import type { ObservationItem } from './contract.ts';
import type { Reading } from './windows.ts';

/** The readings of one quantity, ascending; observations without it leave a gap. */
export function readingsOf(items: readonly ObservationItem[], quantity: string): Reading[] {
  return items.flatMap((item) => {
    const reading = item.values[quantity];
    if (!reading) return [];
    const { value, flag, marks } = reading;
    const check = reading.check ?? marks?.[0]?.check;
    return [{ at: Date.parse(item.at), value, flag, ...(check === undefined ? {} : { check }) }];
  });
}

/** The usual pace of a series: the median step between readings, ms; `fallback` below three readings. */
export function paceOf(items: readonly { readonly at: string }[], fallback: number): number {
  const steps = items
    .slice(1)
    .map((item, i) => Date.parse(item.at) - Date.parse(items[i]?.at ?? item.at))
    .toSorted((a, b) => a - b);
  return steps.length < 2 ? fallback : (steps[Math.floor(steps.length / 2)] ?? fallback);
}

/** Quantities that occur in the observations, those of the usual panels first. */
export function quantitiesIn(items: readonly ObservationItem[]): string[] {
  const order = [
    'rainfall',
    'riverLevel',
    'airTemperature',
    'relativeHumidity',
    'windGust',
    'windSpeed',
    'stationPressure',
    'dewPoint',
    'globalRadiation',
  ];
  const found = new Set(items.flatMap((item) => Object.keys(item.values)));
  const rank = (name: string): number => (order.indexOf(name) + order.length + 1) % (order.length + 1);
  return [...found].toSorted((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}
