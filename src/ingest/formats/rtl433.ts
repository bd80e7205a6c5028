import { formatInstant } from '../../model/time.ts';
import type { Json, JsonObject } from '../decode/json.ts';
import { parseJson } from '../decode/json.ts';
import { type FieldTable, mapFields } from './fields.ts';
import { type Decoding, type Format, type Profile, stationOf } from './format.ts';
import { notThis, objectOf, textOf } from './json-message.ts';
import { epochText, instantText } from './times.ts';

const device = 'says something of the device or the radio, not of the weather';

/** Fields that rtl_433 writes for weather sensors; the unit is the end of the name. */
const table: FieldTable = {
  temperature_C: { quantity: 'airTemperature', unit: '°C', rank: 1 },
  temperature_F: { quantity: 'airTemperature', unit: 'degF' },
  humidity: { quantity: 'relativeHumidity', unit: '%' },
  dewpoint_C: { quantity: 'dewPoint', unit: '°C' },
  wind_avg_m_s: { quantity: 'windSpeed', unit: 'm/s', rank: 3 },
  wind_avg_km_h: { quantity: 'windSpeed', unit: 'km/h', rank: 2 },
  wind_avg_mi_h: { quantity: 'windSpeed', unit: 'mph', rank: 1 },
  wind_max_m_s: { quantity: 'windGust', unit: 'm/s', rank: 3 },
  wind_max_km_h: { quantity: 'windGust', unit: 'km/h', rank: 2 },
  wind_max_mi_h: { quantity: 'windGust', unit: 'mph', rank: 1 },
  wind_dir_deg: { quantity: 'windDirection', unit: '°' },
  pressure_hPa: { quantity: 'stationPressure', unit: 'hPa' },
  pressure_kPa: { quantity: 'stationPressure', unit: 'kPa' },
  rain_mm: { quantity: 'rainfallTotal', unit: 'mm', rank: 1 },
  rain_in: { quantity: 'rainfallTotal', unit: 'in' },
  uvi: { quantity: 'uvIndex' },
  uv: { quantity: 'uvIndex' },
  light_W_m2: { quantity: 'solarIrradiance', unit: 'W/m²' },
  strike_count: 'a counter that wraps; no quantity is known for it',
  rain_rate_mm_h: 'computed by the sensor; here it is computed from the counter',
  rain_rate_in_h: 'computed by the sensor; here it is computed from the counter',
  battery_ok: device,
  battery_V: { quantity: 'batteryVoltage', unit: 'V' },
  battery_mV: { quantity: 'batteryVoltage', unit: 'mV' },
  supercap_V: device,
};

/** Fields of the frame itself. */
const frame = new Set([
  'time',
  'model',
  'id',
  'channel',
  'subtype',
  'message_type',
  'sequence_num',
  'mic',
  'mod',
  'freq',
  'freq1',
  'freq2',
  'rssi',
  'snr',
  'noise',
  'protocol',
  'brand',
  'raw_msg',
  'data',
  'flags',
  'firmware',
  'tags',
]);

/**
 * JSON lines of rtl_433 (`-F json` or `-F mqtt`): one frame of a sensor each. A time without zone is local: the
 * profile must say which zone, unless rtl_433 is told `-M utc`; one that counts from the start of a recording is none,
 * and the frame counts from its arrival. Repeats of a frame are the same reading again.
 */
export const rtl433: Format = {
  name: 'rtl_433',
  summary: 'Sensors heard by rtl_433 (JSON lines or MQTT events).',
  decode({ body, receivedAt }, profile) {
    const lines = new TextDecoder().decode(body).split('\n');
    const parts = lines.flatMap((line, index) =>
      line.trim() === '' ? [] : [readFrame(objectOf(parseJson(line, index + 1)), index, receivedAt, profile)],
    );
    return {
      reports: parts.flatMap(({ reports }) => reports),
      ignored: parts.flatMap(({ ignored }) => ignored),
      stations: [],
    };
  },
};

function readFrame(event: JsonObject, index: number, receivedAt: number, profile: Profile): Decoding {
  const model = textOf(event.model);
  if (model === undefined) throw notThis(`Line ${index + 1} has no model; a frame of rtl_433 is expected.`);
  const name = [model, event.channel, event.id]
    .map(textOf)
    .filter((part) => part !== undefined)
    .join('-');
  const fields = Object.entries(event).filter(([field]) => !frame.has(field));
  const { readings, ignored } = mapFields(fields, table, profile, `[${index}].`);
  return {
    reports: [
      {
        station: stationOf('rtl_433', name, profile),
        observedAt: timeOf(event.time, receivedAt, profile),
        interval: profile.interval,
        readings,
      },
    ],
    ignored,
    stations: [],
  };
}

function timeOf(time: Json | undefined, receivedAt: number, profile: Profile): string | undefined {
  const text = textOf(time) ?? '';
  if (text === '' || text.startsWith('@')) return formatInstant(receivedAt);
  return instantText(text, profile.timeZone) ?? epochText(text) ?? text;
}
