import { type Random, seededRandom } from '../src/lib/random.ts';
import type { Station } from '../src/model/station.ts';
import { formatInstant, MINUTE_MS, SECOND_MS } from '../src/model/time.ts';

/** What the benchmark feeds: NDJSON by the minute it arrives in, and the registry of its stations. */
export interface EngineInput {
  readonly stations: readonly Station[];
  readonly minutes: readonly { readonly receivedAt: number; readonly bytes: Buffer }[];
  readonly reports: number;
}

export interface EngineSize {
  readonly stations: number;
  readonly minutes: number;
  readonly seed: number;
}

/** Noon of the stations: the sun stands high enough for the radiation of the input. */
export const START_AT = Date.UTC(2024, 3, 30, 15);
const LAYOUTS = 6;
const LATE_SHARE = 0.02;
const REPEAT_SHARE = 0.001;
const ODD_SHARE = 0.002;

type Weather = Readonly<Record<string, number>>;

/** How one make of logger writes: order of keys, white space, whether it gives the interval, and units. */
interface Layout {
  readonly order: readonly number[];
  readonly names: readonly string[];
  readonly comma: string;
  readonly colon: string;
  readonly hasInterval: boolean;
  readonly isGustKmh: boolean;
  readonly isFahrenheit: boolean;
}

const NAMES = [
  'rainfall',
  'airTemperature',
  'dewPoint',
  'relativeHumidity',
  'stationPressure',
  'windSpeed',
  'windGust',
  'windDirection',
  'globalRadiation',
];

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

function randomLayout(random: Random): Layout {
  const space = random() < 0.5 ? '' : ' ';
  return {
    order: shuffled([0, 1, 2, 3], random),
    names: shuffled(NAMES, random),
    comma: `,${space}`,
    colon: random() < 0.3 ? ` :${space}` : `:${space}`,
    hasInterval: random() < 0.7,
    isGustKmh: random() < 0.3,
    isFahrenheit: random() < 0.2,
  };
}

/** Weather of a station at a minute: calm for nearly all, a shower with gusts for one station in 500. */
function weatherOf(random: Random, minute: number, phase: number, isStormy: boolean): Weather {
  const noise = (): number => random() - 0.5;
  const temperature = 22 + 6 * Math.sin((minute + phase) / 200) + noise();
  const gust = isStormy && minute % 40 > 20 ? 30 + 5 * random() : 4 + 6 * random();
  const isWet = isStormy ? minute % 40 > 20 : random() < 0.05;
  return {
    rainfall: isWet ? Math.round(random() * (isStormy ? 15 : 3)) / 5 : 0,
    airTemperature: temperature,
    dewPoint: temperature - 5 + noise(),
    relativeHumidity: 70 + 10 * noise(),
    stationPressure: 1008 + 3 * Math.sin(minute / 300) + noise() / 5,
    windSpeed: gust / 2,
    windGust: gust,
    windDirection: Math.floor(random() * 360),
    globalRadiation: 20 + 10 * random(),
  };
}

/** One report in a logger's hand. An odd line drops a quantity and writes letters as escapes, as some libraries do. */
function lineOf(
  layout: Layout,
  station: string,
  observedAt: number,
  weather: Weather,
  isOdd: boolean,
): string {
  const { comma, colon } = layout;
  const values = layout.names.slice(isOdd ? 1 : 0).map((name) => {
    const value = weather[name] as number;
    if (name === 'windGust' && layout.isGustKmh)
      return `"${name}"${colon}{"value"${colon}${(value * 3.6).toFixed(1)}${comma}"unit"${colon}"km/h"}`;
    if (name === 'airTemperature' && layout.isFahrenheit)
      return `"${name}"${colon}{"value"${colon}${(value * 1.8 + 32).toFixed(1)}${comma}"unit"${colon}"degF"}`;
    return `"${name}"${colon}${Number(value.toFixed(1))}`;
  });
  const fields = [
    `"station"${colon}"${isOdd ? station.replace('S', '\\u0053') : station}"`,
    `"observedAt"${colon}"${formatInstant(observedAt)}"`,
    layout.hasInterval ? `"interval"${colon}"PT1M"` : '',
    `"values"${colon}{${values.join(comma)}}`,
  ];
  return `{${layout.order
    .map((i) => fields[i])
    .filter(Boolean)
    .join(comma)}}\n`;
}

/**
 * Reports of nine quantities a minute per station: 2 % come a minute late, about half of them behind a newer one of the station, 0.1 % twice, 0.2 % with
 * escapes and a quantity missing; six layouts that differ in key order, white space, optional fields and units.
 */
export function engineInput({ stations: count, minutes, seed }: EngineSize): EngineInput {
  const random = seededRandom(seed);
  const layouts = Array.from({ length: LAYOUTS }, () => randomLayout(random));
  const stations = Array.from(
    { length: count },
    (_, i): Station => ({
      id: `S${String(i).padStart(5, '0')}`,
      name: `Station ${i}`,
      latitude: -30,
      longitude: -51,
      altitude: null,
      region: '4314902',
      timeZone: 'America/Sao_Paulo',
      intervalMs: MINUTE_MS,
    }),
  );
  const arriving: string[][] = Array.from({ length: minutes }, () => []);
  let reports = 0;
  for (let minute = 0; minute < minutes; minute++) {
    stations.forEach(({ id }, i) => {
      const observedAt = START_AT + minute * MINUTE_MS + (i % 60) * SECOND_MS;
      const weather = weatherOf(random, minute, i % 97, i % 500 === 7);
      const line = lineOf(layouts[i % LAYOUTS] as Layout, id, observedAt, weather, random() < ODD_SHARE);
      const place = Math.min(minutes - 1, minute + (random() < LATE_SHARE ? 1 : 0));
      const isRepeated = random() < REPEAT_SHARE;
      const batch = arriving[place] as string[];
      batch.push(line);
      if (isRepeated) batch.push(line);
      reports += isRepeated ? 2 : 1;
    });
  }
  return {
    stations,
    reports,
    minutes: arriving.map((lines, minute) => ({
      receivedAt: START_AT + (minute + 1) * MINUTE_MS,
      bytes: Buffer.from(rotate(lines, random).join('')),
    })),
  };
}

/** Late lines were pushed first; turning the batch puts them in its midst, among reports that are newer and older. */
function rotate(lines: readonly string[], random: Random): string[] {
  const turn = Math.floor(random() * lines.length);
  return [...lines.slice(turn), ...lines.slice(0, turn)];
}
