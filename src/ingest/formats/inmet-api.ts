import type { Json, JsonObject } from '../decode/json.ts';
import { type FieldTable, mapFields } from './fields.ts';
import { type Decoding, type Format, type Profile, type StationHint, stationOf } from './format.ts';
import { arrayOf, finiteOf, jsonOf, notThis, objectOf, textOf } from './json-message.ts';

const hourly = 'an extreme of the hour that rules do not read';
const device = 'says something of the device, not of the weather';
const place = 'says which station it is, or where';

/** Fields of an hourly record of INMET's automatic stations (apitempo.inmet.gov.br, apiprevmet3.inmet.gov.br). */
const table: FieldTable = {
  CHUVA: { quantity: 'rainfall', unit: 'mm' },
  TEM_INS: { quantity: 'airTemperature', unit: '°C' },
  TEM_MAX: { quantity: 'airTemperatureMax', unit: '°C' },
  TEM_MIN: { quantity: 'airTemperatureMin', unit: '°C' },
  PTO_INS: { quantity: 'dewPoint', unit: '°C' },
  UMD_INS: { quantity: 'relativeHumidity', unit: '%' },
  PRE_INS: { quantity: 'stationPressure', unit: 'hPa' },
  VEN_VEL: { quantity: 'windSpeed', unit: 'm/s' },
  VEN_RAJ: { quantity: 'windGust', unit: 'm/s' },
  VEN_DIR: { quantity: 'windDirection', unit: '°' },
  RAD_GLO: { quantity: 'globalRadiation', unit: 'kJ/m²' },
  TEN_BAT: { quantity: 'batteryVoltage', unit: 'V' },
  TEM_SEN: 'computed by the service; here it is computed from the readings',
  PTO_MAX: hourly,
  PTO_MIN: hourly,
  UMD_MAX: hourly,
  UMD_MIN: hourly,
  PRE_MAX: hourly,
  PRE_MIN: hourly,
  TEM_CPU: device,
  DC_NOME: place,
  UF: place,
  VL_LATITUDE: place,
  VL_LONGITUDE: place,
  CD_ESTACAO: place,
  DT_MEDICAO: 'the time of the report',
  HR_MEDICAO: 'the time of the report',
};

/** Records of INMET's web services: numbers are texts, an hour ends at `HR_MEDICAO` (UTC), radiation below zero is none. */
export const inmetApi: Format = {
  name: 'inmet',
  summary: 'INMET, hourly records of automatic stations as its web services give them.',
  decode(message, profile) {
    const body = jsonOf(message);
    const records = recordsOf(body);
    if (records.length === 0)
      throw notThis('The answer has no record with CD_ESTACAO and DT_MEDICAO; one of INMET is expected.');
    const parts = records.map((record, index) =>
      readRecord(record, records.length > 1 ? `[${index}].` : '', profile),
    );
    return {
      reports: parts.flatMap(({ reports }) => reports),
      ignored: parts.flatMap(({ ignored }) => ignored),
      stations: [
        ...new Map(parts.flatMap(({ stations }) => stations).map((hint) => [hint.station, hint])).values(),
      ],
    };
  },
};

/** A record alone, an array of them, or beneath `dados`. */
const recordsOf = (body: Json): JsonObject[] =>
  arrayOf(body)
    .flatMap((item) => arrayOf(objectOf(item).dados ?? item))
    .map(objectOf)
    .filter(({ CD_ESTACAO, DT_MEDICAO }) => CD_ESTACAO !== undefined && DT_MEDICAO !== undefined);

function readRecord(record: JsonObject, prefix: string, profile: Profile): Decoding {
  const station = stationOfRecord(record, profile);
  const fields = Object.entries(record).map(([name, value]) => [name, atNight(name, value)] as const);
  const { readings, ignored } = mapFields(fields, table, profile, prefix);
  const [, hour, minute] = /^(\d\d):?(\d\d)/.exec((textOf(record.HR_MEDICAO) ?? '').padStart(4, '0')) ?? [];
  const observedAt = `${textOf(record.DT_MEDICAO)}T${hour}:${minute}:00Z`;
  return {
    reports: [{ station, observedAt, interval: 'PT1H', readings }],
    ignored,
    stations: [hintOf(record, station)],
  };
}

/** Their own codes are ours, as in their yearly files. */
const stationOfRecord = ({ CD_ESTACAO }: JsonObject, profile: Profile): string => {
  const code = textOf(CD_ESTACAO) ?? '';
  return (
    profile.stations?.get(code) ?? (/^[A-Z]\d{3}$/.test(code) ? code : stationOf('inmet', code, profile))
  );
};

/** The pyranometer drifts a little below zero in the dark. */
const atNight = (name: string, value: Json): Json =>
  name === 'RAD_GLO' && (finiteOf(value) ?? 0) < 0 && (finiteOf(value) ?? 0) > -100 ? 0 : value;

function hintOf(record: JsonObject, station: string): StationHint {
  const [latitude, longitude] = [finiteOf(record.VL_LATITUDE), finiteOf(record.VL_LONGITUDE)];
  const name = textOf(record.DC_NOME);
  return {
    station,
    ...(name === undefined ? {} : { name }),
    ...(latitude === undefined || longitude === undefined ? {} : { latitude, longitude }),
  };
}
