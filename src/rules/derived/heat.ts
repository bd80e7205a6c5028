/** Apparent heat. Temperatures °C, humidity %, wind m/s at 10 m. */

const fahrenheit = (celsius: number): number => celsius * 1.8 + 32;
const celsiusOf = (f: number): number => (f - 32) / 1.8;

/**
 * Heat index, °C: Rothfusz 1990 (NWS Southern Region SR 90-23) as the US National Weather Service computes it
 * (wpc.ncep.noaa.gov, heatindex_equation): Steadman's simple form; where its mean with the air temperature reaches
 * 80 °F the regression, with the corrections for dry (< 13 %, 80..112 °F) and humid air (> 85 %, 80..87 °F).
 * At or below 40 °F the air temperature itself. In shade and light wind; full sun adds up to 8 °C (15 °F).
 */
export function heatIndex(celsius: number, humidity: number): number {
  const t = fahrenheit(celsius);
  const rh = humidity;
  if (t <= 40) return celsius;
  const simple = 0.5 * (t + 61 + (t - 68) * 1.2 + rh * 0.094);
  if ((simple + t) / 2 < 80) return celsiusOf(simple);
  let index =
    -42.379 +
    2.04901523 * t +
    10.14333127 * rh -
    0.22475541 * t * rh -
    6.83783e-3 * t * t -
    5.481717e-2 * rh * rh +
    1.22874e-3 * t * t * rh +
    8.5282e-4 * t * rh * rh -
    1.99e-6 * t * t * rh * rh;
  if (rh < 13 && t >= 80 && t <= 112) index -= ((13 - rh) / 4) * Math.sqrt((17 - Math.abs(t - 95)) / 17);
  else if (rh > 85 && t >= 80 && t <= 87) index += ((rh - 85) / 10) * ((87 - t) / 5);
  return celsiusOf(index);
}

/**
 * Humidex: Masterson & Richardson 1979 (Environment Canada CLI 1-79), T + 5/9 (e - 10) with e from the dew point. A
 * number on the scale of °C. Environment Canada gives none below the air temperature: then it is the air temperature.
 */
export const humidex = (celsius: number, dewPointCelsius: number): number =>
  Math.max(celsius, humidexEquation(celsius, dewPointCelsius));

/** The equation without its lower limit; 0.5555 and 273.15 K as in Environment Canada's glossary. */
export const humidexEquation = (celsius: number, dewPointCelsius: number): number =>
  celsius + 0.5555 * (6.11 * Math.exp(5417.753 * (1 / 273.15 - 1 / (273.15 + dewPointCelsius))) - 10);

/**
 * Vapour pressure, hPa, as the Australian Bureau of Meteorology takes it for apparent temperature and simple WBGT
 * (bom.gov.au/info/thermal_stress): the fits below were made with these constants.
 */
export const vapourPressureBom = (celsius: number, humidity: number): number =>
  (humidity / 100) * 6.105 * Math.exp((17.27 * celsius) / (237.7 + celsius));

/**
 * Apparent temperature in shade, °C: Steadman 1994 (Aust. Met. Mag. 43, 1–16), the form without radiation used by the
 * Australian Bureau of Meteorology: T + 0.33 e - 0.70 v - 4.00, wind v at 10 m.
 */
export const apparentTemperature = (celsius: number, humidity: number, windSpeed: number): number =>
  celsius + 0.33 * vapourPressureBom(celsius, humidity) - 0.7 * windSpeed - 4;

/**
 * Normal effective temperature, °C: Gregorczuk's form, in use in Hong Kong (Li & Chan 2000, Meteorol. Appl. 7,
 * 253–257); wind at 1.2 m.
 */
export const normalEffectiveTemperature = (celsius: number, humidity: number, windSpeed: number): number =>
  37 -
  (37 - celsius) / (0.68 - 0.0014 * humidity + 1 / (1.76 + 1.4 * windSpeed ** 0.75)) -
  0.29 * celsius * (1 - 0.01 * humidity);
