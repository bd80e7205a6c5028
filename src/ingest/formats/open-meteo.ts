import { formatInstant, SECOND_MS } from '../../model/time.ts';
import type { JsonObject } from '../decode/json.ts';
import type { RawForecast } from '../forecasts.ts';
import { type FieldTable, mapFields } from './fields.ts';
import {
  type Decoding,
  type Format,
  type Ignored,
  type Profile,
  type StationHint,
  stationOf,
} from './format.ts';
import { arrayOf, finiteOf, jsonOf, notThis, objectOf, textOf } from './json-message.ts';

const computed = 'computed by the service; here it is computed from the readings';

/** Variables of `current=`, `hourly=` and `minutely_15=` (open-meteo.com/en/docs). Units are read from the answer, never taken for granted. */
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
  apparent_temperature: computed,
  time: 'the time of the report',
  interval: 'the interval of the report',
};

/** Units that the service writes in a way of its own. */
const unitNames: Readonly<Record<string, string>> = { 'mp/h': 'mph' };

/**
 * The answer of api.open-meteo.com/v1/forecast: `current=…` is a report, `hourly=…` and `minutely_15=…` are forecasts, of one
 * place or a list of them. Times are local without offset, which stands beside them; coordinates are those of the grid cell.
 * What it gives is a model's, not an instrument's.
 */
export const openMeteo: Format = {
  name: 'open-meteo',
  summary: 'Open-Meteo, current conditions and forecasts (values of a model, by grid cell).',
  decode(message, profile) {
    const read = arrayOf(jsonOf(message)).map((body, i, all) =>
      readPlace(objectOf(body), all.length > 1 ? `[${i}].` : '', message.receivedAt, profile),
    );
    return {
      reports: read.flatMap(({ reports }) => reports),
      ignored: read.flatMap(({ ignored }) => ignored),
      stations: read.flatMap(({ stations }) => stations),
      forecasts: read.flatMap(({ forecasts = [] }) => forecasts),
    };
  },
};

function readPlace(body: JsonObject, prefix: string, receivedAt: number, profile: Profile): Decoding {
  if (body.error === true)
    throw notThis(`Open-Meteo refuses the request: ${textOf(body.reason) ?? 'no reason given'}`);
  const blocks = steps.filter(({ name }) => Array.isArray(objectOf(body[name]).time));
  const hint = hintOf(body, profile);
  const current = objectOf(body.current);
  const time = textOf(current.time);
  if (time === undefined && blocks.length === 0)
    throw notThis(
      'The answer has no current.time and no hourly.time; ask Open-Meteo with current=temperature_2m,… for conditions or hourly=precipitation,… for a forecast.',
    );
  const foretold = blocks.map((step) => forecastsOf(body, step, hint.station, prefix, receivedAt));
  const forecasts = foretold.flatMap((one) => one.forecasts);
  const ignored = foretold.flatMap((one) => one.ignored);
  if (time === undefined) return { reports: [], ignored, stations: [hint], forecasts };
  const units = unitsOf(body, 'current');
  const read = mapFields(Object.entries(current), table, { ...profile, units }, `${prefix}current.`);
  const seconds = finiteOf(current.interval);
  const report = {
    station: hint.station,
    observedAt: instantOf(time, body),
    interval: seconds !== undefined && seconds > 0 ? `PT${seconds}S` : profile.interval,
    readings: read.readings,
  };
  return { reports: [report], ignored: [...read.ignored, ...ignored], stations: [hint], forecasts };
}

const steps = [
  { name: 'hourly', interval: '1h' },
  { name: 'minutely_15', interval: '15m' },
] as const;

/**
 * A forecast for each variable of a block. The answer does not tell of which run of the model it is: it counts from when it was
 * asked for, and what it says of the time before is left out. Amounts and gusts are of the step up to their time.
 */
function forecastsOf(
  body: JsonObject,
  { name, interval }: (typeof steps)[number],
  station: string,
  prefix: string,
  receivedAt: number,
): { readonly forecasts: readonly RawForecast[]; readonly ignored: readonly Ignored[] } {
  const { time, ...variables } = objectOf(body[name]);
  const instants = arrayOf(time).map((one) => instantOf(textOf(one) ?? '', body));
  const units = unitsOf(body, name);
  const issuedAt = formatInstant(Math.floor(receivedAt / SECOND_MS) * SECOND_MS);
  const forecasts: RawForecast[] = [];
  const ignored: Ignored[] = [];
  for (const [variable, given] of Object.entries(variables)) {
    const path = `${prefix}${name}.${variable}`;
    const field = Object.hasOwn(table, variable) ? table[variable] : undefined;
    if (typeof field !== 'object') {
      ignored.push({
        path,
        why: field ?? 'no quantity is known for this field',
        ...(field ? { isMeant: true } : {}),
      });
      continue;
    }
    const values = arrayOf(given).flatMap((value, i) =>
      value !== null && !(Date.parse(instants[i] ?? '') <= receivedAt)
        ? [{ validAt: instants[i], value }]
        : [],
    );
    const unit = units.get(variable);
    if (values.length === 0) ignored.push({ path, why: 'no value lies ahead', isMeant: true });
    else
      forecasts.push({
        station,
        issuer: 'open-meteo',
        issuedAt,
        quantity: field.quantity,
        unit,
        interval,
        values,
      });
  }
  return { forecasts, ignored };
}

const unitsOf = (body: JsonObject, block: string): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(objectOf(body[`${block}_units`])).flatMap(([name, unit]) =>
      typeof unit === 'string' && unit !== '' ? [[name, unitNames[unit] ?? unit] as const] : [],
    ),
  );

function hintOf(body: JsonObject, profile: Profile): StationHint {
  const [latitude, longitude] = [finiteOf(body.latitude), finiteOf(body.longitude)];
  const altitude = finiteOf(body.elevation);
  return {
    station: stationOf('open-meteo', `${latitude}_${longitude}`, profile),
    ...(latitude === undefined || longitude === undefined ? {} : { latitude, longitude }),
    ...(altitude === undefined ? {} : { altitude }),
  };
}

/** A local time with the offset that stands beside it. */
function instantOf(time: string, body: JsonObject): string {
  const offset = finiteOf(body.utc_offset_seconds);
  if (offset === undefined) return time;
  const minutes = Math.abs(Math.round(offset / 60));
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${time}${time.length === 16 ? ':00' : ''}${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
