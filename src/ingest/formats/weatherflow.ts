import type { Json } from '../decode/json.ts';
import type { RawReport } from '../decode/report.ts';
import { type Field, mapFields } from './fields.ts';
import { type Decoding, type Format, type Profile, stationOf } from './format.ts';
import { arrayOf, finiteOf, jsonOf, notThis, objectOf, textOf } from './json-message.ts';
import { epochText } from './times.ts';

interface Layout {
  /** Place of the minutes between two reports; without it the message has no interval of its own. */
  readonly minutesAt?: number;
  readonly columns: readonly (readonly [name: string, field: Field | string])[];
}

const unused = 'no quantity is known for this field';
const device = 'says something of the device, not of the weather';
const column = (name: string, quantity: string, unit?: string): readonly [string, Field] => [
  name,
  unit === undefined ? { quantity } : { quantity, unit },
];

/** Observations by place in their array (WeatherFlow Tempest UDP Reference, version 171). Place 0 is the time. */
const layouts: Readonly<Record<string, Layout>> = {
  obs_st: {
    minutesAt: 17,
    columns: [
      ['time', device],
      ['wind_lull', unused],
      column('wind_avg', 'windSpeed', 'm/s'),
      column('wind_gust', 'windGust', 'm/s'),
      column('wind_direction', 'windDirection', '°'),
      ['wind_sample_interval', device],
      column('station_pressure', 'stationPressure', 'hPa'),
      column('air_temperature', 'airTemperature', '°C'),
      column('relative_humidity', 'relativeHumidity', '%'),
      ['illuminance', unused],
      column('uv', 'uvIndex'),
      column('solar_radiation', 'solarIrradiance', 'W/m²'),
      column('rain', 'rainfall', 'mm'),
      ['precipitation_type', unused],
      ['lightning_distance', unused],
      column('lightning_count', 'lightningStrikes'),
      column('battery', 'batteryVoltage', 'V'),
      ['report_interval', device],
    ],
  },
  obs_sky: {
    minutesAt: 9,
    columns: [
      ['time', device],
      ['illuminance', unused],
      column('uv', 'uvIndex'),
      column('rain', 'rainfall', 'mm'),
      ['wind_lull', unused],
      column('wind_avg', 'windSpeed', 'm/s'),
      column('wind_gust', 'windGust', 'm/s'),
      column('wind_direction', 'windDirection', '°'),
      column('battery', 'batteryVoltage', 'V'),
      ['report_interval', device],
      column('solar_radiation', 'solarIrradiance', 'W/m²'),
      ['local_day_rain', 'a sum since midnight; the rain of each report is read'],
      ['precipitation_type', unused],
      ['wind_sample_interval', device],
    ],
  },
  obs_air: {
    minutesAt: 7,
    columns: [
      ['time', device],
      column('station_pressure', 'stationPressure', 'hPa'),
      column('air_temperature', 'airTemperature', '°C'),
      column('relative_humidity', 'relativeHumidity', '%'),
      column('lightning_count', 'lightningStrikes'),
      ['lightning_distance', unused],
      column('battery', 'batteryVoltage', 'V'),
      ['report_interval', device],
    ],
  },
  rapid_wind: {
    columns: [
      ['time', device],
      column('wind_speed', 'windSpeed', 'm/s'),
      column('wind_direction', 'windDirection', '°'),
    ],
  },
};

/** Messages that tell no reading; `evt_precip` says only that rain began. */
const others = new Set([
  'device_status',
  'hub_status',
  'evt_precip',
  'evt_strike',
  'light_debug',
  'wind_debug',
  'rain_debug',
]);

/** A datagram that a hub of WeatherFlow (Tempest, Air, Sky) broadcasts: JSON, metric, times in epoch seconds. */
export const weatherflow: Format = {
  name: 'weatherflow',
  summary: 'WeatherFlow Tempest, Air and Sky, as the hub broadcasts by UDP (port 50222).',
  decode(message, profile) {
    const body = objectOf(jsonOf(message));
    const [type, serial] = [textOf(body.type), textOf(body.serial_number)];
    if (type === undefined || serial === undefined)
      throw notThis('The datagram has no type and serial_number; one of a WeatherFlow hub is expected.');
    const layout = Object.hasOwn(layouts, type) ? layouts[type] : undefined;
    if (!layout) {
      const why = others.has(type)
        ? 'the message tells no reading'
        : 'a type of message that is not known here';
      return { reports: [], ignored: [{ path: type, why }], stations: [] };
    }
    const rows = type === 'rapid_wind' ? [body.ob ?? null] : arrayOf(body.obs);
    return join(
      rows.map((row, index) =>
        readRow(layout, row, stationOf('weatherflow', serial, profile), index, profile),
      ),
    );
  },
};

function readRow(layout: Layout, row: Json, station: string, index: number, profile: Profile): Decoding {
  const values = Array.isArray(row) ? row : [];
  const fields = layout.columns.map(([name], place) => [name, values[place]] as const);
  const { readings, ignored } = mapFields(
    fields,
    Object.fromEntries(layout.columns),
    profile,
    `obs[${index}].`,
  );
  const minutes = layout.minutesAt === undefined ? undefined : finiteOf(values[layout.minutesAt]);
  const interval = minutes !== undefined && minutes > 0 ? `PT${Math.round(minutes * 60)}S` : profile.interval;
  const report: RawReport = { station, observedAt: epochText(values[0]), interval, readings };
  return { reports: [report], ignored, stations: [] };
}

const join = (parts: readonly Decoding[]): Decoding => ({
  reports: parts.flatMap(({ reports }) => reports),
  ignored: parts.flatMap(({ ignored }) => ignored),
  stations: [],
});
