import { skyEmissivity } from './liljegren.ts';

/** Radiation that reaches a standing person, W/m². */
export interface RadiantFluxes {
  /** Diffuse radiation from the sky and short-wave radiation from the ground. */
  readonly diffuse: number;
  readonly reflected: number;
  /** The sun's beam on a plane across it. */
  readonly beam: number;
  /** Long-wave radiation from sky and ground. */
  readonly sky: number;
  readonly ground: number;
  readonly cosZenith: number;
}

const STEFAN_BOLTZMANN = 5.67e-8;

/**
 * Mean radiant temperature, °C, of a standing person: Di Napoli, Hogan & Pappenberger 2020 (Int. J. Biometeorol. 64,
 * 1233–1245), short-wave absorption 0.7, emissivity 0.97, projected area by the sun's height (Fanger 1970).
 */
export function meanRadiantTemperature(flux: RadiantFluxes): number {
  const height = (Math.asin(Math.min(1, flux.cosZenith)) * 180) / Math.PI;
  const area = 0.308 * Math.cos((Math.PI / 180) * height * (0.998 - (height * height) / 50000));
  const shortWave = (0.7 / 0.97) * (0.5 * flux.diffuse + 0.5 * flux.reflected + area * flux.beam);
  return ((0.5 * flux.sky + 0.5 * flux.ground + shortWave) / STEFAN_BOLTZMANN) ** 0.25 - 273.15;
}

/**
 * The fluxes at a station that measures global radiation only: the sky's long wave by its clear-sky emissivity (Oke
 * 1987), ground as warm as the air, albedo 0.2 (grass). An estimate: under cloud at night the sky is warmer than this,
 * and UTCI up to 2 °C higher.
 */
export function stationFluxes(
  celsius: number,
  humidity: number,
  solar: number,
  directShare: number,
  cosZenith: number,
): RadiantFluxes {
  const black = STEFAN_BOLTZMANN * (celsius + 273.15) ** 4;
  const direct = solar * directShare;
  return {
    diffuse: solar - direct,
    reflected: 0.2 * solar,
    // Near the horizon the division says more about the clock than about the sun.
    beam: cosZenith > 0.1 ? direct / cosZenith : direct,
    sky: black * skyEmissivity(celsius, humidity),
    ground: black,
    cosZenith: Math.max(0, cosZenith),
  };
}
