import { DAY_MS, HOUR_MS } from './time.ts';

/** Starts of local days kept in memory; a year of 64 zones. */
const MAX_STARTS = 24_000;

const formats = new Map<string, Intl.DateTimeFormat>();
const starts = new Map<string, Map<number, number>>();
let kept = 0;

/**
 * The instant at which a local day begins, epoch ms; `day` counts days since 1970-01-01 in the zone. Where clocks jump
 * over midnight, it is the first instant of the day; where midnight comes twice, the first one. Zones are IANA's, as
 * Node's own ICU knows them.
 * @throws RangeError when the zone is unknown (ingest accepts known ones alone)
 */
export function dayStart(day: number, timeZone: string): number {
  let known = starts.get(timeZone);
  if (!known) {
    known = new Map();
    starts.set(timeZone, known);
  }
  let start = known.get(day);
  if (start === undefined) {
    if (kept++ >= MAX_STARTS) {
      kept = 0;
      for (const days of starts.values()) days.clear();
    }
    start = timeZone === 'UTC' ? day * DAY_MS : findStart(day, timeZone);
    known.set(day, start);
  }
  return start;
}

function findStart(day: number, timeZone: string): number {
  const midnight = day * DAY_MS;
  // Offsets lie between -12 h and +14 h: a day to each side is before and after whatever happens at this midnight.
  const before = midnight - offsetMs(midnight - DAY_MS, timeZone);
  if (localMs(before, timeZone) === midnight) return before;
  const after = midnight - offsetMs(midnight + DAY_MS, timeZone);
  if (localMs(after, timeZone) === midnight) return after;
  // No instant is midnight: the day begins where the clocks jump.
  let low = Math.min(before, after) - HOUR_MS;
  let high = Math.max(before, after) + HOUR_MS;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (localMs(middle, timeZone) >= midnight) high = middle;
    else low = middle;
  }
  return high;
}

/** The local day that an instant lies in: the newest that has begun. */
export function localDay(at: number, timeZone: string): number {
  let day = Math.floor(at / DAY_MS);
  while (dayStart(day + 1, timeZone) <= at) day++;
  while (dayStart(day, timeZone) > at) day--;
  return day;
}

/**
 * Day of the year, 1..366, of what was measured up to `at`: midnight still belongs to the day that ends. Counted as in a
 * leap year, so that a calendar day keeps its number: 1 March is always 61.
 */
export function dayOfYear(at: number, timeZone: string): number {
  const date = new Date(localDay(at - 1, timeZone) * DAY_MS);
  return (
    Math.round((Date.UTC(2000, date.getUTCMonth(), date.getUTCDate()) - Date.UTC(2000, 0, 1)) / DAY_MS) + 1
  );
}

/**
 * The instants, epoch ms ascending, at which clocks of the zone show `wall` (a local date and time read as if it were
 * UTC, ms): none where clocks jump over it, two where it comes twice.
 */
export function instantsOf(wall: number, timeZone: string): readonly number[] {
  const before = wall - offsetMs(wall - DAY_MS, timeZone);
  const after = wall - offsetMs(wall + DAY_MS, timeZone);
  return [...new Set([before, after])].filter((at) => localMs(at, timeZone) === wall).sort((a, b) => a - b);
}

const offsetMs = (at: number, timeZone: string): number => localMs(at, timeZone) - at;

/** The local date and time read as if it were UTC. */
export function localMs(at: number, timeZone: string): number {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timeZone, format);
  }
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(at)) part[type] = Number(value);
  const { year, month, day, hour, minute, second } = part as Record<string, number> & { year: number };
  const whole = Date.UTC(year, (month as number) - 1, day, hour, minute, second);
  return whole + (((at % 1000) + 1000) % 1000);
}
