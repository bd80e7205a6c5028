import { vapourPressureBom } from './heat.ts';
import { globeTemperature, naturalWetBulbTemperature, type SensorAir } from './liljegren.ts';

/**
 * Simple WBGT, °C: 0.567 T + 0.393 e + 3.94 (American College of Sports Medicine 1984; Australian Bureau of Meteorology,
 * bom.gov.au/info/thermal_stress). Supposes moderately high sun and light wind; too high under cloud, at night or in
 * wind. For comparison with others; the quantity `wetBulbGlobeTemperature` is Liljegren's.
 */
export const wetBulbGlobeSimple = (celsius: number, humidity: number): number =>
  0.567 * celsius + 0.393 * vapourPressureBom(celsius, humidity) + 3.94;

/** WBGT in the sun, °C, from its three thermometers (ISO 7243): natural wet bulb, black globe, air. */
export const wetBulbGlobe = (naturalWetBulb: number, globe: number, celsius: number): number =>
  0.7 * naturalWetBulb + 0.2 * globe + 0.1 * celsius;

/**
 * WBGT outdoors, °C, the sensors by the heat balances of Liljegren et al. 2008 (J. Occup. Environ. Hyg. 5, 645–655):
 * within about 1 °C of instruments.
 */
export const wetBulbGlobeOutdoor = (air: SensorAir): number =>
  wetBulbGlobe(naturalWetBulbTemperature(air), globeTemperature(air), air.celsius);

/**
 * WBGT indoors or in full shade with air moved at 1 m/s or more, °C: Bernard & Pourmoghani 1999 (Appl. Occup. Environ.
 * Hyg. 14, 32–37) as in Lemke & Kjellström 2012 (Ind. Health 50, 267–278): 0.67 psychrometric wet bulb + 0.33 T.
 */
export const wetBulbGlobeIndoor = (celsius: number, dewPointCelsius: number): number =>
  0.67 * psychrometricWetBulb(celsius, dewPointCelsius) + 0.33 * celsius;

/**
 * Psychrometric wet bulb, °C, from temperature and dew point: McPherson's equation as in Lemke & Kjellström 2012,
 * 1556 (ed - ew) - 1.484 Tw (ed - ew) + 1010 (T - Tw) = 0, solved by bisection between dew point and temperature.
 */
export function psychrometricWetBulb(celsius: number, dewPointCelsius: number): number {
  const saturation = (t: number): number => 6.106 * Math.exp((17.27 * t) / (237.3 + t));
  const ed = saturation(dewPointCelsius);
  let low = Math.min(celsius, dewPointCelsius);
  let high = celsius;
  for (let i = 0; i < 40; i++) {
    const t = (low + high) / 2;
    const balance = (1556 - 1.484 * t) * (ed - saturation(t)) + 1010 * (celsius - t);
    if (balance > 0) low = t;
    else high = t;
  }
  return (low + high) / 2;
}
