import { vapourPressure } from './humidity.ts';

/** The barometric exponent of the ICAO standard atmosphere (Doc 7488): R L / g. */
const EXPONENT = 0.190263;

/**
 * Altimeter setting (QNH), hPa: the pressure at sea level of a standard atmosphere that has the station's pressure at
 * its height (ICAO Doc 7488; the NOAA form of it). Altitude m, up to 11 km.
 */
export const altimeterSetting = (stationPressure: number, altitude: number): number =>
  (stationPressure ** EXPONENT + (1013.25 ** EXPONENT * 0.0065 * altitude) / 288.15) ** (1 / EXPONENT);

/** Pressure, hPa, of the ICAO standard atmosphere at an altitude, m. */
export const standardPressure = (altitude: number): number =>
  1013.25 * (1 - (0.0065 * altitude) / 288.15) ** (1 / EXPONENT);

/**
 * Mean sea-level pressure, hPa: WMO Guide No. 8 (CIMO), Vol. I, 3.7.1, lg(p0/p) = Kp H / (T + a H / 2 + e Ch) with
 * Kp 0.0148275 K/gpm, a 0.0065 K/gpm, Ch 0.12 K/hPa; for stations up to 750 m (undefined above: national methods
 * differ by more than the answer is worth). Altitude m taken as geopotential (below 0.1 % apart).
 */
export function seaLevelPressure(
  stationPressure: number,
  altitude: number,
  celsius: number,
  humidity: number,
): number | undefined {
  if (altitude > 750) return undefined;
  const mean = celsius + 273.15 + (0.0065 * altitude) / 2 + 0.12 * vapourPressure(celsius, humidity);
  return stationPressure * 10 ** ((0.0148275 * altitude) / mean);
}
