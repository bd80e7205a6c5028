/**
 * The standard black globe of 150 mm, emissivity 0.95, in forced convection: ISO 7726:1998, annex B,
 * Tr⁴ = Tg⁴ + 1.1e8 v^0.6 / (0.95 · 0.15^0.4) (Tg - T), K, with v in m/s at the globe's height of 1.1 m.
 */
const convection = (windSpeed: number): number => (1.1e8 * windSpeed ** 0.6) / (0.95 * 0.15 ** 0.4);

/** Mean radiant temperature, °C, from the readings of a black globe and a thermometer. */
export function radiantFromGlobe(celsius: number, globeCelsius: number, windSpeed: number): number {
  const globe = globeCelsius + 273.15;
  return (globe ** 4 + convection(windSpeed) * (globeCelsius - celsius)) ** 0.25 - 273.15;
}

/** What a black globe would read, °C: the same equation for Tg, which lies between air and radiant temperature. */
export function globeFromRadiant(celsius: number, radiantCelsius: number, windSpeed: number): number {
  const radiant = (radiantCelsius + 273.15) ** 4;
  const c = convection(windSpeed);
  let low = Math.min(celsius, radiantCelsius);
  let high = Math.max(celsius, radiantCelsius);
  for (let i = 0; i < 60; i++) {
    const globe = (low + high) / 2;
    if ((globe + 273.15) ** 4 + c * (globe - celsius) < radiant) low = globe;
    else high = globe;
  }
  return (low + high) / 2;
}
