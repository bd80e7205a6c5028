import { formatInstant } from '../../model/time.ts';
import type { FieldTable } from './fields.ts';
import { type Format, type Message, type Profile, type StationHint, stationOf } from './format.ts';
import { finiteOf, notThis } from './json-message.ts';
import { type Row, readTable, reportsOfRows, type Table } from './rows.ts';

const place = 'says which station it is, where, or how it is built';
const time = 'the time of the report';
const other = 'of another span or kind than rules read';
const missing = ['', 'NAN', 'NaN', 'None', 'NA'] as const;
const field = (quantity: string, unit?: string, rank = 0) => ({
  quantity,
  missing,
  rank,
  ...(unit === undefined ? {} : { unit }),
});
const all = (names: string, why: string): Record<string, string> =>
  Object.fromEntries(names.split(' ').map((name) => [name, why]));

/** Columns of the template `aws-template` of csv2bufr: SI units. Rain of the past hour, so that the report covers an hour. */
const template: FieldTable = {
  station_pressure: field('stationPressure', 'Pa'),
  msl_pressure: field('seaLevelPressure', 'Pa'),
  air_temperature: field('airTemperature', 'K'),
  dewpoint_temperature: field('dewPoint', 'K'),
  relative_humidity: field('relativeHumidity', '%'),
  wind_speed: field('windSpeed', 'm/s'),
  wind_direction: field('windDirection', '°'),
  maximum_wind_gust_speed_1_hour: field('windGust', 'm/s', 1),
  maximum_wind_gust_speed_10_minutes: 'of ten minutes only; the gust of the hour is read',
  total_precipitation_1_hour: field('rainfall', 'mm'),
  snow_depth: field('snowDepth', 'm'),
  ...all('year month day hour minute', time),
  ...all(
    'wsi_series wsi_issuer wsi_issue_number wsi_local wmo_block_number wmo_station_number station_type latitude longitude station_height_above_msl barometer_height_above_msl thermometer_height anemometer_height rain_sensor_height',
    place,
  ),
  ...all(
    'geopotential_height method_of_ground_state_measurement ground_state method_of_snow_depth_measurement precipitation_intensity time_period_of_wind maximum_wind_gust_direction_10_minutes maximum_wind_gust_direction_1_hour maximum_wind_gust_direction_3_hours maximum_wind_gust_speed_3_hours total_precipitation_3_hours total_precipitation_6_hours total_precipitation_12_hours total_precipitation_24_hours',
    other,
  ),
};

/** Columns of the Campbell stations of the template `CampbellAfrica-v1` (TOA5): SI units; `M_*` is UTC, TIMESTAMP local. */
const campbell: FieldTable = {
  BP: field('stationPressure', 'Pa'),
  QNH: 'the altimeter setting: neither the pressure at the station nor that at sea level',
  AirTempK: field('airTemperature', 'K'),
  AirTempMaxK: 'an extreme of 24 hours',
  AirTempMinK: 'an extreme of 24 hours',
  DewPointTempK: field('dewPoint', 'K'),
  RH: field('relativeHumidity', '%'),
  WSpeed10M_Avg: field('windSpeed', 'm/s', 1),
  WSpeed: field('windSpeed', 'm/s'),
  WindDir: field('windDirection', '°'),
  WindGust: field('windGust', 'm/s'),
  Rain_mm_Tot: field('rainfall', 'mm'),
  SlrJ: field('globalRadiation', 'J/m2'),
  SlrJ24: other,
  ...all('M_Year M_Month M_DayOfMonth M_HourOfDay M_Minutes TIMESTAMP', time),
  ...all(
    'RECORD WMO_Block Station_ID Station_Name WMO_Station_Type Latitude Longitude Elevation BP_Elevation Temp_H Rain_H WSpeed_height Wind_Type Wind_Sig Wind_T WindG_Sig Rain_hr Sun_hr Sun_hr24 Temp_hr24 Temp24T Solar_hr Solar_hr24',
    place,
  ),
  ...all('BP_Change BP_Tendency SunHrs SunHrs24', other),
};

/**
 * CSV that stations hand to a wis2box: of the template `aws-template` (a WIGOS identifier in four columns), or TOA5 of
 * Campbell loggers as the template CampbellAfrica-v1 reads it. Values are SI, times UTC in columns of their own.
 */
export const wis2box: Format = {
  name: 'wis2box',
  summary: 'CSV that stations hand to a wis2box (aws-template, or TOA5 of Campbell loggers).',
  decode(message, profile) {
    const first = Buffer.from(message.body.subarray(0, 16)).toString('latin1');
    return /^\W*TOA5/.test(first) ? fromToa5(message, profile) : fromTemplate(message, profile);
  },
};

function fromToa5(message: Message, profile: Profile) {
  const { columns, rows } = readTable(message, { header: 1, separator: ',' });
  require({ columns }, ['Station_ID', 'M_Year']);
  // Below the names stand a row of units and one of how they were taken.
  return reportsOfRows(rows.slice(2), campbell, profile, (row) =>
    placed(row, row.cell('Station_ID'), profile, {
      time: ['M_Year', 'M_Month', 'M_DayOfMonth', 'M_HourOfDay', 'M_Minutes'],
      place: ['Station_Name', 'Latitude', 'Longitude', 'Elevation'],
    }),
  );
}

function fromTemplate(message: Message, profile: Profile) {
  const table = readTable(message, { separator: ',' });
  require(table, ['wsi_series', 'wsi_local', 'year', 'minute']);
  return reportsOfRows(table.rows, template, profile, (row) => {
    const id = ['wsi_series', 'wsi_issuer', 'wsi_issue_number', 'wsi_local'].map((name) => row.cell(name));
    return placed(row, id.join('-'), profile, {
      time: ['year', 'month', 'day', 'hour', 'minute'],
      place: ['', 'latitude', 'longitude', 'station_height_above_msl'],
    });
  });
}

function require({ columns }: Pick<Table, 'columns'>, names: readonly string[]): void {
  const missed = names.filter((name) => !columns.includes(name));
  if (missed.length > 0)
    throw notThis(`The table misses ${missed.join(', ')}; a CSV for a wis2box is expected.`);
}

function placed(
  row: Row,
  id: string,
  profile: Profile,
  columns: { readonly time: readonly string[]; readonly place: readonly string[] },
) {
  const station = stationOf('wis2box', id, profile);
  const texts = columns.time.map((name) => row.cell(name));
  const [year = Number.NaN, month = 0, day = 0, hour = 0, minute = 0] = texts.map(Number);
  const at = texts.includes('') ? Number.NaN : Date.UTC(year, month - 1, day, hour, minute);
  const isReal = Number.isFinite(at) && new Date(at).getUTCDate() === day && hour < 24 && minute < 60;
  const [name = '', north = '', east = '', height = ''] = columns.place.map((one) => row.cell(one));
  const [latitude, longitude, altitude] = [north, east, height].map(finiteOf);
  const hint: StationHint = {
    station,
    ...(name === '' ? {} : { name }),
    ...(latitude === undefined || longitude === undefined ? {} : { latitude, longitude }),
    ...(altitude === undefined ? {} : { altitude }),
  };
  return {
    station,
    observedAt: isReal ? formatInstant(at) : texts.join(' '),
    interval: profile.interval ?? 'PT1H',
    hint,
  };
}
