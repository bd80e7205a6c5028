/**
 * The globe and the natural wet bulb by their heat balances: Liljegren, Carhart, Lawday, Tschopp & Sharp 2008,
 * "Modeling the wet bulb globe temperature using standard meteorological measurements", J. Occup. Environ. Hyg. 5,
 * 645–655. SI units inside (K, W/m², Pa as hPa · 100); air properties by Bird, Stewart & Lightfoot as there. The
 * balances fall with the sensor's temperature, so that bisection finds the only root and always ends.
 */

/** What the sensors stand in. */
export interface SensorAir {
  readonly celsius: number;
  /** Relative humidity, %. */
  readonly humidity: number;
  /** Station pressure, hPa. */
  readonly pressure: number;
  /** Wind at the sensor's height of 2 m, m/s; below 0.13 it counts as 0.13. */
  readonly windSpeed2m: number;
  /** Global radiation, W/m², and the share of it from the sun's disc, 0..0.9. */
  readonly solar: number;
  readonly directShare: number;
  /** Cosine of the zenith angle; below 0.00873 (0.5° of height) the disc gives nothing. */
  readonly cosZenith: number;
  /** Albedo of the ground; 0.45 (the paper's) when absent. */
  readonly albedo?: number;
}

const STEFAN_BOLTZMANN = 5.6696e-8;
const HEAT_CAPACITY = 1003.5;
const MOLAR_AIR = 28.97;
const MOLAR_WATER = 18.015;
const GAS_AIR = 8314.34 / MOLAR_AIR;
const PRANDTL = HEAT_CAPACITY / (HEAT_CAPACITY + 1.25 * GAS_AIR);
const PSYCHROMETRIC = (HEAT_CAPACITY * MOLAR_AIR) / MOLAR_WATER;
const SURFACE_EMISSIVITY = 0.999;
const MIN_SPEED = 0.13;
const LOWEST_SUN = 0.00873;
const WICK = { emissivity: 0.95, albedo: 0.4, diameter: 0.007, length: 0.0254 };
const GLOBE = { emissivity: 0.95, albedo: 0.05, diameter: 0.0508 };

/** Saturation vapour pressure, hPa, of moist air over water (Buck 1981, with his enhancement factor). */
const saturation = (kelvin: number): number =>
  1.004 * 6.1121 * Math.exp((17.502 * (kelvin - 273.15)) / (kelvin - 32.18));

/** Emissivity of a clear sky (Oke 1987) by the vapour pressure, hPa. */
export const skyEmissivity = (celsius: number, humidity: number): number =>
  0.575 * ((humidity / 100) * saturation(celsius + 273.15)) ** 0.143;

const viscosity = (kelvin: number): number =>
  (2.6693e-6 * Math.sqrt(MOLAR_AIR * kelvin)) /
  (3.617 * 3.617 * (((kelvin / 97 - 2.9) / 0.4) * -0.034 + 1.048));

const conductivity = (kelvin: number): number => (HEAT_CAPACITY + 1.25 * GAS_AIR) * viscosity(kelvin);

const density = (kelvin: number, pressure: number): number => (pressure * 100) / (GAS_AIR * kelvin);

const DIFFUSIVITY =
  3.64e-4 *
  (36.4 * 218) ** (1 / 3) *
  (132 * 647.3) ** (5 / 12) *
  Math.sqrt(1 / MOLAR_AIR + 1 / MOLAR_WATER) *
  1e-4;
const diffusivity = (kelvin: number, pressure: number): number =>
  (DIFFUSIVITY * (kelvin / Math.sqrt(132 * 647.3)) ** 2.334) / (pressure / 1013.25);

const reynolds = (kelvin: number, air: SensorAir, diameter: number): number =>
  (Math.max(air.windSpeed2m, MIN_SPEED) * density(kelvin, air.pressure) * diameter) / viscosity(kelvin);

/** Root of a function that falls, within 1e-6 K. */
function rootOf(balance: (kelvin: number) => number, from: number, to: number): number {
  let low = from;
  let high = to;
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (balance(middle) > 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Long-wave radiation of sky and ground as a fourth power of temperature, K⁴; the ground is as warm as the air. */
const longWave = (air: SensorAir, kelvin: number): number =>
  0.5 * (skyEmissivity(air.celsius, air.humidity) + SURFACE_EMISSIVITY) * kelvin ** 4;

const sunlit = (air: SensorAir): number => (air.cosZenith < LOWEST_SUN ? 0 : air.directShare);

/** Temperature of a black globe of 50.8 mm, °C. */
export function globeTemperature(air: SensorAir): number {
  const kelvin = air.celsius + 273.15;
  const direct = sunlit(air);
  const beam = direct > 0 ? direct * (1 / (2 * air.cosZenith) - 1) : 0;
  const emitted = STEFAN_BOLTZMANN * GLOBE.emissivity;
  const gained =
    longWave(air, kelvin) +
    (air.solar / (2 * emitted)) * (1 - GLOBE.albedo) * (beam + 1 + (air.albedo ?? 0.45));
  const balance = (globe: number): number => {
    const film = (globe + kelvin) / 2;
    const nusselt = 2 + 0.6 * Math.sqrt(reynolds(film, air, GLOBE.diameter)) * PRANDTL ** 0.3333;
    const h = (nusselt * conductivity(film)) / GLOBE.diameter;
    return gained - (h / emitted) * (globe - kelvin) - globe ** 4;
  };
  return rootOf(balance, kelvin - 60, kelvin + 120) - 273.15;
}

/** Natural wet-bulb temperature, °C: a wick in sun and wind. */
export function naturalWetBulbTemperature(air: SensorAir): number {
  const kelvin = air.celsius + 273.15;
  const direct = sunlit(air);
  const edge = (0.25 * WICK.diameter) / WICK.length;
  // tan(zenith) from its cosine.
  const tangent = direct > 0 ? Math.sqrt(Math.max(0, 1 - air.cosZenith ** 2)) / air.cosZenith : 0;
  const sun =
    (1 - WICK.albedo) *
    air.solar *
    ((1 - direct) * (1 + edge) + direct * (tangent / Math.PI + edge) + (air.albedo ?? 0.45));
  const gained = longWave(air, kelvin);
  const vapour = (air.humidity / 100) * saturation(kelvin);
  const balance = (wick: number): number => {
    const film = (wick + kelvin) / 2;
    const nusselt = 0.281 * reynolds(film, air, WICK.diameter) ** 0.6 * PRANDTL ** 0.44;
    const h = (nusselt * conductivity(film)) / WICK.diameter;
    const radiation = STEFAN_BOLTZMANN * WICK.emissivity * (gained - wick ** 4) + sun;
    const schmidt = viscosity(film) / (density(film, air.pressure) * diffusivity(film, air.pressure));
    const evaporation = ((313.15 - film) / 30) * -71100 + 2.4073e6;
    const moist = saturation(wick);
    const dried =
      ((evaporation / PSYCHROMETRIC) * (moist - vapour) * (PRANDTL / schmidt) ** 0.56) /
      (air.pressure - moist);
    return kelvin - dried + radiation / h - wick;
  };
  return rootOf(balance, kelvin - 60, kelvin + 25) - 273.15;
}

/** Classes of stability by wind (rows: < 2, < 3, < 5, < 6, ≥ 6 m/s) and radiation (≥ 925, ≥ 675, ≥ 175, below). */
const BY_DAY = [
  [1, 1, 2, 4],
  [1, 2, 3, 4],
  [2, 2, 3, 4],
  [3, 3, 4, 4],
  [3, 4, 4, 4],
];
/** Exponents of the wind profile over a town, classes 1 to 6 (US EPA 454/B-95-003b). */
const EXPONENTS = [0.15, 0.15, 0.2, 0.25, 0.3, 0.3];

/**
 * Wind at 2 m from wind at 10 m, m/s, by the class of stability (Liljegren et al. 2008, after EPA-454/R-99-005). Wind
 * below 0.62 m/s counts as 0.62, as KNMI does in its service: a cup anemometer stands still before the air does. By
 * night a clear sky is supposed (class 5 below 2.5 m/s, 4 above).
 */
export function windSpeedAt2m(windSpeed10m: number, solar: number, cosZenith: number): number {
  const wind = Math.max(0.62, windSpeed10m);
  const row = wind >= 6 ? 4 : wind >= 5 ? 3 : wind >= 3 ? 2 : wind >= 2 ? 1 : 0;
  const column = solar >= 925 ? 0 : solar >= 675 ? 1 : solar >= 175 ? 2 : 3;
  const stability = cosZenith > 0 ? (BY_DAY[row]?.[column] as number) : wind >= 2.5 ? 4 : 5;
  return Math.max(MIN_SPEED, wind * 0.2 ** (EXPONENTS[stability - 1] as number));
}
