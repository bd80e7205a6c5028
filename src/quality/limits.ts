import type { Station } from '../model/station.ts';
import { HOUR_MS } from '../model/time.ts';
import { cosineOfZenith, isPlaceKnown } from '../rules/derived/sun.ts';

/** Where a station stands; what the limits of a reading hang on. */
export type Site = Pick<Station, 'latitude' | 'longitude' | 'altitude'>;

/** Outside `suspect` a value is doubtful, outside `bad` it is false. Canonical units. */
export interface Limits {
  readonly suspect: readonly [number, number];
  readonly bad: readonly [number, number];
}

const BRAZIL = { south: -34, north: 6, west: -74, east: -28 };
const isBrazil = ({ latitude, longitude }: Site): boolean =>
  latitude > BRAZIL.south && latitude < BRAZIL.north && longitude > BRAZIL.west && longitude < BRAZIL.east;

/** Mean solar hour of the place, 0..24. */
const solarHour = (at: number, longitude: number): number => {
  const hour = (at / HOUR_MS + longitude / 15) % 24;
  return hour < 0 ? hour + 24 : hour;
};

/** Above 45° of latitude nights are short and days without sun are many: there the hour says little. */
const isLowLatitude = (site: Site): boolean => Math.abs(site.latitude) < 45;

/**
 * How far below the day's the hottest of an hour lies, °C. In recordings of INMET (44 stations through 2024, five through
 * 2020-2024, two events) the hottest was 44.2 °C at 15, 39.0 °C at 19, 34.9 °C at midnight and 35.7 °C at 08 solar time.
 */
function nightRelief(site: Site, at: number): number {
  if (!isLowLatitude(site) || !isPlaceKnown(site.latitude, site.longitude)) return 0;
  const hour = solarHour(at, site.longitude);
  if (hour >= 10 && hour < 20) return 0;
  return hour >= 21 || hour < 9 ? 7 : 3.5;
}

/** 1 in the middle of the local winter, 0 in that of summer; by the month, poleward of the tropics. */
function winter(site: Site, at: number): number {
  const month = new Date(at).getUTCMonth();
  const northern = (1 + Math.cos((2 * Math.PI * month) / 12)) / 2;
  return site.latitude > 0 ? northern : 1 - northern;
}

/** Hottest and coldest by belt of latitude at sea level, °C: set by hand about the records of the WMO's archive of extremes (wmo.asu.edu). */
const belts: readonly { readonly to: number; readonly hot: number; readonly cold: number }[] = [
  { to: 15, hot: 49, cold: 2 },
  { to: 25, hot: 52, cold: -10 },
  { to: 40, hot: 56.7, cold: -35 },
  { to: 50, hot: 50, cold: -55 },
  { to: 60, hot: 46, cold: -65 },
  { to: 91, hot: 38, cold: -70 },
];

/** Air colder than its record by so much, or hotter, is false; nearer it may be a new record, which must not be lost. */
const MARGIN_C = 3.2;
/** °C per metre: the hottest air of a height falls by about 5 °C a kilometre, the coldest by more. */
const HOT_LAPSE = 0.005;
const COLD_LAPSE = 0.0065;

function airLimits(site: Site, at: number): Limits {
  const distance = Math.abs(site.latitude);
  const belt = belts.find(({ to }) => distance < to) ?? (belts[0] as (typeof belts)[number]);
  const height = site.altitude ?? 0;
  // Antarctica: 18.3 °C at Esperanza 2020, -89.2 °C at Vostok 1983.
  let [hot, cold] = site.latitude < -60 ? [18.4, -89.2] : [belt.hot, belt.cold];
  // The hottest and coldest that were measured in Brazil: 44.8 °C (Araçuaí 2023), about -10 °C in the south.
  if (isBrazil(site)) [hot, cold] = [44.8, distance < 15 ? 4 : -10];
  hot -= HOT_LAPSE * Math.max(0, height - 700) + nightRelief(site, at);
  hot -= Math.max(0, Math.min(distance, 45) - 25) * 0.6 * winter(site, at);
  // The archive's cold records of the poles were measured on the heights themselves.
  if (distance < 60) cold -= COLD_LAPSE * Math.max(0, height - 300);
  return { suspect: [cold, hot], bad: [cold - 2.5 * MARGIN_C, hot + MARGIN_C] };
}

/**
 * Dew point: up to 35 °C (Dhahran 2003), in Brazil hardly 29; downwards as dry as air can be.
 */
const dewPointLimits = (site: Site): Limits => ({
  suspect: [-80, isBrazil(site) ? 29.5 : 33],
  bad: [-100, 35.2],
});

/**
 * Station pressure by altitude: the standard atmosphere (ISO 2533), in polar air colder and from a deeper mean
 * pressure; ± 35 hPa suspect. Without an altitude: from the Dead Sea's shore to the highest stations.
 */
function pressureLimits({ latitude, altitude }: Site): Limits {
  if (altitude === null) return { suspect: [500, 1085], bad: [400, 1100] };
  const isPolar = Math.abs(latitude) > 60;
  const mean = isPolar
    ? 988 * Math.exp((-altitude * 9.80665) / (287.05 * 250))
    : 1013.25 * (1 - 2.25577e-5 * altitude) ** 5.25588;
  // Outside the tropics storms go deeper, and a typhoon's eye had 870 hPa (Tip 1979).
  const [below, above] = isPolar ? [60, 60] : [35, 40];
  return { suspect: [mean - below, mean + above], bad: [mean - 145, mean + 75] };
}

/**
 * More rain than this over a span, mm, is false: the envelope usually given for the world's records, 421.6 h^0.475 (not held
 * against its source here), and a fifth more. The fifth is ours: records of some spans lie about the envelope, and no true
 * rain may be bad.
 */
export const greatestRain = (spanMs: number): number => 1.2 * 421.6 * (spanMs / HOUR_MS) ** 0.475;

/**
 * Nothing short of the world's greatest rain is doubted for its amount: 683 mm fell in a day at Bertioga (February
 * 2023), more than twice what five years of hourly recordings had shown, and such a reading is the warning.
 */
const rainLimits = (spanMs: number): Limits => {
  const most = greatestRain(Math.max(spanMs, 60_000));
  return { suspect: [0, most], bad: [0, most] };
};

const SOLAR_CONSTANT = 1361;

/**
 * Global radiation over an interval, kJ/m²: what would come without an atmosphere, half as much again for light from
 * clouds' edges, and 60 kJ/m² an hour for an instrument that sees the night a little bright.
 */
function radiationLimits(site: Site, at: number, spanMs: number): Limits {
  const hours = Math.max(spanMs, 60_000) / HOUR_MS;
  if (!isPlaceKnown(site.latitude, site.longitude))
    return { suspect: [-40 * hours, 5000 * hours], bad: [-400 * hours, 6000 * hours] };
  let cosine = 0;
  // A pyranometer's clock may be wrong by a quarter of an hour: the sun may have been a little higher.
  for (let i = 0; i < 12; i++) {
    const middle = at - (spanMs * (i + 0.5)) / 12;
    cosine += Math.max(0, ...[-1, 1].map((side) => sun(middle + side * 0.25 * HOUR_MS, site))) / 12;
  }
  const most = cosine * SOLAR_CONSTANT * 3.6 * hours;
  return {
    suspect: [-40 * hours, 1.1 * most + 60 * hours],
    bad: [-400 * hours, 1.5 * most + 100 * hours],
  };
}

const sun = (at: number, { latitude, longitude }: Site): number => cosineOfZenith(at, latitude, longitude);

/**
 * Climatological limits of a reading by latitude, altitude, month and hour; undefined where none are known, which leaves
 * the physical range that ingest checks. Figures of Brazil: hourly stations of INMET 2020-2024; of the world: the WMO's
 * archive of extremes. A value a little beyond the record stays suspect: a new record must not be lost.
 */
export function limitsOf(quantity: string, site: Site, at: number, spanMs: number): Limits | undefined {
  switch (quantity) {
    case 'airTemperature':
      return airLimits(site, at);
    case 'airTemperatureMax':
    case 'airTemperatureMin': {
      // The extreme of the interval may have been at its start.
      const [end, start] = [airLimits(site, at), airLimits(site, at - spanMs)];
      return end.suspect[1] > start.suspect[1] ? end : start;
    }
    case 'dewPoint':
      return dewPointLimits(site);
    case 'relativeHumidity':
      // A wet capacitive sensor reads up to 104 %, which means saturated.
      return { suspect: [4, 104], bad: [0, 105] };
    case 'stationPressure':
      return pressureLimits(site);
    case 'windSpeed':
      // Ours: far beyond any mean wind that the recordings at hand show.
      return { suspect: [0, 75], bad: [0, 75] };
    case 'windGust':
      // The WMO's greatest gust is 113.3 m/s (408 km/h, Barrow Island 1996).
      // A tornado or downburst goes beyond all that was recorded: what else the station measured must contradict it.
      return { suspect: [0, 113.3], bad: [0, 113.3] };
    case 'windDirection':
      return { suspect: [0, 360], bad: [0, 360] };
    case 'rainfall':
      return rainLimits(spanMs);
    case 'globalRadiation':
      return radiationLimits(site, at, spanMs);
    default:
      return undefined;
  }
}
