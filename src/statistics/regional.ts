import type { Random } from '../lib/random.ts';
import { type Kappa, kappaFromLMoments, kappaQuantile } from './kappa.ts';
import { type LMoments, lMoments } from './l-moments.ts';

/** A site of a region: number of years and L-moment ratios of its maxima divided by their mean. */
export interface SiteMoments {
  readonly site: string;
  readonly n: number;
  readonly mean: number;
  /** L-variation, scale / mean. */
  readonly t: number;
  readonly t3: number;
  readonly t4: number;
}

export interface RegionalMoments {
  readonly t: number;
  readonly t3: number;
  readonly t4: number;
}

export const siteMoments = (site: string, { n, mean, scale, skewness, kurtosis }: LMoments): SiteMoments => ({
  site,
  n,
  mean,
  t: scale / mean,
  t3: skewness,
  t4: kurtosis ?? Number.NaN,
});

/** Means of the ratios, each site weighted by its years: Hosking & Wallis 1997, equation 4.3. */
export function regionalMoments(sites: readonly SiteMoments[]): RegionalMoments {
  const years = sites.reduce((sum, { n }) => sum + n, 0);
  const mean = (key: 't' | 't3' | 't4'): number =>
    sites.reduce((sum, site) => sum + site.n * site[key], 0) / years;
  return { t: mean('t'), t3: mean('t3'), t4: mean('t4') };
}

/**
 * How far each site lies from the cloud of the others: Hosking & Wallis 1997, equation 3.3. Undefined for fewer than five
 * sites, where it says nothing; above {@link criticalDiscordancy} a site is to be looked at.
 */
export function discordancies(sites: readonly SiteMoments[]): readonly number[] | undefined {
  const n = sites.length;
  if (n < 5) return undefined;
  const points = sites.map(({ t, t3, t4 }) => [t, t3, t4]);
  const centre = [0, 1, 2].map((j) => points.reduce((sum, point) => sum + (point[j] as number), 0) / n);
  const away = points.map((point) => point.map((value, j) => value - (centre[j] as number)));
  const products = [0, 1, 2].map((i) =>
    [0, 1, 2].map((j) => away.reduce((sum, u) => sum + (u[i] as number) * (u[j] as number), 0)),
  );
  const inverse = inverseOf(products);
  return (
    inverse &&
    away.map(
      (u) =>
        (n / 3) *
        u.reduce((sum, x, i) => sum + x * u.reduce((s, y, j) => s + (inverse[i]?.[j] as number) * y, 0), 0),
    )
  );
}

/** Inverse of a 3 x 3 matrix by cofactors; undefined where it has none. */
function inverseOf(m: readonly (readonly number[])[]): readonly (readonly number[])[] | undefined {
  const at = (i: number, j: number): number => m[i % 3]?.[j % 3] as number;
  const cofactor = (i: number, j: number): number =>
    at(i + 1, j + 1) * at(i + 2, j + 2) - at(i + 1, j + 2) * at(i + 2, j + 1);
  const determinant = at(0, 0) * cofactor(0, 0) + at(0, 1) * cofactor(0, 1) + at(0, 2) * cofactor(0, 2);
  if (!(Math.abs(determinant) > 1e-30)) return undefined;
  return [0, 1, 2].map((i) => [0, 1, 2].map((j) => cofactor(j, i) / determinant));
}

/** Critical discordancy for 5 to 14 sites, then 3 (10 % of a random region's sites lie above): table 3.1 of the same book. */
export const criticalDiscordancy = (sites: number): number =>
  [1.333, 1.648, 1.917, 2.14, 2.329, 2.491, 2.632, 2.757, 2.869, 2.971][sites - 5] ?? 3;

type Family = 'glo' | 'gev' | 'gno' | 'pe3' | 'gpa';

/** L-kurtosis of three-parameter distributions by powers of the L-skewness: Hosking & Wallis 1997, table A.3. */
const KURTOSES: Readonly<Record<Family, readonly number[]>> = {
  glo: [0.16667, 0, 0.83333],
  gev: [0.10701, 0.1109, 0.84838, -0.06669, 0.00567, -0.04208, 0.03763],
  gno: [0.12282, 0, 0.77518, 0, 0.12279, 0, -0.13638, 0, 0.11368],
  pe3: [0.1224, 0, 0.30115, 0, 0.95812, 0, -0.57488, 0, 0.19383],
  gpa: [0, 0.20196, 0.95924, -0.20096, 0.04061],
};

export interface RegionalTest {
  /** Heterogeneity by L-variation, by (t, t3) and by (t3, t4): below 1 homogeneous, from 2 on definitely not. */
  readonly h: readonly [number, number, number];
  /** Goodness of fit of each distribution: fits where |z| <= 1.64. */
  readonly z: Readonly<Record<Family, number>>;
  readonly kappa: Kappa;
  readonly simulations: number;
}

/**
 * Heterogeneity H and goodness of fit Z of a region: Hosking & Wallis 1997, sections 4.3 and 5.2. Homogeneous regions with
 * the same years are simulated from the kappa distribution of the regional moments. Undefined where no kappa has them.
 */
export function testRegion(
  sites: readonly SiteMoments[],
  random: Random,
  simulations = 500,
): RegionalTest | undefined {
  const region = regionalMoments(sites);
  const kappa = kappaFromLMoments(1, region.t, region.t3, region.t4);
  if (!kappa) return undefined;
  const simulated = Array.from({ length: simulations }, () => {
    const drawn = sites.map(({ site, n }) => {
      const values = Array.from({ length: n }, () =>
        kappaQuantile(kappa, Math.max(random(), Number.EPSILON)),
      );
      return siteMoments(site, lMoments(values) as LMoments);
    });
    const moments = regionalMoments(drawn);
    return { spread: spreads(drawn, moments), t4: moments.t4 };
  });
  const observed = spreads(sites, region);
  const h = observed.map((v, i) => {
    const { mean, deviation } = meanAndDeviation(simulated.map(({ spread }) => spread[i] as number));
    return (v - mean) / deviation;
  }) as [number, number, number];
  const kurtoses = simulated.map(({ t4 }) => t4);
  const z = Object.fromEntries(
    Object.entries(KURTOSES).map(([family, powers]) => {
      const kurtosis = powers.reduceRight((sum, coefficient) => sum * region.t3 + coefficient, 0);
      return [family, goodnessOfFit(kurtosis, region.t4, kurtoses)];
    }),
  ) as Record<Family, number>;
  return { h, z, kappa, simulations };
}

/** Z of a distribution with this L-kurtosis: equation 5.4, the bias of the region's own told by the simulated ones. */
export function goodnessOfFit(kurtosis: number, regional: number, simulated: readonly number[]): number {
  const { mean, deviation } = meanAndDeviation(simulated);
  return (kurtosis - regional + (mean - regional)) / deviation;
}

/** V1, V2 and V3: how far the sites' ratios lie from the region's. */
function spreads(sites: readonly SiteMoments[], region: RegionalMoments): readonly number[] {
  let years = 0;
  let v1 = 0;
  let v2 = 0;
  let v3 = 0;
  for (const { n, t, t3, t4 } of sites) {
    years += n;
    v1 += n * (t - region.t) ** 2;
    v2 += n * Math.hypot(t - region.t, t3 - region.t3);
    v3 += n * Math.hypot(t3 - region.t3, t4 - region.t4);
  }
  return [Math.sqrt(v1 / years), v2 / years, v3 / years];
}

function meanAndDeviation(values: readonly number[]): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) };
}
