import { formatInstant } from '../../model/time.ts';
import { MAX_REPORTS } from '../decode/body.ts';
import type { Json } from '../decode/json.ts';
import type { RawReport } from '../decode/report.ts';
import { mapFields, numberOf } from './fields.ts';
import { type Decoding, type Format, type Ignored, type Message, type Profile, stationOf } from './format.ts';
import { arrayOf, finiteOf, jsonOf, notThis, textOf } from './json-message.ts';
import { epochText, instantText } from './times.ts';

/** Of one report, and of what stands around a list of them. */
const MAX_FIELDS = 1000;
/** Epoch texts beyond this count milliseconds: as seconds they would lie after the year 2200. */
const LAST_SECOND = 8e9;

/**
 * Any JSON, by a template: the profile says where station and time are and which field is which quantity. A field is named
 * by its path, `wind.speed`, `sensors[0].value`; a topic that carries one bare value is a field of the topic's name, with
 * `+` in the station's place: `+/sensor/temperature/state`.
 */
export const json: Format = {
  name: 'json',
  summary: 'JSON of your own: `message` says where station and time are, `quantities` which field is what.',
  decode(message, profile) {
    const { each } = profile.message ?? {};
    const value = contentOf(message);
    if (each === undefined || isBare(value))
      return one(
        isBare(value) ? new Map([[topicKey(message, profile), value]]) : flatten(value),
        message,
        profile,
      );
    const list = arrayOf(at(value, each));
    if (list.length > MAX_REPORTS)
      throw notThis(
        `The list ${each} has ${list.length} elements, and a message may bring ${MAX_REPORTS} reports. Send it in smaller parts.`,
      );
    // What the elements hold is theirs alone, so that its size does not count here.
    const outer = flatten(value, '', new Map(), each);
    const parts = list.map((part, i) =>
      one(flatten(part, '', new Map(), undefined, `${each}[${i}]`), message, profile, outer),
    );
    return {
      reports: parts.flatMap(({ reports }) => reports),
      ignored: parts.flatMap(({ ignored }) => ignored),
      stations: [],
    };
  },
};

/** Fields of the outer message count for station and time where the element does not say them. */
function one(
  fields: ReadonlyMap<string, Json>,
  message: Message,
  profile: Profile,
  outer: ReadonlyMap<string, Json> = fields,
): Decoding {
  const { station, time, scales } = profile.message ?? {};
  const told = (path: string | undefined): Json | undefined =>
    path === undefined ? undefined : (fields.get(path) ?? outer.get(path));
  const used = new Set([station, time].filter((path) => path !== undefined));
  const ignored: Ignored[] = [];
  const values: [string, unknown][] = [];
  for (const [path, value] of fields) {
    if (used.has(path)) continue;
    const number = numberOf(value);
    const scale = scales?.get(path);
    values.push([path, scale !== undefined && typeof number === 'number' ? number * scale : value]);
  }
  const mapped = mapFields(values, {}, profile);
  ignored.push(...mapped.ignored);
  const name = textOf(told(station)) ?? topicStation(message, profile);
  if (name === undefined)
    throw notThis(
      `The message does not say its station${station === undefined ? '' : ` at ${station}`}. Say with message.station or message.stationTopic where it is.`,
    );
  if (mapped.readings.length === 0) return { reports: [], ignored, stations: [] };
  const report: RawReport = {
    station: stationOf('json', name, profile),
    observedAt: time === undefined ? formatInstant(message.receivedAt) : timeOf(told(time), profile),
    interval: profile.interval,
    readings: mapped.readings,
  };
  return { reports: [report], ignored, stations: [] };
}

/** A time that is missing or cannot be read stays as it came: the report is refused for it, never dated anew. */
function timeOf(value: Json | undefined, profile: Profile): unknown {
  const number = finiteOf(value);
  if (number !== undefined)
    return epochText(Math.abs(number) > LAST_SECOND ? Math.floor(number / 1000) : number) ?? number;
  const text = textOf(value);
  return text === undefined ? value : (instantText(text, profile.timeZone) ?? text);
}

/** JSON, or the text of a topic that carries a bare value. */
function contentOf(message: Message): Json {
  try {
    return jsonOf(message);
  } catch (error) {
    const text = new TextDecoder().decode(message.body).trim();
    if (message.topic === undefined || !/^[+-]?[\d.]+(e[+-]?\d+)?$|^(nan|unavailable|unknown)?$/i.test(text))
      throw error;
    return text;
  }
}

const isBare = (value: Json): boolean => typeof value !== 'object' || value === null;

/** The name of the station in the topic: the segment that the profile counts, from 1. */
function topicStation({ topic }: Message, { message }: Profile): string | undefined {
  const segment = message?.stationTopic;
  return segment === undefined ? undefined : topic?.split('/')[segment - 1];
}

function topicKey({ topic = '' }: Message, { message }: Profile): string {
  const segments = topic.split('/');
  const segment = message?.stationTopic;
  if (segment !== undefined && segment <= segments.length) segments[segment - 1] = '+';
  return segments.join('/');
}

/**
 * All values that are no object and no list, by their paths; nothing below `except`. Throws ATL_UNREADABLE beyond 1,000, naming
 * the place in the message.
 */
export function flatten(
  value: Json,
  prefix = '',
  found = new Map<string, Json>(),
  except?: string,
  place = 'The message',
): Map<string, Json> {
  if (prefix !== '' && prefix === except) return found;
  if (isBare(value)) {
    found.set(prefix, value);
    if (found.size > MAX_FIELDS)
      throw notThis(
        `${place} has more than ${MAX_FIELDS} fields; the first beyond is ${prefix}. Send less in one, or say with message.each which list has a report in each element.`,
      );
  } else if (Array.isArray(value))
    for (const [i, part] of value.entries()) flatten(part, `${prefix}[${i}]`, found, except, place);
  else
    for (const [name, part] of Object.entries(value as object))
      flatten(part as Json, prefix === '' ? name : `${prefix}.${name}`, found, except, place);
  return found;
}

/** The value at a path of names and `[0]`. */
function at(value: Json, path: string): Json | undefined {
  let here: Json | undefined = value;
  for (const step of path
    .replaceAll(/\[(\d+)\]/g, '.$1')
    .split('.')
    .filter((part) => part !== '')) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = Object.hasOwn(here, step) ? (here as Record<string, Json>)[step] : undefined;
  }
  return here;
}
