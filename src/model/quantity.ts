import type { Text } from './language.ts';

/**
 * What is measured. Names and canonical units follow the CF standard names (cfconventions.org, version 86);
 * values in state and log are integers: the canonical value times 10^decimals, rounded half away from zero once, at ingest.
 */
export interface Quantity {
  readonly name: string;
  readonly cfName: string;
  readonly unit: string;
  readonly decimals: number;
  /** `interval`: measured over a span that ends at `observedAt`; `instant`: at `observedAt`. */
  readonly kind: 'interval' | 'instant';
  /** A partial sum of a quantity that cannot be negative is a lower bound. */
  readonly nonNegative: boolean;
  /** Physical range in the canonical unit; with `perHour`, the maximum is per hour of interval. */
  readonly range: { readonly min: number; readonly max: number; readonly perHour?: true };
  readonly label: Text;
}

const q = (
  name: string,
  cfName: string,
  unit: string,
  kind: Quantity['kind'],
  range: Quantity['range'],
  pt: string,
  en: string,
): Quantity => ({
  name,
  cfName,
  unit,
  decimals: 3,
  kind,
  nonNegative: range.min >= 0,
  range,
  label: { 'pt-BR': pt, en },
});

const table: readonly Quantity[] = [
  q(
    'rainfall',
    'lwe_thickness_of_precipitation_amount',
    'mm',
    'interval',
    { min: 0, max: 500, perHour: true },
    'Chuva',
    'Rainfall',
  ),
  q(
    'airTemperature',
    'air_temperature',
    '°C',
    'instant',
    { min: -90, max: 60 },
    'Temperatura do ar',
    'Air temperature',
  ),
  q(
    'airTemperatureMax',
    'air_temperature',
    '°C',
    'interval',
    { min: -90, max: 60 },
    'Temperatura máxima',
    'Maximum air temperature',
  ),
  q(
    'airTemperatureMin',
    'air_temperature',
    '°C',
    'interval',
    { min: -90, max: 60 },
    'Temperatura mínima',
    'Minimum air temperature',
  ),
  q(
    'dewPoint',
    'dew_point_temperature',
    '°C',
    'instant',
    { min: -100, max: 45 },
    'Ponto de orvalho',
    'Dew point',
  ),
  q(
    'relativeHumidity',
    'relative_humidity',
    '%',
    'instant',
    { min: 0, max: 105 },
    'Umidade relativa',
    'Relative humidity',
  ),
  q(
    'stationPressure',
    'surface_air_pressure',
    'hPa',
    'instant',
    { min: 400, max: 1100 },
    'Pressão',
    'Station pressure',
  ),
  q('windSpeed', 'wind_speed', 'm/s', 'instant', { min: 0, max: 100 }, 'Vento', 'Wind speed'),
  q('windGust', 'wind_speed_of_gust', 'm/s', 'interval', { min: 0, max: 120 }, 'Rajada', 'Wind gust'),
  q(
    'windDirection',
    'wind_from_direction',
    '°',
    'instant',
    { min: 0, max: 360 },
    'Direção do vento',
    'Wind direction',
  ),
  q(
    'globalRadiation',
    'integral_wrt_time_of_surface_downwelling_shortwave_flux_in_air',
    'kJ/m²',
    'interval',
    { min: 0, max: 6000, perHour: true },
    'Radiação global',
    'Global radiation',
  ),
  q(
    'riverLevel',
    'water_surface_height_above_reference_datum',
    'm',
    'instant',
    { min: -50, max: 200 },
    'Nível do rio',
    'River level',
  ),
];

export const quantities: ReadonlyMap<string, Quantity> = new Map(table.map((entry) => [entry.name, entry]));

/** Canonical value to scaled integer, half away from zero. */
export function toScaled(value: number, decimals = 3): number {
  // The decimal text decides a tie: 1.0005 is a tie although its double lies below it.
  const scaled = Number(`${Math.abs(value)}e${decimals}`);
  const rounded = Number.isNaN(scaled)
    ? Math.round(Math.abs(value) * 10 ** decimals)
    : Math.floor(scaled + 0.5);
  return value < 0 && rounded !== 0 ? -rounded : rounded;
}

/** Scaled integer to the canonical value, the nearest double of the decimal. */
export const fromScaled = (scaled: number, decimals = 3): number => scaled / 10 ** decimals;
