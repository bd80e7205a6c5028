/** A place with a value; altitude in metres, degrees WGS 84. */
export interface PlacedValue {
  readonly latitude: number;
  readonly longitude: number;
  readonly altitude: number | null;
  /** Missing: it neither counts nor is judged. */
  readonly value: number | undefined;
}

const EARTH_RADIUS_M = 6_371_008.8;
const RADIANS = Math.PI / 180;

type Place = Pick<PlacedValue, 'latitude' | 'longitude'>;

/** Great-circle distance in metres on the mean sphere (haversine). */
export function distanceM(a: Place, b: Place): number {
  const dLat = (b.latitude - a.latitude) * RADIANS;
  const dLon = (b.longitude - a.longitude) * RADIANS;
  const h =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(a.latitude * RADIANS) * Math.cos(b.latitude * RADIANS) * Math.sin(dLon / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

export interface BuddyOptions {
  readonly radiusM: number;
  /** Fewer neighbours: not judged. */
  readonly leastNeighbours: number;
  /** Departure from the neighbours' mean, in their standard deviations, beyond which a value is flagged. */
  readonly threshold: number;
  /** Neighbours further above or below do not count; infinite: all do. */
  readonly maxElevationM: number;
  /** Change of the quantity with height, per metre: -0.0065 for temperature, 0 for rain. */
  readonly gradientPerM: number;
  /** Neighbours that agree perfectly still differ by this much. */
  readonly leastDeviation: number;
  readonly iterations: number;
}

/**
 * Spatial buddy check: a value against the mean of its neighbours, brought to its height. An iteration judges all by the
 * state before it, so that the order of stations does not matter; those flagged do not count as neighbours in the next.
 * Returns for each value whether it is flagged. After `buddy_check` of titanlib (MET Norway, Båserud et al. 2020,
 * Adv. Sci. Res. 17, 153): standard deviation widened by that of the mean.
 */
export function buddyCheck(values: readonly PlacedValue[], options: BuddyOptions): boolean[] {
  const neighbours = neighboursWithin(values, options.radiusM, options.maxElevationM);
  let flagged = values.map(() => false);
  for (let i = 0; i < options.iterations; i++) {
    const before = flagged;
    flagged = values.map(
      (one, index) => before[index] || departs(one, neighbours[index] as number[], values, before, options),
    );
  }
  return flagged;
}

function departs(
  one: PlacedValue,
  neighbours: readonly number[],
  values: readonly PlacedValue[],
  flagged: readonly boolean[],
  { leastNeighbours, gradientPerM, leastDeviation, threshold }: BuddyOptions,
): boolean {
  if (one.value === undefined) return false;
  const counted = neighbours
    .filter((index) => !flagged[index])
    .map((index) => values[index] as PlacedValue)
    .map(({ value, altitude }) => (value as number) + gradientPerM * ((one.altitude ?? 0) - (altitude ?? 0)));
  const n = counted.length;
  if (n === 0 || n < leastNeighbours) return false;
  const mean = counted.reduce((sum, value) => sum + value, 0) / n;
  const variance = counted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
  const deviation = Math.max(leastDeviation, Math.sqrt(variance + variance / n));
  return Math.abs(one.value - mean) / deviation > threshold;
}

/** By value: the places of those with a value within a distance, ascending. */
export function neighboursWithin(
  values: readonly PlacedValue[],
  radiusM: number,
  maxElevationM: number,
): number[][] {
  const apart = (a: number | null, b: number | null): number =>
    a === null || b === null ? 0 : Math.abs(a - b);
  // From south to north: who is too far north or south is not looked at.
  const order = values.map((_, i) => i).sort((a, b) => latitudeOf(values, a) - latitudeOf(values, b));
  const reach = radiusM / (EARTH_RADIUS_M * RADIANS) + 1e-9;
  const found: number[][] = values.map(() => []);
  let from = 0;
  for (const i of order) {
    const one = values[i] as PlacedValue;
    while (latitudeOf(values, order[from] as number) < one.latitude - reach) from++;
    for (let k = from; k < order.length; k++) {
      const j = order[k] as number;
      const other = values[j] as PlacedValue;
      if (other.latitude > one.latitude + reach) break;
      const isFit = i !== j && other.value !== undefined;
      if (isFit && apart(one.altitude, other.altitude) <= maxElevationM && distanceM(one, other) <= radiusM)
        found[i]?.push(j);
    }
  }
  // In one order, so that sums of the same values are the same.
  for (const list of found) list.sort((a, b) => a - b);
  return found;
}

const latitudeOf = (values: readonly PlacedValue[], i: number): number => (values[i] as PlacedValue).latitude;

/** Isolation (titanlib `isolation_check`): which values have fewer neighbours with a value than it takes to verify them. */
export const isolated = (
  values: readonly PlacedValue[],
  radiusM: number,
  leastNeighbours: number,
  maxElevationM = Number.POSITIVE_INFINITY,
): boolean[] =>
  neighboursWithin(values, radiusM, maxElevationM).map(
    (found, i) => (values[i] as PlacedValue).value !== undefined && found.length < leastNeighbours,
  );

/** Temperature of stations in the country, where neighbours are tens of kilometres away. */
export const temperatureBuddies: BuddyOptions = {
  radiusM: 120_000,
  leastNeighbours: 4,
  threshold: 5,
  maxElevationM: 600,
  gradientPerM: -0.0065,
  leastDeviation: 1.5,
  iterations: 2,
};
