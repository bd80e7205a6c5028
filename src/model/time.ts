/** Instants are epoch milliseconds in UTC; spans are milliseconds. */
export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** `YYYY-MM-DDThh:mm:ssZ`, the form of every instant we write (RFC 3339, whole seconds). */
export const formatInstant = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

/** First instant of the month in UTC that holds the instant, epoch ms, or of the one after it. */
export const monthStart = (at: number): number => monthAt(at, 0);
export const nextMonth = (at: number): number => monthAt(at, 1);
const monthAt = (at: number, ahead: number): number => {
  const date = new Date(at);
  return new Date(0).setUTCFullYear(date.getUTCFullYear(), date.getUTCMonth() + ahead, 1);
};

const INSTANT = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/;

/**
 * Reads an RFC 3339 instant to epoch ms (a fraction is cut to ms). Second `:60` is the next second.
 * Returns undefined for anything else: no zone, `24:00`, a day that is not in the calendar.
 */
export function parseInstant(text: string): number | undefined {
  const m = INSTANT.exec(text);
  if (!m) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = m as unknown as string[];
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const base = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), 0);
  const date = new Date(base);
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined;
  const ms = fraction ? Number(`${fraction}00`.slice(0, 3)) : 0;
  return base + Number(second) * SECOND_MS + ms - zoneOffsetMs(zone as string);
}

function zoneOffsetMs(zone: string): number {
  if (zone === 'Z' || zone === 'z') return 0;
  const sign = zone[0] === '-' ? -1 : 1;
  return sign * (Number(zone.slice(1, 3)) * HOUR_MS + Number(zone.slice(4, 6)) * MINUTE_MS);
}

const UNITS_MS: Record<string, number> = {
  ms: 1,
  s: SECOND_MS,
  min: MINUTE_MS,
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
};
const ISO_SPAN = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;

/** Reads a span, `90s`, `5m`, `24h`, `2d` or ISO 8601 `PT1H`, to ms; undefined when it is none or not above zero. */
export function parseSpan(text: string): number | undefined {
  const plain = /^(\d{1,9})\s*(ms|s|min|m|h|d)$/.exec(text.trim());
  if (plain) return positive(Number(plain[1]) * (UNITS_MS[plain[2] as string] as number));
  const iso = ISO_SPAN.exec(text.trim());
  if (!iso) return undefined;
  const [, d, h, m, s] = iso.map((part) => Number(part ?? 0)) as [number, number, number, number, number];
  return positive(d * DAY_MS + h * HOUR_MS + m * MINUTE_MS + s * SECOND_MS);
}

const positive = (ms: number): number | undefined => (ms > 0 && ms <= 4000 * DAY_MS ? ms : undefined);

/** The shortest plain form of a span: `24h`, `90m`, `45s`. */
export function formatSpan(ms: number): string {
  if (ms % HOUR_MS === 0) return `${ms / HOUR_MS}h`;
  if (ms % MINUTE_MS === 0) return `${ms / MINUTE_MS}m`;
  if (ms % SECOND_MS === 0) return `${ms / SECOND_MS}s`;
  return `${ms}ms`;
}
