import type { JsonObject } from '../decode/json.ts';
import { type FieldTable, mapFields } from './fields.ts';
import { type Format, stationOf } from './format.ts';
import { finiteOf, jsonOf, notThis, objectOf, textOf } from './json-message.ts';

const computed = 'computed by the service; here it is computed from the readings';

/** Values of a realtime answer with `units=metric` (docs.tomorrow.io, data layers). */
const table: FieldTable = {
  temperature: { quantity: 'airTemperature', unit: '°C' },
  humidity: { quantity: 'relativeHumidity', unit: '%' },
  dewPoint: { quantity: 'dewPoint', unit: '°C' },
  windSpeed: { quantity: 'windSpeed', unit: 'm/s' },
  windGust: { quantity: 'windGust', unit: 'm/s' },
  windDirection: { quantity: 'windDirection', unit: '°' },
  pressureSurfaceLevel: { quantity: 'stationPressure', unit: 'hPa' },
  pressureSeaLevel: { quantity: 'seaLevelPressure', unit: 'hPa' },
  visibility: { quantity: 'visibility', unit: 'km' },
  uvIndex: { quantity: 'uvIndex' },
  temperatureApparent: computed,
  rainIntensity: 'a rate of the moment, not an amount',
  precipitationIntensity: 'a rate of the moment, not an amount',
};

/** The unit of each value when the request asked for `units=imperial`. */
export const imperialUnits: ReadonlyMap<string, string> = new Map([
  ['temperature', 'degF'],
  ['dewPoint', 'degF'],
  ['windSpeed', 'mph'],
  ['windGust', 'mph'],
  ['pressureSurfaceLevel', 'inHg'],
  ['pressureSeaLevel', 'inHg'],
  ['visibility', 'mi'],
]);

/**
 * An answer of api.tomorrow.io/v4/weather/realtime, metric unless the profile names other units (`imperialUnits`). What
 * it gives is a model's analysis, not an instrument's reading.
 */
export const tomorrowIo: Format = {
  name: 'tomorrow.io',
  summary: 'tomorrow.io, realtime weather (values of a model).',
  decode(message, profile) {
    const body = objectOf(jsonOf(message));
    const data = objectOf(body.data);
    if (body.code !== undefined && body.message !== undefined)
      throw notThis(`tomorrow.io refuses the request: ${textOf(body.message)}`);
    if (textOf(data.time) === undefined)
      throw notThis('The answer has no data.time; one of /v4/weather/realtime is expected.');
    const location = objectOf(body.location);
    const [latitude, longitude] = [finiteOf(location.lat), finiteOf(location.lon)];
    const station = stationOf('tomorrow.io', nameOf(location), profile);
    const { readings, ignored } = mapFields(
      Object.entries(objectOf(data.values)),
      table,
      profile,
      'data.values.',
    );
    return {
      reports: [{ station, observedAt: data.time, interval: profile.interval, readings }],
      ignored,
      stations: [
        { station, ...(latitude === undefined || longitude === undefined ? {} : { latitude, longitude }) },
      ],
    };
  },
};

const nameOf = (location: JsonObject): string =>
  textOf(location.name) ?? `${finiteOf(location.lat)}_${finiteOf(location.lon)}`;
