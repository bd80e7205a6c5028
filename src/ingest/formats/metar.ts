import { type IMetar, parseMetar, RemarkType } from 'metar-taf-parser';
import { DAY_MS, formatInstant } from '../../model/time.ts';
import type { RawReading, RawReport } from '../decode/report.ts';
import { type Format, type Ignored, type Profile, stationOf } from './format.ts';
import { notThis } from './json-message.ts';

const MAX_REPORTS = 10_000;
const STATION = /^(?:METAR |SPECI )?(?:COR )?([A-Z][A-Z0-9]{3}) (\d{2})(\d{2})(\d{2})Z /;
/** First line of a bulletin (WMO-No. 386): what it holds, who compiled it, day and time. */
const HEADING = /^[A-Z]{4}\d{0,2} [A-Z]{4} \d{6}(?: [A-Z]{3})?$/;
const windUnits = { KT: 'kt', MPS: 'm/s', 'KM/H': 'km/h' } as const;
const distanceUnits = { m: 'm', SM: 'mi' } as const;

/**
 * METAR and SPECI as text: one report, or bulletins of them, each ended by `=` (WMO-No. 306, FM 15 and FM 16). The day of
 * the month is that of the newest such day no later than a day after arrival. The altimeter setting (Q, A) is neither the
 * pressure at the station nor that at sea level and is left out; temperatures in tenths (T group) are preferred.
 */
export const metar: Format = {
  name: 'metar',
  summary: 'METAR and SPECI as text, alone or in bulletins.',
  decode({ body, receivedAt }, profile) {
    const texts = reportsOf(new TextDecoder('latin1').decode(body));
    if (texts.length > MAX_REPORTS)
      throw notThis(`The bulletin has over ${MAX_REPORTS} reports; send it in smaller parts.`);
    const reports: RawReport[] = [];
    const ignored: Ignored[] = [];
    for (const [index, text] of texts.entries()) {
      const report = readReport(text, receivedAt, profile);
      if (typeof report === 'string') ignored.push({ path: `[${index}] ${text.slice(0, 30)}`, why: report });
      else reports.push(report);
    }
    if (reports.length === 0)
      throw notThis('No METAR is found; a text such as METAR SBPA 301200Z 11010KT … is expected.');
    return { reports, ignored, stations: [] };
  },
};

/** Reports of a bulletin, white space and control characters made one space. Bulletins without `=` hold one a line. */
function reportsOf(text: string): string[] {
  const lines = text
    .split(/[\r\n]+/)
    .map(plain)
    .filter((line) => line !== '' && !HEADING.test(line));
  const pieces = text.includes('=') ? lines.join(' ').split('=') : lines;
  return pieces
    .map(plain)
    .filter((piece) => /\d{6}Z /.test(piece))
    .map(fromStation);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: bulletins come with those of their transmission
const plain = (text: string): string => text.replace(/[\x00-\x20\x7f]+/g, ' ').trim();

/** Without what stands before the report in its bulletin. */
function fromStation(piece: string): string {
  const start = piece.search(/(?:(?:METAR|SPECI) )?(?:COR )?[A-Z][A-Z0-9]{3} \d{6}Z /);
  return start > 0 ? piece.slice(start) : piece;
}

/** The report, or why it is none. */
function readReport(text: string, receivedAt: number, profile: Profile): RawReport | string {
  const head = STATION.exec(text);
  if (!head) return 'no METAR: station and time are expected first';
  const [, station = '', day, hour, minute] = head;
  const at = newest(Number(day), Number(hour), Number(minute), receivedAt);
  if (at === undefined) return `${day} ${hour}:${minute} is no time of a month`;
  if (/ NIL\b/.test(text)) return 'the station has not reported (NIL)';
  try {
    const read = parseMetar(text.replace(/ COR /, ' '));
    const readings = readingsOf(read);
    return {
      station: stationOf('icao', station, profile),
      observedAt: formatInstant(at),
      interval: profile.interval ?? 'PT1H',
      readings,
    };
  } catch (error) {
    return `cannot be read: ${(error as Error).message.slice(0, 100)}`;
  }
}

function readingsOf({ wind, visibility, cavok, temperature, dewPoint, remarks }: IMetar): RawReading[] {
  const readings: RawReading[] = [];
  const add = (quantity: string, value: number | undefined, unit: string): void => {
    if (value !== undefined && Number.isFinite(value)) readings.push({ quantity, value, unit });
  };
  const remark = <T extends RemarkType>(type: T) => remarks.find((one) => one.type === type);
  const tenths = remark(RemarkType.HourlyTemperatureDewPoint) as
    | { temperature?: number; dewPoint?: number }
    | undefined;
  add('airTemperature', tenths?.temperature ?? temperature, '°C');
  add('dewPoint', tenths?.dewPoint ?? dewPoint, '°C');
  if (wind) {
    const unit = windUnits[wind.unit];
    add('windSpeed', wind.speed, unit);
    add('windGust', wind.gust, unit);
    add('windDirection', wind.speed === 0 ? undefined : wind.degrees, '°');
  }
  if (cavok) add('visibility', 10_000, 'm');
  // More or less than a value is told as the value: it is the bound that matters.
  else if (visibility) add('visibility', visibility.value, distanceUnits[visibility.unit]);
  const sea = remark(RemarkType.SeaLevelPressure) as { pressure: number } | undefined;
  add('seaLevelPressure', sea?.pressure, 'hPa');
  const rain = remark(RemarkType.HourlyPrecipitationAmount) as { amount: number } | undefined;
  add('rainfall', rain?.amount, 'in');
  return readings;
}

/** The newest instant with that day of the month, hour and minute, at most a day after `receivedAt`. */
function newest(day: number, hour: number, minute: number, receivedAt: number): number | undefined {
  if (day < 1 || day > 31 || hour > 23 || minute > 59) return undefined;
  const limit = new Date(receivedAt + DAY_MS);
  // Every day of a month comes within two months.
  for (let back = 0; back <= 2; back++) {
    const at = Date.UTC(limit.getUTCFullYear(), limit.getUTCMonth() - back, day, hour, minute);
    if (at <= limit.getTime() && new Date(at).getUTCDate() === day) return at;
  }
  return undefined;
}
