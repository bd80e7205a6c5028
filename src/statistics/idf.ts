import { type Gev, gevByLMoments, gevReturnLevel, gumbelByLMoments } from './gev.ts';
import { minimise } from './minimise.ts';

/** Intensities of rain of one duration. */
export interface DurationCurve {
  readonly hours: number;
  readonly years: number;
  readonly fit: Gev;
  /** mm/h, for each return period asked for. */
  readonly intensities: readonly number[];
}

/** i = k T^a / (t + b)^c with i in mm/h, T in years, t in minutes: the form of Brazilian tables (Pfafstetter; DNIT 2005). */
export interface IdfEquation {
  readonly k: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** Root of the mean square of ln(equation / curve): 0.05 is about 5 %. */
  readonly logError: number;
}

/**
 * Intensity-duration-frequency: the annual maxima of rain over each duration, mm, fitted by L-moments (Gumbel's
 * distribution, or the GEV) and divided by the duration. A duration to which none can be fitted is left out.
 */
export function durationCurves(
  maxima: readonly { readonly hours: number; readonly values: readonly number[] }[],
  returnPeriods: readonly number[],
  distribution: 'gumbel' | 'gev' = 'gumbel',
): readonly DurationCurve[] {
  return maxima.flatMap(({ hours, values }) => {
    const fit = distribution === 'gumbel' ? gumbelByLMoments(values) : gevByLMoments(values);
    if (!fit) return [];
    const intensities = returnPeriods.map((years) => gevReturnLevel(fit, years) / hours);
    return [{ hours, years: values.length, fit, intensities }];
  });
}

/** The equation nearest to the curves by least squares of logarithms; undefined for fewer than three durations. */
export function idfEquation(
  curves: readonly DurationCurve[],
  returnPeriods: readonly number[],
): IdfEquation | undefined {
  const points = curves.flatMap(({ hours, intensities }) =>
    intensities.map((intensity, i) => ({
      minutes: hours * 60,
      logYears: Math.log(returnPeriods[i] as number),
      log: Math.log(intensity),
    })),
  );
  if (curves.length < 3 || returnPeriods.length < 2 || !points.every(({ log }) => Number.isFinite(log)))
    return undefined;
  const cost = ([logK, a, b, c]: readonly number[]): number =>
    (b as number) < 0
      ? Number.POSITIVE_INFINITY
      : points.reduce((sum, { minutes, logYears, log }) => {
          const ours =
            (logK as number) + (a as number) * logYears - (c as number) * Math.log(minutes + (b as number));
          return sum + (ours - log) ** 2;
        }, 0);
  const { at, value } = minimise(cost, [Math.log(1000), 0.2, 10, 0.75], [0.5, 0.05, 5, 0.1]);
  const [logK, a, b, c] = at as [number, number, number, number];
  return { k: Math.exp(logK), a, b, c, logError: Math.sqrt(value / points.length) };
}
