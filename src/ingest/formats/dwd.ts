import type { FieldTable } from './fields.ts';
import { type Decoding, type Format, type Message, type Profile, stationOf } from './format.ts';
import { notThis } from './json-message.ts';
import { readTable, reportsOfRows, withPoint } from './rows.ts';
import { instantText } from './times.ts';

const past = 'of a day, or of hours that others here cover';
const other = 'no quantity is known for it';
const frame = 'says which row it is';
const missing = ['---', '-999', -999] as const;
const span = (quantity: string, unit: string) => ({ quantity, unit, missing });

/** Columns of the files `*-BEOB.csv` (POI), hourly, by their English names; units stand in the second row. */
const hourly: FieldTable = {
  precipitation_amount_last_hour: span('rainfall', 'mm'),
  dry_bulb_temperature_at_2_meter_above_ground: span('airTemperature', '°C'),
  dew_point_temperature_at_2_meter_above_ground: span('dewPoint', '°C'),
  relative_humidity: span('relativeHumidity', '%'),
  pressure_reduced_to_mean_sea_level: span('seaLevelPressure', 'hPa'),
  'mean_wind_speed_during last_10_min_at_10_meters_above_ground': span('windSpeed', 'km/h'),
  'mean_wind_direction_during_last_10 min_at_10_meters_above_ground': span('windDirection', '°'),
  maximum_wind_speed_last_hour: span('windGust', 'km/h'),
  horizontal_visibility: span('visibility', 'km'),
  total_snow_depth: span('snowDepth', 'cm'),
  'surface observations': frame,
  'Parameter description': frame,
};

/** Columns of the ten-minute products of the open data server (`produkt_zehn_now_*.txt`): each product has some. */
const tenMinutes: FieldTable = {
  RWS_10: span('rainfall', 'mm'),
  TT_10: span('airTemperature', '°C'),
  TD_10: span('dewPoint', '°C'),
  RF_10: span('relativeHumidity', '%'),
  PP_10: span('stationPressure', 'hPa'),
  FF_10: span('windSpeed', 'm/s'),
  DD_10: span('windDirection', '°'),
  FX_10: span('windGust', 'm/s'),
  TX_10: span('airTemperatureMax', '°C'),
  TN_10: span('airTemperatureMin', '°C'),
  // Sum of ten minutes, J/cm².
  GS_10: span('globalRadiation', 'J/cm2'),
  QN: 'the level of quality control of the service',
  STATIONS_ID: frame,
  MESS_DATUM: frame,
  eor: frame,
};

/**
 * Files of Germany's DWD: hourly (POI: three lines of names, units and German names, newest first, decimal comma) and of
 * ten minutes (`STATIONS_ID;MESS_DATUM;…`, -999 missing). Times are UTC.
 */
export const dwd: Format = {
  name: 'dwd',
  summary: "Files of Germany's DWD, hourly (POI) and of ten minutes.",
  decode(message, profile) {
    const { columns, rows } = readTable(message, { separator: ';' });
    if (columns.includes('STATIONS_ID') && columns.includes('MESS_DATUM'))
      return reportsOfRows(rows, tenMinutes, profile, (row) => ({
        station: stationOf('dwd', row.cell('STATIONS_ID'), profile),
        observedAt: instantText(row.cell('MESS_DATUM'), 'UTC') ?? row.cell('MESS_DATUM'),
        interval: profile.interval ?? 'PT10M',
      }));
    if (columns[0] === 'surface observations') return readHourly(message, profile);
    throw notThis(
      'The table begins neither with STATIONS_ID nor with surface observations; a file of DWD is expected.',
    );
  },
};

function readHourly(message: Message, profile: Profile): Decoding {
  const { columns, rows } = readTable(message, { separator: ';' });
  const [unitRow, , ...values] = rows;
  const code = unitRow?.cells[0]?.[1] ?? '';
  const written = unitsOf(columns, unitRow?.cells ?? []);
  const table: FieldTable = Object.fromEntries(
    columns.map((name) => [name, hourly[name] ?? (/(last_\d|previous|past_|day)/.test(name) ? past : other)]),
  );
  const [first = '', second = ''] = columns;
  const decoding = reportsOfRows(values, table, { ...profile, units: written(profile) }, (row) => ({
    station: stationOf('dwd', code, profile),
    observedAt: instantText(`${row.cell(first)} ${row.cell(second)}`, 'UTC', 'day-first') ?? row.cell(first),
    interval: profile.interval ?? 'PT1H',
    values: row.cells.slice(2).map(([name, text]) => [name, withPoint(text)] as const),
  }));
  // Cells of `---` are as good as empty.
  return { ...decoding, ignored: decoding.ignored.filter(({ why }) => !why.startsWith('---')) };
}

const german: Readonly<Record<string, string>> = { 'Grad C': '°C', Grad: '°' };

/** Units as the second row writes them, and as the operator says instead. */
function unitsOf(
  columns: readonly string[],
  cells: readonly (readonly [string, string])[],
): (profile: Profile) => ReadonlyMap<string, string> {
  const told = new Map(
    cells
      .filter(([name]) => typeof hourly[name] === 'object')
      .map(([name, text]) => [name, german[text] ?? text]),
  );
  return ({ units }) => new Map([...told, ...[...(units ?? [])].filter(([name]) => columns.includes(name))]);
}
