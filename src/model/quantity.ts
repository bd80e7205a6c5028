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
  /**
   * Computed here from other quantities (rules/derived/table.ts, stream/fire-weather.ts). `always`: a report of it is
   * refused, for two definitions of one word would meet in a rule; `when-missing`: instruments measure it too, and a
   * report's own value wins.
   */
  readonly derived?: 'always' | 'when-missing';
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

/** A quantity that stands for an instant and is computed here. Without a CF standard name where that is empty. */
const d = (
  derived: 'always' | 'when-missing',
  name: string,
  cfName: string,
  unit: string,
  range: Quantity['range'],
  pt: string,
  en: string,
): Quantity => ({ ...q(name, cfName, unit, 'instant', range, pt, en), derived });

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
  d(
    'when-missing',
    'dewPoint',
    'dew_point_temperature',
    '°C',
    { min: -100, max: 45 },
    'Ponto de orvalho',
    'Dew point',
  ),
  d(
    'when-missing',
    'relativeHumidity',
    'relative_humidity',
    '%',
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
  q(
    'rainfallTotal',
    'lwe_thickness_of_precipitation_amount',
    'mm',
    'instant',
    { min: 0, max: 100_000 },
    'Chuva acumulada no pluviômetro',
    'Rain counter of the gauge',
  ),
  q(
    'solarIrradiance',
    'surface_downwelling_shortwave_flux_in_air',
    'W/m²',
    'instant',
    { min: 0, max: 2000 },
    'Irradiância solar',
    'Solar irradiance',
  ),
  q('uvIndex', 'ultraviolet_index', '', 'instant', { min: 0, max: 30 }, 'Índice UV', 'UV index'),
  q(
    'visibility',
    'visibility_in_air',
    'm',
    'instant',
    { min: 0, max: 100_000 },
    'Visibilidade',
    'Visibility',
  ),
  q(
    'snowDepth',
    'surface_snow_thickness',
    'm',
    'instant',
    { min: 0, max: 20 },
    'Altura da neve',
    'Snow depth',
  ),
  q(
    'lightningStrikes',
    '',
    '',
    'interval',
    { min: 0, max: 100_000 },
    'Descargas elétricas',
    'Lightning strikes',
  ),
  q('batteryVoltage', '', 'V', 'instant', { min: 0, max: 100 }, 'Tensão da bateria', 'Battery voltage'),
  d(
    'when-missing',
    'wetBulbTemperature',
    'wet_bulb_temperature',
    '°C',
    { min: -90, max: 60 },
    'Temperatura de bulbo úmido',
    'Wet-bulb temperature',
  ),
  d(
    'when-missing',
    'wetBulbGlobeTemperature',
    '',
    '°C',
    { min: -90, max: 60 },
    'Índice de bulbo úmido e termômetro de globo (IBUTG)',
    'Wet-bulb globe temperature',
  ),
  d(
    'when-missing',
    'seaLevelPressure',
    'air_pressure_at_mean_sea_level',
    'hPa',
    { min: 850, max: 1100 },
    'Pressão ao nível do mar',
    'Sea-level pressure',
  ),
  d(
    'always',
    'vapourPressureDeficit',
    'water_vapor_saturation_deficit_in_air',
    'hPa',
    { min: 0, max: 200 },
    'Déficit de pressão de vapor',
    'Vapour pressure deficit',
  ),
  d(
    'always',
    'heatIndex',
    'heat_index_of_air_temperature',
    '°C',
    { min: -90, max: 100 },
    'Índice de calor',
    'Heat index',
  ),
  d('always', 'humidex', '', '°C', { min: -90, max: 100 }, 'Humidex', 'Humidex'),
  d(
    'always',
    'apparentTemperature',
    '',
    '°C',
    { min: -150, max: 100 },
    'Temperatura aparente',
    'Apparent temperature',
  ),
  d(
    'always',
    'windChill',
    'wind_chill_of_air_temperature',
    '°C',
    { min: -150, max: 60 },
    'Sensação térmica de frio',
    'Wind chill',
  ),
  d(
    'always',
    'universalThermalClimateIndex',
    '',
    '°C',
    { min: -150, max: 100 },
    'Índice climático térmico universal (UTCI)',
    'Universal Thermal Climate Index (UTCI)',
  ),
  d('always', 'angstromIndex', '', '', { min: -5, max: 20 }, 'Índice de Ångström', 'Ångström index'),
  d(
    'always',
    'monteAlegreIndex',
    '',
    '',
    { min: 0, max: 40_000 },
    'Fórmula de Monte Alegre (FMA)',
    'Monte Alegre fire index (FMA)',
  ),
  d(
    'always',
    'monteAlegreWindIndex',
    '',
    '',
    { min: 0, max: 2_000_000 },
    'Fórmula de Monte Alegre com vento (FMA+)',
    'Monte Alegre fire index with wind (FMA+)',
  ),
  d(
    'always',
    'fineFuelMoistureCode',
    '',
    '',
    { min: 0, max: 101 },
    'Código de umidade do combustível fino (FFMC)',
    'Fine Fuel Moisture Code (FFMC)',
  ),
  d(
    'always',
    'duffMoistureCode',
    '',
    '',
    { min: 0, max: 10_000 },
    'Código de umidade da serapilheira (DMC)',
    'Duff Moisture Code (DMC)',
  ),
  d('always', 'droughtCode', '', '', { min: 0, max: 20_000 }, 'Código de seca (DC)', 'Drought Code (DC)'),
  d(
    'always',
    'initialSpreadIndex',
    '',
    '',
    { min: 0, max: 1_000_000 },
    'Índice de propagação inicial (ISI)',
    'Initial Spread Index (ISI)',
  ),
  d(
    'always',
    'buildupIndex',
    '',
    '',
    { min: 0, max: 10_000 },
    'Índice de combustível disponível (BUI)',
    'Buildup Index (BUI)',
  ),
  d(
    'always',
    'fireWeatherIndex',
    '',
    '',
    { min: 0, max: 10_000 },
    'Índice meteorológico de perigo de incêndio (FWI)',
    'Fire Weather Index (FWI)',
  ),
  d(
    'always',
    'dailySeverityRating',
    '',
    '',
    { min: 0, max: 1_000_000 },
    'Severidade diária do fogo (DSR)',
    'Daily Severity Rating (DSR)',
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
