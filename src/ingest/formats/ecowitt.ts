import { AtalaiaError } from '../../lib/errors.ts';
import { type FieldTable, mapFields } from './fields.ts';
import { formFields } from './form.ts';
import { type Format, stationOf } from './format.ts';
import { instantText } from './times.ts';

const window = 'sums over a window of the station; the counter is read instead';
const indoors = 'measured indoors';
const device = 'says something of the device, not of the weather';

/** Fields of a post, as example.data of aioecowitt and the consoles' own page of the upload show them. Imperial. */
const table: FieldTable = {
  tempf: { quantity: 'airTemperature', unit: 'degF', missing: [-9999] },
  humidity: { quantity: 'relativeHumidity', unit: '%', missing: [-9999] },
  dewptf: { quantity: 'dewPoint', unit: 'degF', missing: [-9999] },
  windspeedmph: { quantity: 'windSpeed', unit: 'mph', missing: [-9999] },
  windgustmph: { quantity: 'windGust', unit: 'mph', missing: [-9999] },
  winddir: { quantity: 'windDirection', unit: '°', missing: [-9999] },
  baromabsin: { quantity: 'stationPressure', unit: 'inHg', missing: [-9999] },
  baromrelin: { quantity: 'seaLevelPressure', unit: 'inHg', missing: [-9999] },
  solarradiation: { quantity: 'solarIrradiance', unit: 'W/m²', missing: [-9999] },
  uv: { quantity: 'uvIndex', missing: [-9999] },
  lightning_num: 'a count since midnight of the console',
  // The counter that is reset least often loses least.
  totalrainin: { quantity: 'rainfallTotal', unit: 'in', rank: 5, missing: [-9999] },
  yearlyrainin: { quantity: 'rainfallTotal', unit: 'in', rank: 4, missing: [-9999] },
  monthlyrainin: { quantity: 'rainfallTotal', unit: 'in', rank: 3, missing: [-9999] },
  weeklyrainin: { quantity: 'rainfallTotal', unit: 'in', rank: 2, missing: [-9999] },
  dailyrainin: { quantity: 'rainfallTotal', unit: 'in', rank: 1, missing: [-9999] },
  // A piezo gauge beside a tipping bucket counts for itself; it is read where no bucket is.
  yrain_piezo: { quantity: 'rainfallTotal', unit: 'in', rank: 0.4, missing: [-9999] },
  mrain_piezo: { quantity: 'rainfallTotal', unit: 'in', rank: 0.3, missing: [-9999] },
  wrain_piezo: { quantity: 'rainfallTotal', unit: 'in', rank: 0.2, missing: [-9999] },
  drain_piezo: { quantity: 'rainfallTotal', unit: 'in', rank: 0.1, missing: [-9999] },
  rainratein: window,
  eventrainin: window,
  hourlyrainin: window,
  '24hourrainin': window,
  rrain_piezo: window,
  erain_piezo: window,
  hrain_piezo: window,
  maxdailygust: 'the highest since midnight; gusts are read one by one',
  tempinf: indoors,
  humidityin: indoors,
  PASSKEY: device,
  stationtype: device,
  runtime: device,
  model: device,
  freq: device,
  dateutc: device,
  interval: device,
};

/**
 * A post of an Ecowitt console or gateway ("customized upload", protocol Ecowitt): a form, every number a text, in
 * imperial units. A station is known by its PASSKEY (a hash of its MAC address that never changes).
 */
export const ecowitt: Format = {
  name: 'ecowitt',
  summary: 'Ecowitt consoles and gateways, customized upload by HTTP POST.',
  decode(message, profile) {
    const fields = formFields(message);
    const key = fields.get('PASSKEY');
    if (key === null)
      throw new AtalaiaError(
        'ATL_UNREADABLE',
        'The post has no PASSKEY; set the protocol of the customized upload to Ecowitt.',
      );
    const station = stationOf('ecowitt', key, profile);
    const { readings, ignored } = mapFields(fields, table, profile);
    const observedAt = instantText(fields.get('dateutc') ?? '', 'UTC') ?? fields.get('dateutc');
    return {
      reports: [{ station, observedAt, interval: profile.interval, readings }],
      ignored,
      stations: [],
    };
  },
};
