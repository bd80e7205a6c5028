import { DAY_MS, MINUTE_MS } from './time.ts';

/**
 * Wall time: what the clock on the wall of a zone shows, as epoch ms of the same figures in UTC, so that days and hours
 * can be counted on it whatever the zone does to its clock.
 */
const formats = new Map<string, Intl.DateTimeFormat>();

/** The wall time of an instant, to the second. Throws RangeError for a zone that is none. */
export function wallAt(at: number, timeZone: string): number {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en', {
      ...{ timeZone, hourCycle: 'h23', era: 'short' },
      ...{ year: 'numeric', month: 'numeric', day: 'numeric' },
      ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
    });
    formats.set(timeZone, format);
  }
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
}

/**
 * The first instant at which the wall has shown this time or a later one: where an hour comes twice the first of the two,
 * where it is left out the moment of the change. A zone changes its clock at most once within a day either side.
 */
export function firstInstantAt(wall: number, timeZone: string): number {
  const offset = (at: number): number => wallAt(at, timeZone) - Math.floor(at / 1000) * 1000;
  const before = wall - offset(wall - DAY_MS);
  const after = wall - offset(wall + DAY_MS);
  const [first, second] = [Math.min(before, after), Math.max(before, after)];
  for (const at of [first, second]) if (wallAt(at, timeZone) === wall) return at;
  // Left out: the change lies between the two, on a whole minute.
  let [low, high] = [first, second];
  while (high - low > MINUTE_MS) {
    const middle = low + Math.floor((high - low) / 2 / MINUTE_MS) * MINUTE_MS;
    if (wallAt(middle, timeZone) >= wall) high = middle;
    else low = middle;
  }
  return high;
}
