import { type Quantity, quantities } from '../../model/quantity.ts';
import { HOUR_MS } from '../../model/time.ts';
import { angstromIndex } from './fire-danger-brazil.ts';
import { apparentTemperature, heatIndex, humidex } from './heat.ts';
import { dewPoint, relativeHumidity, vapourPressureDeficit, wetBulbTemperature } from './humidity.ts';
import { windSpeedAt2m } from './liljegren.ts';
import { seaLevelPressure, standardPressure } from './pressure.ts';
import { meanRadiantTemperature, stationFluxes } from './radiant.ts';
import { directShare, isPlaceKnown, type SunOver, sunOver } from './sun.ts';
import { universalThermalClimateIndex } from './utci.ts';
import { wetBulbGlobeOutdoor } from './wet-bulb-globe.ts';
import { windChill } from './wind.ts';

/** Where and when the inputs stand. */
export interface Setting {
  readonly observedAt: number;
  /** The span over which `globalRadiation` was summed, ms. */
  readonly radiationMs: number;
  readonly latitude: number;
  readonly longitude: number;
  /** m; null counts as 0 for the pressure of the air around a sensor, and gives no sea-level pressure. */
  readonly altitude: number | null;
}

/** Canonical values of the inputs in the order of the entry; undefined only for optional ones. */
type Values = readonly (number | undefined)[];

/** A quantity that follows from others at the same instant. */
export interface DerivedQuantity {
  readonly name: string;
  /** Every one must be there. */
  readonly inputs: readonly string[];
  /** Used when there. */
  readonly optional: readonly string[];
  readonly derived: true;
  readonly decimals: number;
  readonly label: Quantity['label'];
  readonly cfName: string;
  /** undefined outside the method's validity. */
  readonly compute: (values: Values, setting: Setting) => number | undefined;
}

const derived = (
  name: string,
  inputs: readonly string[],
  compute: (values: readonly number[], setting: Setting) => number | undefined,
  optional: readonly string[] = [],
): DerivedQuantity => {
  const { decimals, label, cfName } = quantities.get(name) as Quantity;
  return {
    name,
    inputs,
    optional,
    derived: true,
    decimals,
    label,
    cfName,
    compute: compute as DerivedQuantity['compute'],
  };
};

const AIR = ['airTemperature', 'relativeHumidity'] as const;

/** What sun and radiation say of one instant: nothing at night, even where a station reports no radiation then. */
function sunlight(kilojoules: number | undefined, at: Setting): (SunOver & { solar: number }) | undefined {
  if (!isPlaceKnown(at.latitude, at.longitude)) return undefined;
  const span = kilojoules === undefined ? HOUR_MS : at.radiationMs;
  const sun = sunOver(at.observedAt, span, at.latitude, at.longitude);
  if (kilojoules !== undefined && span > 0 && span <= 2 * HOUR_MS)
    return { ...sun, solar: sun.upShare === 0 ? 0 : (kilojoules * 1e6) / span };
  return sun.upShare === 0 ? { ...sun, solar: 0 } : undefined;
}

const table: readonly DerivedQuantity[] = [
  derived('dewPoint', AIR, ([t, rh]) => dewPoint(t as number, rh as number)),
  derived('relativeHumidity', ['airTemperature', 'dewPoint'], ([t, td]) =>
    // A dew point read a little above the temperature is saturated air.
    Math.min(100, relativeHumidity(t as number, td as number)),
  ),
  derived('wetBulbTemperature', AIR, ([t, rh]) => wetBulbTemperature(t as number, rh as number)),
  derived('vapourPressureDeficit', AIR, ([t, rh]) => vapourPressureDeficit(t as number, rh as number)),
  derived('heatIndex', AIR, ([t, rh]) => heatIndex(t as number, rh as number)),
  derived('humidex', ['airTemperature', 'dewPoint'], ([t, td]) => humidex(t as number, td as number)),
  derived('apparentTemperature', [...AIR, 'windSpeed'], ([t, rh, v]) =>
    apparentTemperature(t as number, rh as number, v as number),
  ),
  derived('windChill', ['airTemperature', 'windSpeed'], ([t, v]) => windChill(t as number, v as number)),
  derived('angstromIndex', AIR, ([t, rh]) => angstromIndex(t as number, rh as number)),
  derived('seaLevelPressure', ['stationPressure', ...AIR], ([p, t, rh], { altitude }) =>
    altitude === null ? undefined : seaLevelPressure(p as number, altitude, t as number, rh as number),
  ),
  derived(
    'wetBulbGlobeTemperature',
    [...AIR, 'windSpeed'],
    ([t, rh, v, radiation, pressure], setting) => {
      const sun = sunlight(radiation, setting);
      if (sun === undefined) return undefined;
      return wetBulbGlobeOutdoor({
        celsius: t as number,
        humidity: rh as number,
        pressure: pressure ?? standardPressure(setting.altitude ?? 0),
        windSpeed2m: windSpeedAt2m(v as number, sun.solar, sun.cosZenith),
        solar: sun.solar,
        directShare: directShare(sun.solar, sun),
        cosZenith: sun.cosZenith,
      });
    },
    ['globalRadiation', 'stationPressure'],
  ),
  derived(
    'universalThermalClimateIndex',
    [...AIR, 'windSpeed'],
    ([t, rh, v, radiation], setting) => {
      const sun = sunlight(radiation, setting);
      if (sun === undefined) return undefined;
      const share = directShare(sun.solar, sun);
      const fluxes = stationFluxes(t as number, rh as number, sun.solar, share, sun.cosZenith);
      const radiant = meanRadiantTemperature(fluxes);
      return universalThermalClimateIndex(t as number, rh as number, v as number, radiant);
    },
    ['globalRadiation'],
  ),
];

/** What follows from readings of one instant. The daily chains (fire weather, Monte Alegre) are in stream/fire-weather.ts. */
export const derivedQuantities: ReadonlyMap<string, DerivedQuantity> = new Map(
  table.map((entry) => [entry.name, entry]),
);
