import { instantsOf } from '../../model/local-day.ts';
import { formatInstant, parseInstant } from '../../model/time.ts';

/** Order of day and month where the year does not come first. */
export type DateOrder = 'day-first' | 'month-first';

const WALL = /^(\d{4})[-/.](\d\d?)[-/.](\d\d?)(?:[T _]+(\d\d?)[:h]?(\d\d)(?::?(\d\d)(?:\.\d+)?)?)?$/;

const TIME = String.raw`(?:[T _,]+(\d\d?)[:h]?(\d\d)(?::?(\d\d)(?:\.\d+)?)?)?`;
/** `01/05/2024 06:00`, `06.04.20 08:00`: day and month by an order that must be known. */
const YEAR_LAST = new RegExp(String.raw`^(\d\d?)[-/.](\d\d?)[-/.](\d{4}|\d\d)${TIME}$`);
/** `202405010600`, with or without seconds. */
const COMPACT = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?$/;

/**
 * RFC 3339 text of a date and time as producers write it: with its zone as it stands, `2020-5-4 4:34:26` and its kin
 * in `timeZone`, those with the year last by `order`. Where local clocks show it twice, the first is meant. Undefined where
 * it cannot be known: no zone or no order is given, or the clocks jump over it.
 */
export function instantText(
  text: string,
  timeZone: string | undefined,
  order?: DateOrder,
): string | undefined {
  const trimmed = text.trim();
  if (parseInstant(trimmed) !== undefined) return trimmed;
  const zoned = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d)(:\d\d(?:\.\d+)?)?(?: ?(Z|UTC|[+-]\d\d):?(\d\d)?)$/.exec(
    trimmed,
  );
  if (zoned) {
    const [, minute, second = ':00', zone = 'Z', minutes = '00'] = zoned;
    return `${minute}${second}${zone === 'Z' || zone === 'UTC' ? 'Z' : `${zone}:${minutes}`}`;
  }
  const wall = timeZone === undefined ? undefined : wallMs(trimmed, order);
  if (wall === undefined || timeZone === undefined) return undefined;
  const at = timeZone === 'UTC' ? wall : instantsOf(wall, timeZone)[0];
  return at === undefined ? undefined : formatInstant(at);
}

/** A date and time without zone, read as if it were UTC, ms. */
function wallMs(text: string, order: DateOrder | undefined): number | undefined {
  const yearLast = order === undefined ? null : YEAR_LAST.exec(text);
  const [, one, two, last, ...time] = yearLast ?? [];
  const match =
    yearLast && last
      ? [
          last.length === 2 ? `20${last}` : last,
          ...(order === 'day-first' ? [two, one] : [one, two]),
          ...time,
        ]
      : (WALL.exec(text) ?? COMPACT.exec(text))?.slice(1);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const wall = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(wall);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? wall : undefined;
}

/** RFC 3339 text of epoch seconds; undefined for what is none. */
export function epochText(seconds: unknown): string | undefined {
  const number = typeof seconds === 'string' ? Number(seconds) : seconds;
  if (typeof number !== 'number' || !(number > 0 && number < 8e9)) return undefined;
  return formatInstant(Math.floor(number) * 1000);
}
