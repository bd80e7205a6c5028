import { AtalaiaError } from '../../lib/errors.ts';
import type { JsonObject } from '../decode/json.ts';
import { codecs } from './codecs.ts';
import { type FieldTable, mapFields } from './fields.ts';
import { type Format, stationOf } from './format.ts';
import { jsonOf, notThis, objectOf, textOf } from './json-message.ts';
import { epochText } from './times.ts';

const device = 'says something of the device, not of the weather';
const unused = 'no quantity is known for this field';

/** Names that codecs give their values, ours and those that run in the network servers. */
const table: FieldTable = {
  air_temperature: { quantity: 'airTemperature', unit: '°C' },
  temperature: { quantity: 'airTemperature', unit: '°C' },
  relative_humidity: { quantity: 'relativeHumidity', unit: '%' },
  humidity: { quantity: 'relativeHumidity', unit: '%' },
  atmospheric_pressure: { quantity: 'stationPressure', unit: 'kPa' },
  pressure: { quantity: 'stationPressure', unit: 'hPa' },
  wind_speed: { quantity: 'windSpeed', unit: 'm/s' },
  maximum_wind_speed: { quantity: 'windGust', unit: 'm/s' },
  wind_direction: { quantity: 'windDirection', unit: '°' },
  solar_radiation: { quantity: 'solarIrradiance', unit: 'W/m²' },
  precipitation: { quantity: 'rainfall', unit: 'mm' },
  rainfall_total: { quantity: 'rainfallTotal', unit: 'mm' },
  water_level: { quantity: 'riverLevel', unit: 'm' },
  lightning_strike_count: { quantity: 'lightningStrikes' },
  battery_voltage: { quantity: 'batteryVoltage', unit: 'V' },
  lightning_average_distance: unused,
  vapor_pressure: 'computed by the sensor; here it is computed from the readings',
  north_wind_speed: 'part of the wind that is read',
  east_wind_speed: 'part of the wind that is read',
  battery: device,
  sensor_temperature_internal: device,
  x_orientation_angle: device,
  y_orientation_angle: device,
  compass_heading: device,
};

/** An uplink whichever server forwards it. */
interface Uplink {
  readonly eui: string;
  readonly time: unknown;
  readonly bytes: Uint8Array | undefined;
  /** What the server's own codec made of it. */
  readonly decoded: JsonObject;
}

/** Uplinks as ChirpStack 4, The Things Stack 3 and LORIOT post them; one that several gateways heard is one message. */
export const lorawan: Format = {
  name: 'lorawan',
  summary: 'LoRaWAN uplinks by webhook or MQTT of ChirpStack 4, The Things Stack 3 or LORIOT.',
  decode(message, profile) {
    const { eui, time, bytes, decoded } = uplinkOf(objectOf(jsonOf(message)));
    const values = profile.codec === undefined ? decoded : unpack(profile.codec, bytes);
    const { readings, ignored } = mapFields(Object.entries(values), table, profile);
    if (profile.codec === undefined && Object.keys(decoded).length === 0)
      throw notThis(
        `The server has not decoded the uplink; name a codec of the source (${[...codecs.keys()].join(', ')}) or give the server one.`,
      );
    // Devices are written in either case: one device is one station.
    const station = stationOf('lorawan', eui.toUpperCase(), profile);
    return {
      reports: [{ station, observedAt: time, interval: profile.interval, readings }],
      ignored,
      stations: [],
    };
  },
};

function unpack(name: string, bytes: Uint8Array | undefined): Readonly<Record<string, number>> {
  const codec = codecs.get(name);
  if (!codec)
    throw new AtalaiaError(
      'ATL_CONFIG',
      `${name} is no known codec; one of ${[...codecs.keys()].join(', ')} is.`,
    );
  if (!bytes) throw notThis('The uplink carries no bytes; the server must forward its payload.');
  return codec(bytes);
}

function uplinkOf(body: JsonObject): Uplink {
  const [chirpstack, things] = [objectOf(body.deviceInfo), objectOf(body.end_device_ids)];
  if (chirpstack.devEui !== undefined)
    return {
      eui: textOf(chirpstack.devEui) ?? '',
      time: body.time,
      bytes: base64(body.data),
      decoded: objectOf(body.object),
    };
  if (things.dev_eui !== undefined) {
    const uplink = objectOf(body.uplink_message);
    return {
      eui: textOf(things.dev_eui) ?? '',
      time: uplink.received_at ?? body.received_at,
      bytes: base64(uplink.frm_payload),
      decoded: objectOf(uplink.decoded_payload),
    };
  }
  if (body.EUI !== undefined)
    return {
      eui: textOf(body.EUI) ?? '',
      time: epochText(Number(body.ts) / 1000),
      bytes: Buffer.from(textOf(body.data) ?? '', 'hex'),
      decoded: {},
    };
  throw notThis('The message names no device: deviceInfo.devEui, end_device_ids.dev_eui or EUI is expected.');
}

const base64 = (value: JsonObject[string] | undefined): Uint8Array | undefined =>
  typeof value === 'string' ? Buffer.from(value, 'base64') : undefined;
