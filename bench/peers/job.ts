import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Random, seededRandom } from '../../src/lib/random.ts';
import type { Station } from '../../src/model/station.ts';
import { formatInstant, MINUTE_MS, SECOND_MS } from '../../src/model/time.ts';

/**
 * The job that every peer does: reports in order of observation, complete, one per station and five minutes; six rules
 * over sliding windows (t-w, t]; the level of (station, rule) after each report; a line for each change of it.
 */
export const STEP_MS = 5 * MINUTE_MS;
const START_AT = Date.UTC(2024, 3, 30);
const LAYOUTS = 6;
/** One station in ten has weather that crosses thresholds. */
const ACTIVE_EVERY = 10;

export interface JobSize {
  readonly stations: number;
  readonly steps: number;
  readonly seed: number;
}

/** Rule, and the condition of yellow, orange and red. All numbers have one decimal, so that sums in tenths are exact. */
export const jobRules: readonly (readonly [rule: string, hazard: string, levels: readonly string[]])[] = [
  [
    'rain-1h',
    'rain',
    ['sum(rainfall, 1h) >= 20 mm', 'sum(rainfall, 1h) >= 30 mm', 'sum(rainfall, 1h) >= 60 mm'],
  ],
  [
    'rain-3h',
    'rain',
    ['sum(rainfall, 3h) >= 40 mm', 'sum(rainfall, 3h) >= 60 mm', 'sum(rainfall, 3h) >= 90 mm'],
  ],
  [
    'gust-1h',
    'wind',
    ['max(windGust, 1h) >= 17 m/s', 'max(windGust, 1h) >= 25 m/s', 'max(windGust, 1h) >= 33 m/s'],
  ],
  [
    'heat-3h',
    'heat',
    [
      'avg(airTemperature, 3h) >= 34 degC',
      'avg(airTemperature, 3h) >= 37 degC',
      'avg(airTemperature, 3h) >= 40 degC',
    ],
  ],
  [
    'cold-1h',
    'cold',
    [
      'max(airTemperature, 1h) <= 3 degC',
      'max(airTemperature, 1h) <= 0 degC',
      'max(airTemperature, 1h) <= -3 degC',
    ],
  ],
  [
    'dry-3h',
    'humidity',
    [
      'avg(relativeHumidity, 3h) <= 30 %',
      'avg(relativeHumidity, 3h) <= 20 %',
      'avg(relativeHumidity, 3h) <= 12 %',
    ],
  ],
];

export function jobStations(count: number): Station[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `S${String(i).padStart(5, '0')}`,
    name: `Station ${i}`,
    latitude: -30,
    longitude: -51,
    altitude: null,
    region: '4314902',
    timeZone: 'America/Sao_Paulo',
    intervalMs: STEP_MS,
  }));
}

const names = [
  'rainfall',
  'airTemperature',
  'dewPoint',
  'relativeHumidity',
  'stationPressure',
  'windSpeed',
  'windGust',
  'windDirection',
  'globalRadiation',
] as const;
type Weather = Readonly<Record<(typeof names)[number], number>>;

interface Layout {
  readonly order: readonly number[];
  readonly names: readonly (typeof names)[number][];
  readonly comma: string;
  readonly colon: string;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));
const wave = (at: number, period: number): number => Math.sin((2 * Math.PI * at) / period);

/** Days of 288 steps; active stations see storms of about two hours, heat, frost and dry air, the others calm weather. */
function weatherOf(random: Random, station: number, step: number): Weather {
  const noise = (): number => random() - 0.5;
  const isActive = station % ACTIVE_EVERY === 3;
  const phase = station % 97;
  const day = wave(step + phase, 288);
  const storm = isActive ? Math.max(0, wave(step + 7 * phase, 131) - 0.6) / 0.4 : 0;
  const swing = isActive ? 24 : 7;
  const temperature = clamp(19 + swing * day + noise(), -20, 48);
  const gust = 4 + 6 * random() + 28 * storm * random();
  return {
    rainfall: storm > 0 ? 12 * storm * random() : random() < 0.05 ? 0.6 * random() : 0,
    airTemperature: temperature,
    dewPoint: temperature - 5 + noise(),
    relativeHumidity: clamp((isActive ? 52 : 70) - (isActive ? 46 : 15) * day + 4 * noise(), 4, 100),
    stationPressure: 1008 + 3 * wave(step, 500) + noise() / 5,
    windSpeed: gust / 2,
    windGust: gust,
    windDirection: Math.floor(random() * 360),
    globalRadiation: 20 + 10 * random(),
  };
}

function lineOf(layout: Layout, station: string, observedAt: number, weather: Weather): string {
  const { comma, colon } = layout;
  const values = layout.names.map((name) => `"${name}"${colon}${Number(weather[name].toFixed(1))}`);
  const fields = [
    `"station"${colon}"${station}"`,
    `"observedAt"${colon}"${formatInstant(observedAt)}"`,
    `"interval"${colon}"PT5M"`,
    `"values"${colon}{${values.join(comma)}}`,
  ];
  return `{${layout.order.map((i) => fields[i]).join(comma)}}\n`;
}

/** Writes the input unless it stands already. Six layouts differ in key order and white space. Returns its reports. */
export function writeJobInput(path: string, { stations: count, steps, seed }: JobSize): number {
  if (existsSync(path)) return count * steps;
  mkdirSync(dirname(path), { recursive: true });
  const random = seededRandom(seed);
  const layouts = Array.from({ length: LAYOUTS }, (): Layout => {
    const space = random() < 0.5 ? '' : ' ';
    return {
      order: shuffled([0, 1, 2, 3], random),
      names: shuffled(names, random),
      comma: `,${space}`,
      colon: `:${space}`,
    };
  });
  const stations = jobStations(count);
  // By second within the step, then by station: the order of observation.
  const order = stations.map((_, i) => i).sort((a, b) => (a % 60) - (b % 60) || a - b);
  const file = openSync(`${path}.part`, 'w');
  for (let step = 0; step < steps; step++) {
    const lines = order.map((i) =>
      lineOf(
        layouts[i % LAYOUTS] as Layout,
        (stations[i] as Station).id,
        START_AT + step * STEP_MS + (i % 60) * SECOND_MS,
        weatherOf(random, i, step),
      ),
    );
    writeSync(file, lines.join(''));
  }
  closeSync(file);
  renameSync(`${path}.part`, path);
  return count * steps;
}

/**
 * A peer's changes of level, canonical: lines `station TAB rule TAB instant TAB from TAB to` with levels none, yellow,
 * orange, red, sorted by code unit. Equal hash: equal alerts.
 */
export function canonicalAlerts(path: string): { readonly hash: string; readonly count: number } {
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean).sort();
  return {
    hash: createHash('sha256')
      .update(`${lines.join('\n')}\n`)
      .digest('hex'),
    count: lines.length,
  };
}
