import type { JsonObject } from '../decode/json.ts';
import { type FieldTable, mapFields } from './fields.ts';
import { type Decoding, type Format, type Profile, stationOf } from './format.ts';
import { arrayOf, jsonOf, notThis, objectOf, textOf } from './json-message.ts';
import { textOfFile, withPoint } from './rows.ts';
import { instantText } from './times.ts';
import { xmlRecords } from './xml-records.ts';

/** ANA writes legal time of Brasília without zone. */
const ZONE = 'America/Sao_Paulo';
/** What telemetric stations send, if nothing else is said. */
const STEP = 'PT15M';

const place = 'says which station it is';
const time = 'the time of the report';
const mark = 'a mark of the service whose meaning is not published; the checks here judge the value';
const discharge = 'a discharge computed from the level; no quantity is known for it';
const missing = ['-999', -999, 'null'] as const;

/** Fields of HidroWeb's JSON (HidroinfoanaSerieTelemetrica…) and of the XML of ServiceANA.asmx. Levels are cm. */
const table: FieldTable = {
  Chuva_Adotada: { quantity: 'rainfall', unit: 'mm', missing },
  Chuva: { quantity: 'rainfall', unit: 'mm', missing },
  Chuva_Acumulada: { quantity: 'rainfallTotal', unit: 'mm', missing },
  Cota_Adotada: { quantity: 'riverLevel', unit: 'cm', rank: 3, missing },
  Cota_Sensor: { quantity: 'riverLevel', unit: 'cm', rank: 2, missing },
  Cota_Display: { quantity: 'riverLevel', unit: 'cm', rank: 1, missing },
  Cota_Manual: { quantity: 'riverLevel', unit: 'cm', missing },
  Nivel: { quantity: 'riverLevel', unit: 'cm', missing },
  Bateria: { quantity: 'batteryVoltage', unit: 'V', missing },
  Pressao_Atmosferica: { quantity: 'stationPressure', unit: 'hPa', missing },
  Vazao_Adotada: discharge,
  Vazao: discharge,
  Temperatura_Agua: 'the temperature of the water; no quantity is known for it',
  Temperatura_Interna: 'measured inside the device',
  codigoestacao: place,
  CodEstacao: place,
  Data_Hora_Medicao: time,
  Data_Atualizacao: 'when the service wrote the record',
  DataHora: time,
};

const marks = Object.fromEntries(
  [...Object.keys(table)].map((name) => [`${name}_Status`, mark] as const),
) satisfies FieldTable;
const fields: FieldTable = { ...table, ...marks };

/**
 * Telemetry of Brazil's rivers as ANA gives it: JSON of the HidroWeb service, or XML of ServiceANA.asmx. Texts throughout;
 * time is that of Brasília. What the service has adopted goes before what the sensor said.
 */
export const ana: Format = {
  name: 'ana',
  summary: 'ANA, telemetric river and rain gauges (HidroWeb JSON, ServiceANA XML).',
  timeZone: ZONE,
  decode(message, profile) {
    const text = textOfFile(message).trimStart();
    const records = text.startsWith('<') ? fromXml(text) : fromJson(jsonOf(message));
    const parts = records.map((record, index) => readRecord(record, `[${index}].`, profile));
    return {
      reports: parts.flatMap(({ reports }) => reports),
      ignored: parts.flatMap(({ ignored }) => ignored),
      stations: [],
    };
  },
};

function fromJson(body: ReturnType<typeof jsonOf>): JsonObject[] {
  const { items } = objectOf(body);
  const records = arrayOf(items ?? body)
    .map(objectOf)
    .filter(({ codigoestacao }) => codigoestacao !== undefined);
  if (records.length === 0 && items === undefined)
    throw notThis('The answer has neither items nor codigoestacao; one of HidroWeb is expected.');
  return records;
}

/** The answer is a data set: rows are elements with `CodEstacao` and `DataHora`; "Sem dados" comes as `Error`. */
function fromXml(text: string): JsonObject[] {
  const records = xmlRecords(text, (children) => children.has('CodEstacao') && children.has('DataHora'));
  if (records.length === 0 && !/<Error\b/.test(text) && !/diffgram/.test(text))
    throw notThis('The XML has no CodEstacao with DataHora; an answer of ServiceANA.asmx is expected.');
  return records.map((record) => Object.fromEntries(record));
}

function readRecord(record: JsonObject, prefix: string, profile: Profile): Decoding {
  const { readings, ignored } = mapFields(
    Object.entries(record).map(([name, value]) => [
      name,
      typeof value === 'string' ? withPoint(value.trim()) : value,
    ]),
    fields,
    profile,
    prefix,
  );
  const given = textOf(record.Data_Hora_Medicao ?? record.DataHora) ?? '';
  return {
    reports: [
      {
        station: stationOf('ana', textOf(record.codigoestacao ?? record.CodEstacao)?.trim() ?? '', profile),
        observedAt: instantText(given, profile.timeZone ?? ZONE, 'day-first') ?? given,
        interval: profile.interval ?? STEP,
        readings,
      },
    ],
    ignored,
    stations: [],
  };
}
