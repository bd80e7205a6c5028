/**
 * Wind chill, °C: JAG/TI 2001, in use by the US National Weather Service and Environment Canada (Osczevski & Bluestein
 * 2005, BAMS 86, 1453–1458). Defined from -50 °C to 10 °C (50 °F) and for wind above 4.828 km/h (3 mph) at 10 m, wind
 * in m/s here; elsewhere there is no chill, and the result is the air temperature.
 */
export function windChill(celsius: number, windSpeed: number): number {
  if (celsius > 10 || windSpeed * 3.6 <= 4.828032) return celsius;
  return Math.min(celsius, windChillEquation(celsius, windSpeed));
}

/** The equation without its limits. */
export function windChillEquation(celsius: number, windSpeed: number): number {
  const v = (windSpeed * 3.6) ** 0.16;
  return 13.12 + 0.6215 * celsius - 11.37 * v + 0.3965 * celsius * v;
}

/**
 * Wind speed at another height by the logarithmic profile of neutral air: u(z) = u(10 m) ln(z/z0) / ln(10 m/z0).
 * Roughness length z0 = 0.01 m (short grass; Bröde et al. 2012). `height` in m, above z0.
 */
export const windSpeedAtHeight = (windSpeed10m: number, height: number, roughness = 0.01): number =>
  (windSpeed10m * Math.log(height / roughness)) / Math.log(10 / roughness);
