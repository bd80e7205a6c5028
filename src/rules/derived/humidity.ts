/**
 * Water vapour. Magnus form with the constants of Alduchov & Eskridge 1996 (J. Appl. Meteor. 35, 601–609, eq. 21: 6.1094 hPa,
 * 17.625, 243.04 °C), over liquid water at every temperature, as the WMO defines humidity (Guide No. 8, 4.A); valid
 * -40..50 °C within 0.4 % of the saturation pressure. One set of constants everywhere, so that dew point and relative
 * humidity are each other's inverse. Temperatures °C, pressures hPa, humidity %.
 */
const A = 17.625;
const B = 243.04;
const E0 = 6.1094;

/** Saturation vapour pressure over water, hPa. */
export const saturationVapourPressure = (celsius: number): number =>
  E0 * Math.exp((A * celsius) / (B + celsius));

/** Water vapour pressure, hPa, of air at a temperature and relative humidity. */
export const vapourPressure = (celsius: number, humidity: number): number =>
  (humidity / 100) * saturationVapourPressure(celsius);

/** Vapour pressure deficit, hPa: what the air lacks to saturation; 0 when saturated. */
export const vapourPressureDeficit = (celsius: number, humidity: number): number =>
  saturationVapourPressure(celsius) - vapourPressure(celsius, humidity);

/** Dew point over water, °C: the Magnus form solved for temperature (Lawrence 2005, BAMS 86, eq. 8). Humidity above 0 %. */
export function dewPoint(celsius: number, humidity: number): number {
  const gamma = Math.log(humidity / 100) + (A * celsius) / (B + celsius);
  return (B * gamma) / (A - gamma);
}

/** Relative humidity, %, from temperature and dew point. Above 100 where the dew point lies above the temperature. */
export const relativeHumidity = (celsius: number, dewPointCelsius: number): number =>
  100 * Math.exp((A * dewPointCelsius) / (B + dewPointCelsius) - (A * celsius) / (B + celsius));

/**
 * Saturation vapour pressure over water, hPa: Hardy 1998 (ITS-90), the form that UTCI is defined with
 * (Bröde et al. 2012). -100..100 °C.
 */
export function saturationVapourPressureHardy(celsius: number): number {
  const t = celsius + 273.15;
  const powers =
    -2.8365744e3 / (t * t) -
    6.028076559e3 / t +
    1.954263612e1 +
    t * (-2.737830188e-2 + t * (1.6261698e-5 + t * (7.0229056e-10 - t * 1.8680009e-13)));
  return Math.exp(powers + 2.7150305 * Math.log(t)) / 100;
}

/**
 * Wet-bulb temperature, °C, at sea-level pressure: Stull 2011 (J. Appl. Meteor. Climatol. 50, 2267–2269, eq. 1),
 * within -1..0.65 °C. Fitted for 5..99 % and -20..50 °C; undefined outside (up to 100 % the fit meets the air
 * temperature within 0.3 °C, and is held below it).
 */
export function wetBulbTemperature(celsius: number, humidity: number): number | undefined {
  if (humidity < 5 || humidity > 100 || celsius < -20 || celsius > 50) return undefined;
  return Math.min(celsius, wetBulbEquation(celsius, humidity));
}

/** Stull's equation without its limits. */
export const wetBulbEquation = (t: number, rh: number): number =>
  t * Math.atan(0.151977 * Math.sqrt(rh + 8.313659)) +
  Math.atan(t + rh) -
  Math.atan(rh - 1.676331) +
  0.00391838 * rh * Math.sqrt(rh) * Math.atan(0.023101 * rh) -
  4.686035;
