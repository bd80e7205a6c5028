import { DAY_MS, HOUR_MS } from '../model/time.ts';
import { dewPoint } from '../rules/derived/humidity.ts';
import { cosineOfZenith, isPlaceKnown } from '../rules/derived/sun.ts';
import { limitsOf, type Site } from './limits.ts';

/**
 * What is good without a closer look: bounds that are never wider than those of the checks themselves, found with a few
 * comparisons, for nearly every reading is good. What does not pass here is judged in full.
 */

/** Quantities that any of the station's own checks knows. */
export const checkedQuantities: readonly string[] = [
  'airTemperature',
  'airTemperatureMax',
  'airTemperatureMin',
  'dewPoint',
  'relativeHumidity',
  'stationPressure',
  'windSpeed',
  'windGust',
  'windDirection',
  'rainfall',
  'globalRadiation',
];

/** The middle of January and of July: limits go by the season from one to the other, in either hemisphere. */
const CLOSEST: readonly number[] = [Date.UTC(2024, 0, 15, 3), Date.UTC(2024, 6, 15, 3)];
const isSeasonal = (quantity: string): boolean => quantity.startsWith('airTemperature');

/** Within these a reading is good by its range in any month, at any hour and over any interval. */
export function plainRange(quantity: string, site: Site): readonly [number, number] {
  // Of radiation only dark counts here; see isPlainRadiation.
  if (quantity === 'globalRadiation') return [0, 0];
  let [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const closest of CLOSEST) {
    // Three in the morning by the sun: the hour with the closest limits.
    const limits = limitsOf(quantity, site, closest - (site.longitude / 15) * HOUR_MS, 0);
    if (!limits) break;
    low = Math.max(low, limits.suspect[0]);
    high = Math.min(high, limits.suspect[1]);
    if (!isSeasonal(quantity)) break;
  }
  return [low, high];
}

/** Radiation well under what the sun of the middle of the interval gives, kJ/m². */
export function isPlainRadiation(value: number, site: Site, at: number, spanMs: number): boolean {
  const hours = Math.max(spanMs, 60_000) / HOUR_MS;
  if (value < -40 * hours) return false;
  if (value <= 60 * hours) return true;
  if (!isPlaceKnown(site.latitude, site.longitude)) return value <= 5000 * hours;
  if (hours > 3) return false;
  // The mean of twelve cosines lies under that of the middle by the bend of the curve; a day changes the sun's height little.
  const cosine = leastCosine(at - spanMs / 2, site) - 0.02 - 0.003 * hours * hours;
  return value <= 1.1 * 4899 * hours * cosine;
}

let dayNumber = Number.NaN;
let sineOfDeclination = 0;
let cosineOfDeclination = 0;
let latitudeOfSines = Number.NaN;
let sineOfLatitude = 0;
let cosineOfLatitude = 0;

/**
 * The cosine of the zenith angle is no less than this: with the declination of the day, and without the equation of time,
 * which is 16.5 minutes at most (0.072 of the hour angle, in radians). What was reckoned last is a shortcut, no state.
 */
function leastCosine(at: number, { latitude, longitude }: Site): number {
  const day = Math.floor(at / DAY_MS);
  if (day !== dayNumber) {
    dayNumber = day;
    // At the pole the cosine of the zenith angle is the sine of the declination.
    sineOfDeclination = cosineOfZenith(day * DAY_MS, 90, 0.1);
    cosineOfDeclination = Math.sqrt(1 - sineOfDeclination * sineOfDeclination);
  }
  if (latitude !== latitudeOfSines) {
    latitudeOfSines = latitude;
    sineOfLatitude = Math.sin((latitude * Math.PI) / 180);
    cosineOfLatitude = Math.cos((latitude * Math.PI) / 180);
  }
  let turn = at / DAY_MS - day + longitude / 360 - 0.5;
  turn -= Math.round(turn);
  const angle = 2 * Math.PI * turn;
  const square = angle * angle;
  // The cosine's own series, cut off below it.
  const cosine = 1 - square / 2 + (square * square) / 24 - (square * square * square) / 720;
  return sineOfLatitude * sineOfDeclination + cosineOfLatitude * cosineOfDeclination * cosine - 0.072;
}

/** Hours for which a value may stand still before any check of persistence can flag it; none: no check does. */
export const plainHours: ReadonlyMap<string, number> = new Map([
  ['airTemperature', 8],
  ['dewPoint', 8],
  ['relativeHumidity', 12],
  ['stationPressure', 8],
  ['windSpeed', 6],
  ['windGust', 6],
  ['globalRadiation', 3],
]);

/** Temperature, dew point and humidity fit together; what was not measured is no number. */
export function isPlainHumidity(t: number, td: number, rh: number): boolean {
  if (td - t > 0.3) return false;
  return rh < 10 || rh > 100 || t < -20 || !(Math.abs(dewPoint(t, rh) - td) > 3);
}

/** Gust and mean wind fit together. */
export const isPlainWind = (speed: number, gust: number): boolean =>
  !(gust + 0.3 < speed || (gust >= 20 && speed === 0));

/** Temperature lies within its extremes. */
export const arePlainExtremes = (t: number, max: number, min: number): boolean =>
  !(t > max + 0.5 || t < min - 0.5 || max < min);
