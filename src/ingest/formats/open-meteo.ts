import type { JsonObject } from '../decode/json.ts';
import { type FieldTable, mapFields } from './fields.ts';
import { type Format, type StationHint, stationOf } from './format.ts';
import { finiteOf, jsonOf, notThis, objectOf, textOf } from './json-message.ts';

const forecast = 'computed by the service; here it is computed from the readings';

/** Variables of `current=` (open-meteo.com/en/docs). Units are read from the answer, never taken for granted. */
const table: FieldTable = {
  temperature_2m: { quantity: 'airTemperature' },
  relative_humidity_2m: { quantity: 'relativeHumidity' },
  dew_point_2m: { quantity: 'dewPoint' },
  precipitation: { quantity: 'rainfall' },
  rain: 'part of precipitation',
  showers: 'part of precipitation',
  pressure_msl: { quantity: 'seaLevelPressure' },
  surface_pressure: { quantity: 'stationPressure' },
  wind_speed_10m: { quantity: 'windSpeed' },
  wind_gusts_10m: { quantity: 'windGust' },
  wind_direction_10m: { quantity: 'windDirection' },
  shortwave_radiation: { quantity: 'solarIrradiance' },
  uv_index: { quantity: 'uvIndex' },
  visibility: { quantity: 'visibility' },
  snow_depth: { quantity: 'snowDepth' },
  apparent_temperature: forecast,
  time: 'the time of the report',
  interval: 'the interval of the report',
};

/** Units that the service writes in a way of its own. */
const unitNames: Readonly<Record<string, string>> = { 'mp/h': 'mph' };

/**
 * The answer of api.open-meteo.com/v1/forecast with `current=…`. Times are local without offset, which stands beside
 * them; coordinates are those of the grid cell. What it gives is a model's analysis, not an instrument's reading.
 */
export const openMeteo: Format = {
  name: 'open-meteo',
  summary: 'Open-Meteo, current conditions (values of a model, by grid cell).',
  decode(message, profile) {
    const body = objectOf(jsonOf(message));
    if (body.error === true)
      throw notThis(`Open-Meteo refuses the request: ${textOf(body.reason) ?? 'no reason given'}`);
    const current = objectOf(body.current);
    if (textOf(current.time) === undefined)
      throw notThis(
        'The answer has no current.time; ask Open-Meteo with current=temperature_2m,… in the address.',
      );
    const units = new Map(
      Object.entries(objectOf(body.current_units)).flatMap(([name, unit]) =>
        typeof unit === 'string' && unit !== '' ? [[name, unitNames[unit] ?? unit] as const] : [],
      ),
    );
    const read = mapFields(Object.entries(current), table, { ...profile, units }, 'current.');
    const seconds = finiteOf(current.interval);
    const hint = hintOf(body, profile);
    const report = {
      station: hint.station,
      observedAt: observedAt(current, body),
      interval: seconds !== undefined && seconds > 0 ? `PT${seconds}S` : profile.interval,
      readings: read.readings,
    };
    return { reports: [report], ignored: read.ignored, stations: [hint] };
  },
};

function hintOf(body: JsonObject, profile: Parameters<typeof stationOf>[2]): StationHint {
  const [latitude, longitude] = [finiteOf(body.latitude), finiteOf(body.longitude)];
  const altitude = finiteOf(body.elevation);
  return {
    station: stationOf('open-meteo', `${latitude}_${longitude}`, profile),
    ...(latitude === undefined || longitude === undefined ? {} : { latitude, longitude }),
    ...(altitude === undefined ? {} : { altitude }),
  };
}

/** The local time with the offset that stands beside it. */
function observedAt(current: JsonObject, body: JsonObject): string {
  const time = textOf(current.time) as string;
  const offset = finiteOf(body.utc_offset_seconds);
  if (offset === undefined) return time;
  const minutes = Math.abs(Math.round(offset / 60));
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${time}${time.length === 16 ? ':00' : ''}${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
