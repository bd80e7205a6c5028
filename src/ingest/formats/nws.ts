import type { JsonObject } from '../decode/json.ts';
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
const other = 'a sum or extreme over another span than that of the report';
const text = 'a text, a link or a picture';

/** Properties of an observation of api.weather.gov. The unit of each stands beside its value. */
const table: FieldTable = {
  temperature: { quantity: 'airTemperature' },
  dewpoint: { quantity: 'dewPoint' },
  relativeHumidity: { quantity: 'relativeHumidity' },
  windSpeed: { quantity: 'windSpeed' },
  windGust: { quantity: 'windGust' },
  windDirection: { quantity: 'windDirection' },
  seaLevelPressure: { quantity: 'seaLevelPressure' },
  visibility: { quantity: 'visibility' },
  precipitationLastHour: { quantity: 'rainfall' },
  barometricPressure:
    'the altimeter setting under another name: neither the pressure at the station nor at sea level',
  windChill: computed,
  heatIndex: computed,
  precipitationLast3Hours: other,
  precipitationLast6Hours: other,
  maxTemperatureLast24Hours: other,
  minTemperatureLast24Hours: other,
};

/** Unit codes (codes.wmo.int/common/unit, and older ones beneath `unit:`) as our units are named. */
const unitCodes: Readonly<Record<string, string>> = {
  degC: 'degC',
  degF: 'degF',
  percent: '%',
  'degree_(angle)': '°',
  'km_h-1': 'km/h',
  'm_s-1': 'm/s',
  kt: 'kt',
  Pa: 'Pa',
  hPa: 'hPa',
  m: 'm',
  mm: 'mm',
};
/** A depth of rain in metres is told in millimetres, which our quantity is measured in. */
const METRES_TO_MM = 1000;
/** MADIS' letters for values that failed a check: rejected, or subjectively bad. */
const rejected = new Set(['X', 'B']);

/** Observations of the US National Weather Service: one GeoJSON feature or a collection of them. */
export const nws: Format = {
  name: 'nws',
  summary: 'US National Weather Service, observations of a station (api.weather.gov).',
  decode(message, profile) {
    const body = objectOf(jsonOf(message));
    const features = body.type === 'FeatureCollection' ? arrayOf(body.features) : [body];
    if (body.type !== 'FeatureCollection' && body.type !== 'Feature')
      throw notThis('The answer is no GeoJSON feature; ask api.weather.gov/stations/…/observations.');
    const parts = features.map((feature, index) => readFeature(objectOf(feature), index, profile));
    return {
      reports: parts.flatMap(({ reports }) => reports),
      ignored: parts.flatMap(({ ignored }) => ignored),
      stations: parts.flatMap(({ stations }) => stations),
    };
  },
};

function readFeature(feature: JsonObject, index: number, profile: Profile): Decoding {
  const properties = objectOf(feature.properties);
  const path = `features[${index}].`;
  const id = textOf(properties.station)?.split('/').at(-1);
  if (id === undefined || textOf(properties.timestamp) === undefined)
    return {
      reports: [],
      ignored: [{ path, why: 'no observation: station or timestamp is missing' }],
      stations: [],
    };
  const units = new Map<string, string>();
  const fields: [string, unknown][] = [];
  const ignored: Ignored[] = [];
  for (const [name, property] of Object.entries(properties)) {
    const { value, unitCode, qualityControl } = objectOf(property);
    const code = textOf(unitCode)?.split(':').at(-1) ?? '';
    if (unitCode === undefined) ignored.push({ path: path + name, why: text });
    else if (rejected.has(textOf(qualityControl)?.split(':').at(-1) ?? ''))
      ignored.push({ path: path + name, why: 'the service itself found the value bad' });
    else if (name.startsWith('precipitation') && code === 'm') {
      units.set(name, 'mm');
      fields.push([name, typeof value === 'number' ? Math.round(value * METRES_TO_MM * 1e6) / 1e6 : value]);
    } else {
      units.set(name, unitCodes[code] ?? code);
      fields.push([name, value]);
    }
  }
  const read = mapFields(fields, table, { ...profile, units }, path);
  const station = stationOf('nws', id, profile);
  const report = {
    station,
    observedAt: properties.timestamp,
    interval: profile.interval ?? 'PT1H',
    readings: read.readings,
  };
  return { reports: [report], ignored: [...ignored, ...read.ignored], stations: [hintOf(feature, station)] };
}

function hintOf(feature: JsonObject, station: string): StationHint {
  const [longitude, latitude] = arrayOf(objectOf(feature.geometry).coordinates).map(finiteOf);
  const elevation = objectOf(objectOf(feature.properties).elevation);
  const altitude = textOf(elevation.unitCode)?.endsWith(':m') ? finiteOf(elevation.value) : undefined;
  return {
    station,
    ...(latitude === undefined || longitude === undefined ? {} : { latitude, longitude }),
    ...(altitude === undefined ? {} : { altitude }),
  };
}
