import type { JsonObject } from '../decode/json.ts';
import { type FieldTable, mapFields } from './fields.ts';
import { type Decoding, type Format, type Profile, stationOf } from './format.ts';
import { arrayOf, finiteOf, jsonOf, notThis, objectOf, textOf } from './json-message.ts';
import { epochText } from './times.ts';

const place = 'says which station it is, or where';
const other = 'a sum or extreme over another span than that of the report';
const unused = 'no quantity is known for this field';

/** Fields of aviationweather.gov/api/data/metar?format=json. */
const table: FieldTable = {
  temp: { quantity: 'airTemperature', unit: '°C' },
  dewp: { quantity: 'dewPoint', unit: '°C' },
  wdir: { quantity: 'windDirection', unit: '°' },
  wspd: { quantity: 'windSpeed', unit: 'kt' },
  wgst: { quantity: 'windGust', unit: 'kt' },
  visib: { quantity: 'visibility', unit: 'mi' },
  slp: { quantity: 'seaLevelPressure', unit: 'hPa' },
  precip: { quantity: 'rainfall', unit: 'in' },
  altim: 'the altimeter setting: neither the pressure at the station nor at sea level',
  pcp3hr: other,
  pcp6hr: other,
  pcp24hr: other,
  maxT: other,
  minT: other,
  maxT24: other,
  minT24: other,
  snow: unused,
  presTend: unused,
  vertVis: unused,
  wxString: unused,
  clouds: unused,
  cover: unused,
  fltCat: unused,
  icaoId: place,
  lat: place,
  lon: place,
  elev: place,
  name: place,
};

/** METARs as aviationweather.gov decodes them to JSON: wind in knots, visibility in statute miles, rain in inches. */
export const aviationWeather: Format = {
  name: 'aviationweather',
  summary: 'METARs decoded by aviationweather.gov (JSON).',
  decode(message, profile) {
    const records = arrayOf(jsonOf(message)).map(objectOf);
    const parts = records.map((record, index) => readMetar(record, `[${index}].`, profile));
    return {
      reports: parts.flatMap(({ reports }) => reports),
      ignored: parts.flatMap(({ ignored }) => ignored),
      stations: [
        ...new Map(parts.flatMap(({ stations }) => stations).map((hint) => [hint.station, hint])).values(),
      ],
    };
  },
};

function readMetar(record: JsonObject, prefix: string, profile: Profile): Decoding {
  const id = textOf(record.icaoId);
  if (id === undefined) throw notThis('A record has no icaoId; one of aviationweather.gov is expected.');
  const station = stationOf('icao', id, profile);
  const fields = Object.entries(record)
    .filter(([name]) => !housekeeping.has(name))
    .map(([name, value]) => [name, plain(name, value)] as const);
  const { readings, ignored } = mapFields(fields, table, profile, prefix);
  const [latitude, longitude, altitude] = [record.lat, record.lon, record.elev].map(finiteOf);
  const name = textOf(record.name);
  return {
    reports: [{ station, observedAt: epochText(record.obsTime), interval: 'PT1H', readings }],
    ignored,
    stations: [
      {
        station,
        ...(name === undefined ? {} : { name }),
        ...(latitude === undefined || longitude === undefined ? {} : { latitude, longitude }),
        ...(altitude === undefined ? {} : { altitude }),
      },
    ],
  };
}

const housekeeping = new Set([
  'metar_id',
  'receiptTime',
  'obsTime',
  'reportTime',
  'qcField',
  'metarType',
  'rawOb',
  'mostRecent',
  'prior',
]);

/** `10+` is at least ten; a wind that varies in direction has none. */
function plain(name: string, value: unknown): unknown {
  if (name === 'visib' && typeof value === 'string') return value.replace(/\+$/, '');
  if (name === 'wdir' && value === 'VRB') return null;
  return value;
}
