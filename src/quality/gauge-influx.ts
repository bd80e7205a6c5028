import { MINUTE_MS } from '../model/time.ts';
import { GAUGE_RADIUS_M, LEAST_GAUGES, medianOf } from './neighbours.ts';
import { highInflux } from './rain-gauge.ts';
import { neighboursWithin, type PlacedValue } from './spatial.ts';

/** What a rain gauge reported of one hour; none of its intervals is longer. */
export interface GaugeHour {
  /** mm of the hour, a lower bound where it is not whole. */
  readonly sum: number;
  /** mm of its wettest interval. */
  readonly peak: number;
  /** Mean length of its intervals, ms. */
  readonly stepMs: number;
  /** The intervals cover the hour. */
  readonly isWhole: boolean;
}

/** The steps for which PWSQC gives its thresholds. */
const STEP_MS = 5 * MINUTE_MS;
const STEPS_OF_HOUR = 12;

/**
 * High influx of rain gauges (PWSQC, src/quality/rain-gauge.ts) from what hours keep of their readings: by hour and gauge,
 * whether it counted far more than the median of five others within 10 km. Its thresholds hold for five minutes, so
 * amounts are brought to them as intensities (10 mm are 120 mm/h, 0.4 mm are 4.8 mm/h), and a gauge is asked twice:
 *
 * - its wettest interval against the wettest of each neighbour whose intervals are no longer, at whatever minute those fell:
 *   the neighbours' median at that minute was no higher, so that nothing is flagged that PWSQC would let pass;
 * - the sum of the hour against those of the neighbours that have it whole.
 */
export function influxGauges(
  places: readonly Omit<PlacedValue, 'value'>[],
  hours: readonly (readonly (GaugeHour | undefined)[])[],
): boolean[][] {
  const neighbours = neighboursWithin(
    places.map((place) => ({ ...place, value: 0 })),
    GAUGE_RADIUS_M,
    Number.POSITIVE_INFINITY,
  );
  return hours.map((gauges) =>
    gauges.map((here, i) => {
      // Under 10 mm nothing is flagged whatever the neighbours say.
      if (!here || here.sum <= 10) return false;
      const around = (neighbours[i] as number[]).flatMap((k) => gauges[k] ?? []);
      const ownStep = Math.max(here.stepMs, STEP_MS);
      const peaks = around.flatMap(({ peak, stepMs }) =>
        stepMs > 0 && stepMs <= ownStep ? (peak * STEP_MS) / stepMs : [],
      );
      const sums = around.flatMap(({ sum, isWhole }) => (isWhole ? sum / STEPS_OF_HOUR : []));
      return isInflux((here.peak * STEP_MS) / ownStep, peaks) || isInflux(here.sum / STEPS_OF_HOUR, sums);
    }),
  );
}

/** mm in five minutes, here and around. */
const isInflux = (here: number, around: readonly number[]): boolean =>
  highInflux(
    { rain: [here], median: [medianOf(around)], neighbours: [around.length] },
    undefined,
    undefined,
    LEAST_GAUGES,
  )[0] === true;
