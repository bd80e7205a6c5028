import { lMoments } from './l-moments.ts';
import { normalQuantile, regularizedGamma } from './special-functions.ts';

/** Fewest values of one month of the year that a distribution is fitted to. */
const FEWEST = 4;

/** A distribution function fitted to the values of one month of the year; undefined where none fits. */
export type Fit = (values: readonly number[]) => ((value: number) => number) | undefined;

/**
 * Gamma distribution by L-moments (Hosking & Wallis 1997, appendix A.9; rational approximation of the shape within
 * 5e-5). Values above zero.
 */
export const fitGamma: Fit = (values) => {
  const moments = lMoments(values);
  if (moments === undefined || !(moments.scale > 0) || !(moments.mean > moments.scale)) return undefined;
  const variation = moments.scale / moments.mean;
  const z = variation < 0.5 ? Math.PI * variation * variation : 1 - variation;
  const shape =
    variation < 0.5
      ? (1 - 0.308 * z) / (z * (1 + z * (-0.05812 + z * 0.01765)))
      : (z * (0.7213 - 0.5947 * z)) / (1 + z * (-2.1817 + 1.2113 * z));
  const scale = moments.mean / shape;
  return (value) => regularizedGamma(shape, value / scale);
};

/** Generalized logistic (log-logistic) distribution by L-moments (Hosking & Wallis 1997, appendix A.7). */
export const fitLogLogistic: Fit = (values) => {
  const moments = lMoments(values);
  if (moments === undefined || !(moments.scale > 0) || Math.abs(moments.skewness) >= 1) return undefined;
  const { mean, scale, skewness } = moments;
  const k = -skewness;
  if (Math.abs(k) < 1e-6) return (value) => 1 / (1 + Math.exp(-(value - mean) / scale));
  const angle = (k * Math.PI) / Math.sin(k * Math.PI);
  const alpha = scale / angle;
  const xi = mean - (alpha * (1 - angle)) / k;
  return (value) => {
    const inner = 1 - (k * (value - xi)) / alpha;
    if (inner <= 0) return k > 0 ? 1 : 0;
    return 1 / (1 + Math.exp(Math.log(inner) / k));
  };
};

/** Sums over `months`, each ending with its month; undefined where one of them is missing. */
export function runningSums(
  values: readonly (number | undefined)[],
  months: number,
): readonly (number | undefined)[] {
  return values.map((_, end) => {
    if (end + 1 < months) return undefined;
    let sum = 0;
    for (let i = end - months + 1; i <= end; i++) {
      const value = values[i];
      if (value === undefined) return undefined;
      sum += value;
    }
    return sum;
  });
}

/**
 * Standardized Precipitation Index: McKee, Doesken & Kleist 1993; guide WMO-No. 1090. Monthly precipitation, mm, in
 * order without gaps in time (undefined = missing), the first of month 1..12 of the year; running sums over `months`;
 * a gamma distribution for each month of the year over the whole series, with the share of months without rain as a
 * probability of its own, H = q + (1 - q) G(x). Standard deviations: -1 moderate, -1.5 severe, -2 extreme drought.
 * Undefined where values are missing or fewer than four above zero stand for the month of the year; WMO advises thirty
 * years of data.
 */
export function standardizedPrecipitationIndex(
  precipitation: readonly (number | undefined)[],
  months: number,
  firstMonth = 1,
): readonly (number | undefined)[] {
  return standardized(runningSums(precipitation, months), firstMonth, fitWithZeros);
}

/**
 * Standardized Precipitation Evapotranspiration Index: Vicente-Serrano, Beguería & López-Moreno 2010 (J. Climate 23,
 * 1696–1718), the climatic water balance (precipitation - potential evapotranspiration, mm) by a log-logistic
 * distribution. Else as {@link standardizedPrecipitationIndex}.
 */
export function standardizedPrecipitationEvapotranspirationIndex(
  balance: readonly (number | undefined)[],
  months: number,
  firstMonth = 1,
): readonly (number | undefined)[] {
  return standardized(runningSums(balance, months), firstMonth, fitLogLogistic);
}

const fitWithZeros: Fit = (values) => {
  const positive = values.filter((value) => value > 0);
  if (positive.length < FEWEST) return undefined;
  const gamma = fitGamma(positive);
  const dry = 1 - positive.length / values.length;
  return gamma && ((value) => dry + (1 - dry) * gamma(value));
};

function standardized(
  sums: readonly (number | undefined)[],
  firstMonth: number,
  fitTo: Fit,
): readonly (number | undefined)[] {
  const monthOf = (i: number): number => (i + firstMonth - 1) % 12;
  const fits = Array.from({ length: 12 }, (_, month) => {
    const values = sums.filter((sum, i) => sum !== undefined && monthOf(i) === month) as number[];
    return values.length < FEWEST ? undefined : fitTo(values);
  });
  return sums.map((sum, i) => {
    const distribution = fits[monthOf(i)];
    if (sum === undefined || distribution === undefined) return undefined;
    const index = normalQuantile(distribution(sum));
    return Number.isFinite(index) ? index : undefined;
  });
}

/** Days of the months of a common year. */
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Tangents of the sun's declination in the middle of each month. */
const TANGENTS: readonly number[] = DAYS.map((_, month) => {
  const middle = DAYS.slice(0, month).reduce((sum, value) => sum + value, 0) + 15;
  return Math.tan(0.4093 * Math.sin((2 * Math.PI * middle) / 365 - 1.405));
});

/**
 * Potential evapotranspiration, mm a month: Thornthwaite 1948 (Geogr. Rev. 38, 55–94) from monthly mean temperatures,
 * °C, in order from January, at least a year of them, and latitude, degrees. The heat index is that of the mean year;
 * months below 0 °C have none.
 *
 * @param tangents of the sun's declination by month, where another table of them shall be met
 */
export function thornthwaite(
  temperatures: readonly number[],
  latitude: number,
  tangents: readonly number[] = TANGENTS,
): readonly number[] {
  const heat = DAYS.reduce((sum, _, month) => {
    const values = temperatures.filter((_, i) => i % 12 === month);
    const mean = values.reduce((total, value) => total + value, 0) / values.length;
    return sum + (Math.max(0, mean) / 5) ** 1.514;
  }, 0);
  const exponent = 6.75e-7 * heat ** 3 - 7.71e-5 * heat ** 2 + 1.792e-2 * heat + 0.49239;
  const factors = DAYS.map((days, month) => {
    const cosine = -Math.tan((latitude * Math.PI) / 180) * (tangents[month] as number);
    const daylight = (24 / Math.PI) * Math.acos(Math.min(1, Math.max(-1, cosine)));
    return (daylight / 12) * (days / 30);
  });
  return temperatures.map((temperature, i) =>
    heat === 0 ? 0 : (factors[i % 12] as number) * 16 * ((10 * Math.max(0, temperature)) / heat) ** exponent,
  );
}
