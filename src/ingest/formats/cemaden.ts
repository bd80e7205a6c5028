import type { JsonObject } from '../decode/json.ts';
import { type FieldTable, mapFields } from './fields.ts';
import { type Decoding, type Format, type Profile, stationOf } from './format.ts';
import { arrayOf, finiteOf, jsonOf, notThis, objectOf, textOf } from './json-message.ts';
import { readTable, reportsOfRows, withPoint } from './rows.ts';
import { instantText } from './times.ts';

/** A gauge tells every ten minutes while it rains (and every hour, a zero, while it is dry). */
const STEP = 'PT10M';
/** `id_sensor` of rain in the answers of the PED. */
const RAIN_SENSOR = '10';

const place = 'says which station it is, or where';
const time = 'the time of the report';
const sum = 'a sum of the service; here it is computed from the readings';
const device = 'says something of the device, not of the weather';
const rainfall = { quantity: 'rainfall', unit: 'mm', missing: ['-', '-999', -999] } as const;

/** Fields of the monthly files of the map, of its JSON (getJson2.php) and of the PED's web service. */
const table: FieldTable = {
  valorMedida: rainfall,
  ultimovalor: rainfall,
  valor: rainfall,
  chuva: rainfall,
  nivel: 'a level by the reference of the gauge, with no datum told',
  ...Object.fromEntries([1, 3, 6, 12, 24, 48, 72, 96].map((hours) => [`acc${hours}hr`, sum])),
  ...Object.fromEntries(
    'municipio codEstacao uf nomeEstacao latitude longitude idestacao codibge cidade nomeestacao codestacao nome tipo'
      .split(' ')
      .map((name) => [name, place]),
  ),
  datahora: time,
  datahoraUltimovalor: time,
  dataHora: time,
  ultimaConexao: device,
  status: device,
  siglaRede: device,
  tipoestacao: device,
  id_rede: device,
  rede: device,
  sensor: device,
  id_sensor: device,
  sensor_descricao: device,
  sensordescricao: device,
  qualificacao: device,
  offset: device,
  intensidade_precipitacao: 'an intensity of the sensor; here it is computed from the readings',
};

/**
 * Gauges of CEMADEN: CSV of the interactive map (`;`, decimal comma), its JSON, or that of the data platform (PED).
 * Times are UTC, `2024-05-01 00:10:00.0` or `01/05/24 00:10`. A row of another sensor than rain gives nothing.
 */
export const cemaden: Format = {
  name: 'cemaden',
  summary: "CEMADEN's rain gauges: files and JSON of the map, or the data platform.",
  decode(message, profile) {
    const start = String.fromCharCode(message.body.find((byte) => byte > 32) ?? 0);
    return start === '[' || start === '{' ? fromJson(jsonOf(message), profile) : fromFile(message, profile);
  },
};

function fromFile(message: Parameters<Format['decode']>[0], profile: Profile): Decoding {
  const { columns, rows } = readTable(message);
  if (!columns.includes('codEstacao') || !columns.includes('valorMedida'))
    throw notThis('The table has no columns codEstacao and valorMedida; a file of CEMADEN is expected.');
  return reportsOfRows(rows, table, profile, (row) => {
    const station = stationOf('cemaden', row.cell('codEstacao'), profile);
    const isRain = ['', 'chuva', 'pluviometro'].includes(row.cell('sensor').toLowerCase());
    return {
      station,
      observedAt: timeOf(row.cell('datahora')),
      interval: profile.interval ?? STEP,
      hint: hintOf(
        station,
        row.cell('nomeEstacao'),
        withPoint(row.cell('latitude')),
        withPoint(row.cell('longitude')),
      ),
      values: isRain ? row.cells.map(([name, text]) => [name, withPoint(text)] as const) : [],
    };
  });
}

function fromJson(body: ReturnType<typeof jsonOf>, profile: Profile): Decoding {
  const records = arrayOf(body)
    .flatMap((item) => arrayOf(objectOf(item).cemaden ?? item))
    .map(objectOf)
    .filter((record) => codeOf(record) !== undefined);
  // "Nenhum resultado foi encontrado" is an answer too.
  if (records.length === 0 && objectOf(body).Info === undefined && arrayOf(body).length > 0)
    throw notThis('The answer has no record with codestacao or idestacao; one of CEMADEN is expected.');
  const parts = records.map((record, index) => readRecord(record, `[${index}].`, profile));
  return {
    reports: parts.flatMap(({ reports }) => reports),
    ignored: parts.flatMap(({ ignored }) => ignored),
    stations: [
      ...new Map(parts.flatMap(({ stations }) => stations).map((hint) => [hint.station, hint])).values(),
    ],
  };
}

const codeOf = ({ codestacao, idestacao }: JsonObject): string | undefined => textOf(codestacao ?? idestacao);

function readRecord(record: JsonObject, prefix: string, profile: Profile): Decoding {
  const station = stationOf('cemaden', codeOf(record) ?? '', profile);
  const sensor = textOf(record.id_sensor);
  if (sensor !== undefined && sensor !== RAIN_SENSOR)
    return {
      reports: [],
      ignored: [{ path: `${prefix}valor`, why: `the sensor ${sensor} is none of rain` }],
      stations: [],
    };
  const { readings, ignored } = mapFields(Object.entries(record), table, profile, prefix);
  const hint = hintOf(
    station,
    textOf(record.nome ?? record.nomeestacao) ?? '',
    record.latitude,
    record.longitude,
  );
  return {
    reports: [
      {
        station,
        observedAt: timeOf(textOf(record.datahora ?? record.datahoraUltimovalor ?? record.dataHora) ?? ''),
        interval: profile.interval ?? STEP,
        readings,
      },
    ],
    ignored,
    stations: hint ? [hint] : [],
  };
}

const timeOf = (text: string): string => instantText(text, 'UTC', 'day-first') ?? text;

function hintOf(station: string, name: string, north: unknown, east: unknown) {
  const [latitude, longitude] = [finiteOf(north as string), finiteOf(east as string)];
  return {
    station,
    ...(name === '' ? {} : { name }),
    ...(latitude === undefined || longitude === undefined ? {} : { latitude, longitude }),
  };
}
