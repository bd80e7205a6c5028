import { saturationVapourPressureHardy } from './humidity.ts';
import { utciTerms } from './utci-terms.ts';

/**
 * Universal Thermal Climate Index, °C: the operational regression of Bröde et al. 2012 (Int. J. Biometeorol. 56,
 * 481–494). Air temperature -50..50 °C, mean radiant temperature 30 below to 70 above it, wind at 10 m up to 17 m/s
 * (below 0.5 m/s taken as 0.5), vapour pressure up to 50 hPa; undefined outside, where the polynomial runs away.
 */
export function universalThermalClimateIndex(
  celsius: number,
  humidity: number,
  windSpeed: number,
  meanRadiantCelsius: number,
): number | undefined {
  const excess = meanRadiantCelsius - celsius;
  const vapour = (saturationVapourPressureHardy(celsius) * humidity) / 100;
  if (celsius < -50 || celsius > 50 || excess < -30 || excess > 70 || windSpeed > 17 || vapour > 50)
    return undefined;
  return utciPolynomial(celsius, vapour, Math.max(0.5, windSpeed), excess);
}

/** The regression without its limits; vapour pressure in hPa, `excess` = mean radiant - air temperature, K. */
export function utciPolynomial(celsius: number, vapour: number, windSpeed: number, excess: number): number {
  let sum = celsius;
  for (const [wind, radiant, moist, byTemperature] of utciTerms) {
    let inner = 0;
    for (let i = byTemperature.length - 1; i >= 0; i--)
      inner = inner * celsius + (byTemperature[i] as number);
    sum += inner * windSpeed ** wind * excess ** radiant * (vapour / 10) ** moist;
  }
  return sum;
}
