import { AtalaiaError } from '../../lib/errors.ts';

/** Unpacks the bytes of a device's uplink into named values, in the units that its table of fields gives. */
export type Codec = (bytes: Uint8Array) => Readonly<Record<string, number>>;

const broken = (device: string, why: string): AtalaiaError =>
  new AtalaiaError(
    'ATL_UNREADABLE',
    `The uplink is none of ${device}: ${why}. Check the codec of the source.`,
  );

/** A word of a Decentlab sensor: (raw - bias) × 1/divisor. */
type Word = readonly [name: string, bias: number, divisor: number];
const signed = 32_768;
const atm41Words: readonly Word[] = [
  ['solar_radiation', signed, 1],
  ['precipitation', signed, 1000],
  ['lightning_strike_count', signed, 1],
  ['lightning_average_distance', signed, 1],
  ['wind_speed', signed, 100],
  ['wind_direction', signed, 10],
  ['maximum_wind_speed', signed, 100],
  ['air_temperature', signed, 10],
  ['vapor_pressure', signed, 100],
  ['atmospheric_pressure', signed, 100],
  ['relative_humidity', signed, 10],
  ['sensor_temperature_internal', signed, 10],
  ['x_orientation_angle', signed, 10],
  ['y_orientation_angle', signed, 10],
  ['compass_heading', signed, 1],
  ['north_wind_speed', signed, 100],
  ['east_wind_speed', signed, 100],
];

/**
 * Decentlab DL-ATM41, protocol 2 (decentlab.com, DL-ATM41 datasheet): version, device id, a bit for each group of
 * sensors, then words of 16 bits, big-endian. Temperatures in °C, pressures in kPa, winds in m/s, rain in mm.
 */
const decentlabAtm41: Codec = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 5 || view.getUint8(0) !== 2)
    throw broken('a DL-ATM41', 'it does not begin with protocol 2');
  const flags = view.getUint16(3);
  const words: readonly Word[] = [
    ...((flags & 1) === 0 ? [] : atm41Words),
    ...((flags & 2) === 0 ? [] : [['battery_voltage', 0, 1000] as const]),
  ];
  if (view.byteLength !== 5 + 2 * words.length)
    throw broken('a DL-ATM41', `${view.byteLength} bytes instead of ${5 + 2 * words.length}`);
  return Object.fromEntries(
    words.map(([name, bias, divisor], index) => [name, (view.getUint16(5 + 2 * index) - bias) / divisor]),
  );
};

/** Milesight EM300-TH (EM300 user guide): channel, type, value; temperature in 0.1 °C signed, humidity in 0.5 %, little-endian. */
const milesightEm300: Codec = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: Record<string, number> = {};
  for (let at = 0; at < view.byteLength; ) {
    const kind = at + 1 < view.byteLength ? view.getUint16(at) : -1;
    const size = kind === 0x0367 ? 2 : kind === 0x0175 || kind === 0x0468 ? 1 : 0;
    if (size === 0 || at + 2 + size > view.byteLength)
      throw broken('an EM300-TH', `byte ${at} begins no channel`);
    if (kind === 0x0367) values.temperature = view.getInt16(at + 2, true) / 10;
    else if (kind === 0x0468) values.humidity = view.getUint8(at + 2) / 2;
    else values.battery = view.getUint8(at + 2);
    at += 2 + size;
  }
  return values;
};

/** Every codec, by its name in the configuration. */
export const codecs: ReadonlyMap<string, Codec> = new Map([
  ['decentlab-atm41', decentlabAtm41],
  ['milesight-em300-th', milesightEm300],
]);
