import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../lib/random.ts';
import {
  gevByLikelihood,
  gevByLMoments,
  gevNegativeLogLikelihood,
  gevReturnLevel,
  gumbelByLikelihood,
  gumbelByLMoments,
} from './gev.ts';
import {
  excessesOver,
  gpdByLikelihood,
  gpdByLMoments,
  gpdNegativeLogLikelihood,
  gpdReturnLevel,
} from './gpd.ts';
import { bootstrapIntervals, gevDraw, profileInterval } from './intervals.ts';
import { lMoments } from './l-moments.ts';

/** Annual maximum sea levels at Port Pirie, m, 1923 to 1987: Coles 2001, section 1.2 and chapter 3. */
const portPirie = [
  4.03, 3.83, 3.65, 3.88, 4.01, 4.08, 4.18, 3.8, 4.36, 3.96, 3.98, 4.69, 3.85, 3.96, 3.85, 3.93, 3.75, 3.63,
  3.57, 4.25, 3.97, 4.05, 4.24, 4.22, 3.73, 4.37, 4.06, 3.71, 3.96, 4.06, 4.55, 3.79, 3.89, 4.11, 3.85, 3.86,
  3.86, 4.21, 4.01, 4.11, 4.24, 3.96, 4.21, 3.74, 3.85, 3.88, 3.66, 4.11, 3.71, 4.18, 3.9, 3.78, 3.91, 3.72,
  4, 3.66, 3.62, 4.33, 4.55, 3.75, 4.08, 3.9, 3.88, 3.94, 4.33,
];

describe('Port Pirie, as Coles 2001 section 3.4.1 prints it', () => {
  it('fit and return levels', () => {
    const fit = gevByLikelihood(portPirie);
    expect(fit?.mu).toBeCloseTo(3.87, 2);
    expect(fit?.sigma).toBeCloseTo(0.198, 3);
    expect(fit?.xi).toBeCloseTo(-0.05, 2);
    expect(gevReturnLevel(fit as NonNullable<typeof fit>, 10)).toBeCloseTo(4.3, 2);
    expect(gevReturnLevel(fit as NonNullable<typeof fit>, 100)).toBeCloseTo(4.69, 2);
  });

  it('profile likelihood intervals of the return levels of 10 and 100 years', () => {
    const ten = profileInterval(portPirie, 10);
    expect(ten?.[0]).toBeCloseTo(4.21, 1);
    expect(ten?.[1]).toBeCloseTo(4.45, 1);
    const hundred = profileInterval(portPirie, 100);
    expect(hundred?.[0]).toBeCloseTo(4.5, 1);
    expect(hundred?.[1]).toBeCloseTo(5.27, 1);
  });

  it('a bootstrap interval holds the estimate and is the same for the same seed', () => {
    const fit = gevByLMoments(portPirie);
    const make = (seed: number) =>
      fit &&
      bootstrapIntervals({
        draw: gevDraw(fit, seededRandom(seed)),
        size: portPirie.length,
        samples: 200,
        figures: (sample) => {
          const again = gevByLMoments(sample);
          return again && [10, 100].map((years) => gevReturnLevel(again, years));
        },
      });
    const [ten, hundred] = make(1) ?? [];
    expect(ten?.[0]).toBeLessThan(4.305);
    expect(ten?.[1]).toBeGreaterThan(4.305);
    // As wide as the profile's by about a third: another method, the same sample.
    expect((hundred?.[1] as number) - (hundred?.[0] as number)).toBeGreaterThan(0.4);
    expect((hundred?.[1] as number) - (hundred?.[0] as number)).toBeLessThan(1.1);
    expect(make(1)).toEqual(make(1));
    expect(make(1)).not.toEqual(make(2));
  });
});

it('nothing is fitted to too few values or to equal ones', () => {
  for (const method of [gevByLMoments, gevByLikelihood, gumbelByLMoments, gumbelByLikelihood]) {
    expect(method(portPirie.slice(0, 9))).toBeUndefined();
    expect(method(Array(30).fill(4))).toBeUndefined();
  }
  expect(profileInterval([], 10)).toBeUndefined();
  expect(gpdByLikelihood([1, 2, 3], 0, 1)).toBeUndefined();
});

it('fits follow a change of unit and of zero, and likelihood is never worse than at the L-moments fit', () => {
  const sample = fc.uniqueArray(fc.integer({ min: -5000, max: 5000 }), { minLength: 12, maxLength: 40 });
  fc.assert(
    fc.property(sample, fc.double({ min: 0.1, max: 50, noNaN: true }), (values, factor) => {
      const fit = gevByLMoments(values);
      if (!fit) return;
      const turned = gevByLMoments(values.map((value) => 7 + factor * value));
      expect(turned?.xi).toBeCloseTo(fit.xi, 5);
      expect(Math.abs((turned?.mu as number) - 7 - factor * fit.mu)).toBeLessThan(1e-6 * factor * fit.sigma);
      const best = gevByLikelihood(values) as NonNullable<typeof fit>;
      const atMoments = gevNegativeLogLikelihood(fit, values);
      if (fit.xi > -1 && fit.xi < 1)
        expect(gevNegativeLogLikelihood(best, values)).toBeLessThanOrEqual(atMoments + 1e-9);
      expect(gevReturnLevel(best, 100)).toBeGreaterThan(gevReturnLevel(best, 10));
    }),
    { numRuns: 60 },
  );
});

const folder = join(import.meta.dirname, '../../../shared/data/weather/derived/extremes');
const hasReferences = existsSync(folder);

interface GevReference {
  readonly ismev_gev_fit: {
    readonly mle: { readonly mu: number; readonly sigma: number; readonly xi: number };
    readonly nllh: number;
  };
  readonly return_period: readonly number[];
  readonly return_level_mle: readonly number[];
  readonly return_level_lmom: readonly number[];
  readonly lmoments: {
    readonly l_1: number;
    readonly l_2: number;
    readonly t_3: number;
    readonly t_4: number;
  };
  readonly pelgev_xi_alpha_k: { readonly xi: number; readonly alpha: number; readonly k: number };
  readonly gumbel: { readonly ismev_gum_fit: readonly [number, number] };
}
interface GpdReference {
  readonly threshold: number;
  readonly nexc: number;
  readonly mle_sigma_xi: readonly [number, number];
  readonly nllh: number;
  readonly return_period_years: readonly number[];
  readonly return_level: readonly number[];
}

/**
 * R's fits are where its own search stopped (relative 1e-8 in the likelihood, about 1e-3 in the parameters: ismev and evd
 * differ from each other by as much), so ours may be better but not worse, and near. L-moments are closed forms: 2e-6.
 */
describe.skipIf(!hasReferences)(
  `R's fits${hasReferences ? '' : ' (skipped: ../shared/data is absent)'}`,
  () => {
    const text = (file: string): string => readFileSync(join(folder, file), 'utf8');
    const column = (csv: string, index: number): number[] =>
      csv
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => Number(line.split(',')[index]));
    const fort = (): readonly (readonly [number, number])[] => {
      const csv = gunzipSync(
        readFileSync(join(folder, 'Fort_FortCollins_daily_prcp_inch_1900-1999.csv.gz')),
      ).toString();
      const rain = column(csv, 5);
      return column(csv, 4).map((year, i) => [year, rain[i] as number] as const);
    };
    const fortMaxima = (): number[] => {
      const maxima = new Map<number, number>();
      for (const [year, rain] of fort()) maxima.set(year, Math.max(rain, maxima.get(year) ?? 0));
      return [...maxima.values()];
    };
    const expected = (): Record<string, GevReference & GpdReference> => JSON.parse(text('expected.json'));

    it.each([
      ['portpirie', () => column(text('portpirie.csv'), 1)],
      ['ftcanmax_Prec', () => column(text('ftcanmax.csv'), 1)],
      ['fort_annual_max', fortMaxima],
    ] as const)('GEV and Gumbel of %s', (name, load) => {
      const maxima = load();
      const theirs = expected()[name] as GevReference;
      const moments = lMoments(maxima);
      expect(moments?.mean).toBeCloseTo(theirs.lmoments.l_1, 6);
      expect(moments?.scale).toBeCloseTo(theirs.lmoments.l_2, 6);
      expect(moments?.skewness).toBeCloseTo(theirs.lmoments.t_3, 6);
      expect(moments?.kurtosis).toBeCloseTo(theirs.lmoments.t_4, 6);

      const byMoments = gevByLMoments(maxima) as NonNullable<ReturnType<typeof gevByLMoments>>;
      expect(Math.abs(-byMoments.xi - theirs.pelgev_xi_alpha_k.k)).toBeLessThan(2e-6);
      near(byMoments.mu, theirs.pelgev_xi_alpha_k.xi, 2e-6);
      near(byMoments.sigma, theirs.pelgev_xi_alpha_k.alpha, 2e-6);
      theirs.return_period.forEach((years, i) => {
        near(gevReturnLevel(byMoments, years), theirs.return_level_lmom[i] as number, 2e-6);
      });

      const best = gevByLikelihood(maxima) as NonNullable<ReturnType<typeof gevByLikelihood>>;
      const { mle, nllh } = theirs.ismev_gev_fit;
      expect(gevNegativeLogLikelihood(best, maxima)).toBeLessThanOrEqual(nllh + 1e-7);
      expect(gevNegativeLogLikelihood(mle, maxima)).toBeCloseTo(nllh, 5);
      near(best.mu, mle.mu, 1e-3);
      near(best.sigma, mle.sigma, 1e-3);
      expect(Math.abs(best.xi - mle.xi)).toBeLessThan(1e-3);
      theirs.return_period.forEach((years, i) => {
        near(gevReturnLevel(best, years), theirs.return_level_mle[i] as number, 2e-3);
      });

      const gumbel = gumbelByLikelihood(maxima);
      near(gumbel?.mu, theirs.gumbel.ismev_gum_fit[0], 1e-3);
      near(gumbel?.sigma, theirs.gumbel.ismev_gum_fit[1], 1e-3);
    });

    it.each([
      ['rain_gpd_u30', () => text('rain_sw_england_daily_mm_1914-1962.txt').trim().split('\n').map(Number)],
      ['fort_gpd_u0395', () => fort().map(([, rain]) => rain)],
    ] as const)('GPD over a threshold: %s', (name, load) => {
      const values = load();
      const theirs = expected()[name] as GpdReference;
      // ismev counts 365 days to the year.
      const fit = gpdByLikelihood(values, theirs.threshold, values.length / 365);
      const excesses = excessesOver(values, theirs.threshold);
      expect(excesses.length).toBe(theirs.nexc);
      near(fit?.sigma, theirs.mle_sigma_xi[0], 1e-3);
      expect(Math.abs((fit?.xi as number) - theirs.mle_sigma_xi[1])).toBeLessThan(1e-3);
      expect(gpdNegativeLogLikelihood(fit?.sigma as number, fit?.xi as number, excesses)).toBeLessThanOrEqual(
        theirs.nllh + 1e-7,
      );
      theirs.return_period_years.forEach((years, i) => {
        near(gpdReturnLevel(fit as NonNullable<typeof fit>, years), theirs.return_level[i] as number, 1e-3);
      });
      const byMoments = gpdByLMoments(values, theirs.threshold, values.length / 365);
      near(byMoments?.sigma, theirs.mle_sigma_xi[0], 0.1);
    });
  },
);

function near(ours: number | undefined, theirs: number, relative: number): void {
  expect(Math.abs((ours ?? Number.NaN) - theirs) / Math.abs(theirs)).toBeLessThan(relative);
}
