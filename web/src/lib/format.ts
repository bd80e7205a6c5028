import type { Language } from '../../../src/model/language.ts';

/** Everything Intl, made once per language and zone. Times are 24 h; instants are ISO text or epoch ms. */
const cache = new Map<string, Intl.DateTimeFormat>();

function dateFormat(
  language: Language,
  timeZone: string,
  options: Intl.DateTimeFormatOptions,
): Intl.DateTimeFormat {
  const key = `${language}|${timeZone}|${JSON.stringify(options)}`;
  const known = cache.get(key);
  if (known) return known;
  const made = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, {
    ...options,
    timeZone,
    hourCycle: 'h23',
  });
  cache.set(key, made);
  return made;
}

const epoch = (at: string | number): number => (typeof at === 'number' ? at : Date.parse(at));

/** `04:12`, with seconds `04:12:06`. */
export function time(at: string | number, language: Language, timeZone: string, withSeconds = false): string {
  const options: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit' };
  return dateFormat(language, timeZone, withSeconds ? { ...options, second: '2-digit' } : options).format(
    epoch(at),
  );
}

/** `30 abr`, `30 Apr`. */
export function day(at: string | number, language: Language, timeZone: string): string {
  const parts = dateFormat(language, timeZone, { day: 'numeric', month: 'short' }).formatToParts(epoch(at));
  const get = (type: string): string => parts.find((part) => part.type === type)?.value ?? '';
  return `${get('day')} ${get('month').replace('.', '')}`;
}

/** `30 de abril de 2024`. */
export const longDay = (at: string | number, language: Language, timeZone: string): string =>
  dateFormat(language, timeZone, { day: 'numeric', month: 'long', year: 'numeric' }).format(epoch(at));

export const dayTime = (at: string | number, language: Language, timeZone: string): string =>
  `${day(at, language, timeZone)} ${time(at, language, timeZone)}`;

/** Short name of the zone: `BRT`, `GMT-3`. */
export function zoneName(at: string | number, language: Language, timeZone: string): string {
  const parts = dateFormat(language, timeZone, { hour: '2-digit', timeZoneName: 'short' }).formatToParts(
    epoch(at),
  );
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? timeZone;
}

/** `120,8`: `digits` decimals, at least and at most. */
export const number = (value: number, language: Language, digits = 1): string =>
  value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** `100`, `0,5`: no more decimals than needed. */
export const short = (value: number, language: Language): string =>
  value.toLocaleString(language, { maximumFractionDigits: 3 });

export const percent = (value: number, language: Language): string =>
  value
    .toLocaleString(language, { style: 'percent', maximumFractionDigits: 0 })
    .replace('%', ' %')
    .replace(/\s+%/, '\u00a0%');

/** `12 s`, `6 min`, `6 h 06 min`, `3 d 4 h`: the two largest units. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48)
    return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${String(minutes % 60).padStart(2, '0')} min`;
  return hours % 24 === 0 ? `${Math.floor(hours / 24)} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `29,3689° S 50,8272° O`. */
export function position(latitude: number, longitude: number, language: Language): string {
  const west = language === 'en' ? 'W' : 'O';
  const east = language === 'en' ? 'E' : 'L';
  const degrees = (value: number): string => `${number(Math.abs(value), language, 4)}°`;
  return `${degrees(latitude)} ${latitude < 0 ? 'S' : 'N'} ${degrees(longitude)} ${longitude < 0 ? west : east}`;
}

/** `PT1H` in ms; null when it is no duration of hours, minutes and seconds. */
export function durationMs(text: string | null | undefined): number | null {
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(text ?? '');
  if (!match) return null;
  const [, d = 0, h = 0, m = 0, s = 0] = match;
  return Number(d) * 86_400_000 + Number(h) * 3_600_000 + Number(m) * 60_000 + Number(s) * 1000 || null;
}
