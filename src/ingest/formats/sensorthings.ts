import { quantities } from '../../model/quantity.ts';
import { formatSpan, parseInstant } from '../../model/time.ts';
import type { Json, JsonObject } from '../decode/json.ts';
import { numberOf } from './fields.ts';
import {
  type Decoding,
  type Format,
  type Ignored,
  type Profile,
  type StationHint,
  stationOf,
} from './format.ts';
import { arrayOf, finiteOf, jsonOf, notThis, objectOf, textOf } from './json-message.ts';
import { joined } from './rows.ts';

/** Quantities by the last part of the definition or the name of an ObservedProperty, letters and digits alone. */
const byName = new Map<string, string>([
  ...[...quantities.values()]
    .filter(({ derived }) => derived !== 'always')
    .flatMap(({ name, cfName }) => [[plain(name), name] as const, [plain(cfName), name] as const])
    // Where a CF name stands for several, the first of the table is meant.
    .filter(([key], index, all) => key !== '' && all.findIndex(([other]) => other === key) === index),
  ...Object.entries({
    temperature: 'airTemperature',
    humidity: 'relativeHumidity',
    rain: 'rainfall',
    precipitation: 'rainfall',
    precipitationamount: 'rainfall',
    airpressure: 'stationPressure',
    atmosphericpressure: 'stationPressure',
    barometricpressure: 'stationPressure',
    dewpointtemperature: 'dewPoint',
    windgustspeed: 'windGust',
    waterlevel: 'riverLevel',
    solarradiation: 'solarIrradiance',
  }),
]);

/** Spellings of units in use (UCUM among them) that are not ours. */
const unitNames: Readonly<Record<string, string>> = {
  Cel: '°C',
  degree_Celsius: '°C',
  '[degF]': '°F',
  'm s-1': 'm/s',
  'm.s-1': 'm/s',
  'km h-1': 'km/h',
  knot: 'kt',
  '[kn_i]': 'kt',
  '[mi_i]/h': 'mph',
  '[in_i]': 'in',
  "[in_i'Hg]": 'inHg',
  'W m-2': 'W/m²',
  'W.m-2': 'W/m²',
  'J m-2': 'J/m2',
  percent: '%',
  degree: '°',
};

/**
 * Observations of an OGC SensorThings service (OGC 18-088, Part 1: Sensing 1.1), as `Observations` or as `Datastreams`
 * with theirs expanded. A station is a Thing; what a number means says the ObservedProperty, and `units` of the
 * Datastream its unit, so both are to be asked for: `$expand=Datastream($expand=Thing,ObservedProperty)`.
 */
export const sensorThings: Format = {
  name: 'sensorthings',
  summary: 'Observations of an OGC SensorThings service.',
  decode(message, profile) {
    const body = jsonOf(message);
    const items = arrayOf(objectOf(body).value ?? body).map(objectOf);
    if (items.some((item) => item.result === undefined && item.Observations === undefined))
      throw notThis('An entity has neither result nor Observations; an answer of SensorThings is expected.');
    const parts = items.flatMap((item, index) =>
      item.Observations === undefined
        ? [readObservation(item, objectOf(item.Datastream), `[${index}].`, profile)]
        : arrayOf(item.Observations).map((one, n) =>
            readObservation(objectOf(one), item, `[${index}].Observations[${n}].`, profile),
          ),
    );
    return joined({
      reports: parts.flatMap(({ reports }) => reports),
      ignored: parts.flatMap(({ ignored }) => ignored),
      stations: [
        ...new Map(parts.flatMap(({ stations }) => stations).map((hint) => [hint.station, hint])).values(),
      ],
    });
  },
  next: (message) => textOf(objectOf(jsonOf(message))['@iot.nextLink']),
};

function readObservation(item: JsonObject, stream: JsonObject, path: string, profile: Profile): Decoding {
  const ignore = (why: string): Decoding => ({
    reports: [],
    ignored: [{ path: `${path}result`, why } satisfies Ignored],
    stations: [],
  });
  const [property, thing] = [objectOf(stream.ObservedProperty), objectOf(stream.Thing)];
  const name = textOf(thing.name) ?? textOf(thing['@iot.id']);
  if (name === undefined || property.name === undefined)
    return ignore(
      'the answer does not say of which station and quantity it is; ask with $expand=Datastream($expand=Thing,ObservedProperty)',
    );
  const quantity = quantityOf(property, profile);
  if (quantity === undefined)
    return ignore(`no quantity is known for ${textOf(property.name)}; quantities of the source can say it`);
  const station = stationOf('sensorthings', name, profile);
  const { observedAt, interval } = timeOf(item);
  return {
    reports: [
      {
        station,
        observedAt,
        interval: interval ?? profile.interval,
        readings: [{ quantity, value: numberOf(item.result), unit: unitOf(stream, property, profile) }],
      },
    ],
    ignored: [],
    stations: [hintOf(station, thing)],
  };
}

function quantityOf({ name, definition }: JsonObject, profile: Profile): string | undefined {
  const own = textOf(name) ?? '';
  const told = profile.quantities?.get(own);
  if (told !== undefined) return told;
  const term =
    (textOf(definition) ?? '')
      .replace(/[/#]+$/, '')
      .split(/[/#]/)
      .at(-1) ?? '';
  return byName.get(plain(term)) ?? byName.get(plain(own));
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, '');
}

function unitOf(stream: JsonObject, { name }: JsonObject, profile: Profile): string | undefined {
  const { symbol, name: spelled } = objectOf(stream.unitOfMeasurement);
  const given = textOf(symbol) ?? textOf(spelled);
  return (
    profile.units?.get(textOf(name) ?? '') ?? (given === undefined ? undefined : (unitNames[given] ?? given))
  );
}

/** `phenomenonTime` is an instant, or an interval `start/end`. */
function timeOf({ phenomenonTime, resultTime }: JsonObject): { observedAt: string; interval?: string } {
  const text = textOf(phenomenonTime) ?? textOf(resultTime) ?? '';
  const [start = '', end] = text.split('/');
  if (end === undefined) return { observedAt: start };
  const [from, to] = [parseInstant(start), parseInstant(end)];
  return from === undefined || to === undefined || to <= from
    ? { observedAt: end }
    : { observedAt: end, interval: formatSpan(to - from) };
}

/** A Thing, and its place where Locations are expanded (GeoJSON). */
function hintOf(station: string, thing: JsonObject): StationHint {
  const [location] = arrayOf(thing.Locations).map((one) => objectOf(objectOf(one).location as Json));
  const at = objectOf(location?.geometry ?? (location as Json | undefined));
  const [longitude, latitude, altitude] = arrayOf(at.coordinates).map(finiteOf);
  const name = textOf(thing.description) ?? textOf(thing.name);
  return {
    station,
    ...(name === undefined ? {} : { name }),
    ...(latitude === undefined || longitude === undefined ? {} : { latitude, longitude }),
    ...(altitude === undefined ? {} : { altitude }),
  };
}
