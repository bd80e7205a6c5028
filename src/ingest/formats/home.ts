import { formatInstant } from '../../model/time.ts';
import type { Json } from '../decode/json.ts';
import { type FieldTable, mapFields } from './fields.ts';
import { type Decoding, type Format, type Message, type Profile, stationOf } from './format.ts';
import { flatten } from './json.ts';
import { jsonOf, notThis, objectOf, textOf } from './json-message.ts';
import { instantText } from './times.ts';

const device = 'says something of the device or the radio, not of the weather';

/** Ends of fields that sensor drivers of Tasmota write, whatever the driver is called. */
const tasmotaFields: FieldTable = {
  Temperature: { quantity: 'airTemperature', unit: '°C' },
  Humidity: { quantity: 'relativeHumidity', unit: '%' },
  DewPoint: { quantity: 'dewPoint', unit: '°C' },
  Pressure: { quantity: 'stationPressure', unit: 'hPa' },
  SeaPressure: { quantity: 'seaLevelPressure', unit: 'hPa' },
};
const tasmotaUnits: Readonly<Record<string, string>> = {
  C: '°C',
  F: 'degF',
  hPa: 'hPa',
  mmHg: 'mmHg',
  inHg: 'inHg',
};

/**
 * Tasmota's `tele/<device>/SENSOR`: one object per sensor driver, units in `TempUnit` and `PressureUnit`. `Time` is the
 * device's local time without zone, so the profile must say which one; without a zone it is refused.
 */
export const tasmota: Format = {
  name: 'tasmota',
  summary: 'Tasmota sensors (`tele/+/SENSOR` over MQTT).',
  decode(message, profile) {
    const { Time, TempUnit, PressureUnit, ...sensors } = objectOf(jsonOf(message));
    const time = textOf(Time);
    if (time === undefined)
      throw notThis('The message has no Time; the topic tele/<device>/SENSOR of Tasmota is expected.');
    const units = new Map(profile.units);
    const unitOf = (told: Json | undefined): string | undefined => tasmotaUnits[textOf(told) ?? ''];
    for (const name of ['Temperature', 'DewPoint']) setUnless(units, name, unitOf(TempUnit));
    for (const name of ['Pressure', 'SeaPressure']) setUnless(units, name, unitOf(PressureUnit));
    const fields = [...flatten(sensors)].map(
      ([path, value]) => [path.split('.').at(-1) ?? path, value] as const,
    );
    return decoding(
      fields,
      tasmotaFields,
      { ...profile, units },
      {
        station: stationOf('tasmota', segment(message, 2), profile),
        observedAt: instantText(time, profile.timeZone) ?? time,
      },
    );
  },
};

function setUnless(units: Map<string, string>, name: string, unit: string | undefined): void {
  if (unit !== undefined && !units.has(name)) units.set(name, unit);
}

/** Names that Zigbee2MQTT gives what a device exposes (zigbee2mqtt.io, "Exposes"). */
const zigbeeFields: FieldTable = {
  temperature: { quantity: 'airTemperature', unit: '°C' },
  humidity: { quantity: 'relativeHumidity', unit: '%' },
  pressure: { quantity: 'stationPressure', unit: 'hPa' },
  wind_speed: { quantity: 'windSpeed', unit: 'm/s' },
  wind_direction: { quantity: 'windDirection', unit: '°' },
  battery: device,
  voltage: { quantity: 'batteryVoltage', unit: 'mV' },
  linkquality: device,
  last_seen: device,
};

/** Zigbee2MQTT's `zigbee2mqtt/<friendly name>`: flat JSON; a time only in `last_seen`, when the bridge writes it in ISO 8601. */
export const zigbee2mqtt: Format = {
  name: 'zigbee2mqtt',
  summary: 'Zigbee devices by Zigbee2MQTT (`zigbee2mqtt/+`).',
  decode(message, profile) {
    const body = objectOf(jsonOf(message));
    const seen = textOf(body.last_seen);
    return decoding(Object.entries(body), zigbeeFields, profile, {
      station: stationOf('zigbee2mqtt', segment(message, 2), profile),
      observedAt: (seen && instantText(seen, undefined)) ?? formatInstant(message.receivedAt),
    });
  },
};

/** Usual object ids of ESPHome sensors; another one is named in `quantities`. */
const esphomeFields: FieldTable = {
  temperature: { quantity: 'airTemperature', unit: '°C' },
  air_temperature: { quantity: 'airTemperature', unit: '°C' },
  outdoor_temperature: { quantity: 'airTemperature', unit: '°C' },
  humidity: { quantity: 'relativeHumidity', unit: '%' },
  outdoor_humidity: { quantity: 'relativeHumidity', unit: '%' },
  pressure: { quantity: 'stationPressure', unit: 'hPa' },
  wind_speed: { quantity: 'windSpeed', unit: 'km/h' },
  wind_gust: { quantity: 'windGust', unit: 'km/h' },
  wind_direction: { quantity: 'windDirection', unit: '°' },
  wind_direction_degrees: { quantity: 'windDirection', unit: '°' },
  total_rain: { quantity: 'rainfallTotal', unit: 'mm' },
  rain_total: { quantity: 'rainfallTotal', unit: 'mm' },
  uv_index: { quantity: 'uvIndex' },
};

/** ESPHome's `<node>/sensor/<object id>/state`: one topic per sensor, a bare number, no time: when it came counts. */
export const esphome: Format = {
  name: 'esphome',
  summary: 'ESPHome sensors (`+/sensor/+/state`).',
  decode(message, profile) {
    const [node = '', kind, object = '', state] = message.topic?.split('/').slice(-4) ?? [];
    if (kind !== 'sensor' || state !== 'state')
      throw notThis('The topic <node>/sensor/<object id>/state of ESPHome is expected.');
    const text = new TextDecoder().decode(message.body).trim();
    const field = [object, /^(nan|unavailable|unknown|)$/i.test(text) ? null : text] as const;
    return decoding([field], esphomeFields, profile, {
      station: stationOf('esphome', node, profile),
      observedAt: formatInstant(message.receivedAt),
    });
  },
};

function decoding(
  fields: Iterable<readonly [string, unknown]>,
  table: FieldTable,
  profile: Profile,
  who: { readonly station: string; readonly observedAt: unknown },
): Decoding {
  const { readings, ignored } = mapFields(fields, table, profile);
  const reports = readings.length > 0 ? [{ ...who, interval: profile.interval, readings }] : [];
  return { reports, ignored, stations: [] };
}

/** A segment of the topic, from 1. Throws ATL_UNREADABLE when the message came without one. */
function segment({ topic }: Message, number: number): string {
  const found = topic?.split('/')[number - 1];
  if (found) return found;
  throw notThis(
    `The topic names the station in segment ${number}; ${topic ?? 'the message came without a topic'}.`,
  );
}
