import { faultyZeros } from './rain-gauge.ts';
import {
  type BuddyOptions,
  buddyCheck,
  isolated,
  neighboursWithin,
  type PlacedValue,
  temperatureBuddies,
} from './spatial.ts';

/**
 * Of pressure and humidity the distances are those of temperature; deviation, threshold and heights are ours, set so that the
 * recorded storm of Rio Grande do Sul, its fronts included, has hardly a flag (neighbours.test.ts).
 */
const pressureBuddies: BuddyOptions = {
  ...temperatureBuddies,
  maxElevationM: 400,
  gradientPerM: 0,
  leastDeviation: 1.5,
};
const humidityBuddies: BuddyOptions = {
  ...temperatureBuddies,
  gradientPerM: 0,
  threshold: 4,
  leastDeviation: 10,
};

const buddies: ReadonlyMap<string, BuddyOptions> = new Map([
  ['airTemperature', temperatureBuddies],
  ['relativeHumidity', humidityBuddies],
  ['stationPressure', pressureBuddies],
]);

/** PWSQC: neighbours of a rain gauge stand within 10 km, and five of them have to report. */
export const GAUGE_RADIUS_M = 10_000;
export const LEAST_GAUGES = 5;
/** So many hours, and one more, a gauge stays dry among wet ones before it is told. */
export const DRY_HOURS = 6;

/**
 * What is held against neighbours value by value: what changes little over tens of kilometres. Never rain or wind, of which a storm between
 * two stations leaves one untouched; a gauge that stays dry for hours among wet ones is another matter (`dryGauges`).
 */
export const neighbourQuantities: readonly string[] = [...buddies.keys()];

/** Pressure brought to sea level by the standard atmosphere (ISO 2533): what stations of unlike height compare by. */
const atSeaLevel = (hectopascals: number, altitude: number): number =>
  hectopascals / (1 - 2.25577e-5 * altitude) ** 5.25588;

export interface NeighbourVerdicts {
  /** By value: it is far from what its neighbours measured. */
  readonly departs: readonly boolean[];
  /** By value: it has too few neighbours to say so. */
  readonly isolated: readonly boolean[];
}

/**
 * Holds the values of one quantity and one instant against each other: buddy check and isolation of titanlib
 * (src/quality/spatial.ts). A function of the values alone; their order does not matter.
 */
export function checkNeighbours(quantity: string, values: readonly PlacedValue[]): NeighbourVerdicts {
  const options = buddies.get(quantity);
  if (!options) return { departs: values.map(() => false), isolated: values.map(() => false) };
  const placed = quantity === 'stationPressure' ? values.map(reduced) : values;
  return {
    departs: buddyCheck(placed, options),
    isolated: isolated(placed, options.radiusM, options.leastNeighbours, options.maxElevationM),
  };
}

/** Without a height pressure says nothing about the air beside it. */
function reduced(one: PlacedValue): PlacedValue {
  if (one.value === undefined) return one;
  return { ...one, value: one.altitude === null ? undefined : atSeaLevel(one.value, one.altitude) };
}

/**
 * Faulty zeros of rain gauges (PWSQC, src/quality/rain-gauge.ts), in steps of an hour where it has five minutes: for how many
 * of the newest hours a gauge has been dry while the median of its neighbours was wet; 0 where that is not over six hours, or
 * nobody can say. `hours`: mm by station, oldest first; undefined: not whole.
 */
export function dryGauges(
  places: readonly Omit<PlacedValue, 'value'>[],
  hours: readonly (readonly (number | undefined)[])[],
): number[] {
  const newest = hours.at(-1) ?? [];
  const neighbours = neighboursWithin(
    places.map((place, i) => ({ ...place, value: newest[i] })),
    GAUGE_RADIUS_M,
    Number.POSITIVE_INFINITY,
  );
  return places.map((_, i) => {
    const around = neighbours[i] as number[];
    if (newest[i] !== 0 || around.length < LEAST_GAUGES) return 0;
    const wet = hours.map((values) => around.flatMap((k) => values[k] ?? []));
    const rain = hours.map((values) => values[i]);
    const median = wet.map(medianOf);
    const flags = faultyZeros(
      { rain, median, neighbours: wet.map(({ length }) => length) },
      DRY_HOURS,
      LEAST_GAUGES,
    );
    if (flags.at(-1) !== true) return 0;
    const before = rain.findLastIndex((mm, k) => !(mm === 0 && (median[k] ?? 0) > 0));
    return hours.length - 1 - before;
  });
}

export function medianOf(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  return upper === undefined || sorted.length % 2 === 1
    ? upper
    : ((sorted[middle - 1] as number) + upper) / 2;
}
