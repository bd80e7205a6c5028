/**
 * Rain gauges against the median of their neighbours, as PWSQC does (de Vos et al. 2019, Geophys. Res. Lett. 46, 8820;
 * its defaults: within 10 km, 5 neighbours at least). Arrays run over steps of one length; undefined is missing.
 */
export interface GaugeSteps {
  readonly rain: readonly (number | undefined)[];
  /** Median of the neighbours that reported. */
  readonly median: readonly (number | undefined)[];
  /** How many neighbours reported. */
  readonly neighbours: readonly number[];
}

/** `undefined`: not judged, for want of neighbours or of steps. */
export type GaugeFlags = readonly (boolean | undefined)[];

const LEAST_NEIGHBOURS = 5;

/**
 * Faulty zeros: for `steps` steps and the one before them it was dry here while the neighbours' median was wet. Once found
 * it holds until the gauge counts again; a missing reading neither begins nor ends it.
 */
export function faultyZeros(
  { rain, median, neighbours }: GaugeSteps,
  steps = 6,
  leastNeighbours = LEAST_NEIGHBOURS,
): GaugeFlags {
  let isFaulty = false;
  let dryWhileWet = 0;
  return rain.map((here, i) => {
    if (here !== undefined && here > 0) {
      isFaulty = false;
      dryWhileWet = 0;
    } else {
      const isWetAround = (median[i] ?? 0) > 0;
      dryWhileWet = here === 0 && isWetAround ? dryWhileWet + 1 : 0;
      if (dryWhileWet > steps) isFaulty = true;
    }
    if (i < steps || here === undefined || (neighbours[i] ?? 0) < leastNeighbours) return undefined;
    return isFaulty;
  });
}

/**
 * High influx: more than `high` mm in a step while the neighbours' median is below `low` mm, or more than `high / low`
 * times a median above that. Thresholds are those of steps of five minutes.
 */
export function highInflux(
  { rain, median, neighbours }: GaugeSteps,
  low = 0.4,
  high = 10,
  leastNeighbours = LEAST_NEIGHBOURS,
): GaugeFlags {
  return rain.map((here, i) => {
    const around = median[i];
    if (here === undefined || around === undefined || (neighbours[i] ?? 0) < leastNeighbours)
      return undefined;
    return around < low ? here > high : here > (high * around) / low;
  });
}
