import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../lib/random.ts';
import { kappaFromLMoments, kappaQuantile } from './kappa.ts';
import { lMoments } from './l-moments.ts';
import {
  criticalDiscordancy,
  discordancies,
  goodnessOfFit,
  regionalMoments,
  testRegion,
} from './regional.ts';

const sites = [
  { site: 'a', n: 30, mean: 1, t: 0.1, t3: 0.05, t4: 0.14 },
  { site: 'b', n: 40, mean: 1, t: 0.11, t3: 0.02, t4: 0.13 },
  { site: 'c', n: 50, mean: 1, t: 0.12, t3: 0.04, t4: 0.15 },
  { site: 'd', n: 60, mean: 1, t: 0.1, t3: 0.06, t4: 0.12 },
  { site: 'e', n: 70, mean: 1, t: 0.115, t3: 0.03, t4: 0.16 },
];

it('discordancies have the mean 1, whatever the sites, and say nothing for fewer than five', () => {
  const found = discordancies(sites) ?? [];
  expect(found.reduce((sum, d) => sum + d, 0) / found.length).toBeCloseTo(1, 10);
  expect(discordancies(sites.slice(1))).toBeUndefined();
  expect([criticalDiscordancy(5), criticalDiscordancy(14), criticalDiscordancy(15)]).toEqual([
    1.333, 2.971, 3,
  ]);
});

it('sites that differ in L-variation are heterogeneous, and the same seed says the same', () => {
  const apart = sites.map((site, i) => ({ ...site, t: 0.1 + 0.08 * i }));
  expect(testRegion(apart, seededRandom(1), 100)?.h[0]).toBeGreaterThan(2);
  expect(testRegion(sites, seededRandom(1), 100)?.h[0]).toBeLessThan(1);
  expect(testRegion(sites, seededRandom(1), 50)).toEqual(testRegion(sites, seededRandom(1), 50));
});

it('Z by hand: the bias of short records is taken from the kurtosis of the region', () => {
  // Mean 0.17, deviation 0.02: (0.2 - 0.15 + 0.02) / 0.02.
  expect(goodnessOfFit(0.2, 0.15, [0.15, 0.17, 0.19])).toBeCloseTo(3.5, 10);
});

it('a kappa distribution has the L-moments that it was made for, also as logistic', () => {
  for (const [t3, t4] of [
    [0.1, 0.15],
    [0.3, 0.2],
    [-0.1, 0.05],
  ] as const) {
    const kappa = kappaFromLMoments(10, 2, t3, t4);
    expect(kappa).toBeDefined();
    const n = 20_000;
    const sample = Array.from({ length: n }, (_, i) =>
      kappaQuantile(kappa as NonNullable<typeof kappa>, (i + 0.5) / n),
    );
    const moments = lMoments(sample);
    expect(moments?.mean).toBeCloseTo(10, 2);
    expect(moments?.scale).toBeCloseTo(2, 2);
    expect(moments?.skewness).toBeCloseTo(t3, 2);
    expect(moments?.kurtosis).toBeCloseTo(t4, 2);
  }
  expect(kappaFromLMoments(1, 0.1, 0.1, 0.4)?.h).toBe(-1);
});

const folder = join(import.meta.dirname, '../../../shared/data/weather/derived/extremes');
const hasReferences = existsSync(folder);

describe.skipIf(!hasReferences)(
  `Hosking & Wallis 1997, the Cascades${hasReferences ? '' : ' (skipped: ../shared/data is absent)'}`,
  () => {
    interface Expected {
      readonly D: Readonly<Record<string, number>>;
      readonly H: readonly number[];
      readonly Z: Readonly<Record<'glo' | 'gev' | 'gno' | 'pe3' | 'gpa', number>>;
      readonly rmom: { readonly t: number; readonly t_3: number; readonly t_4: number };
      readonly kappa: Readonly<Record<'xi' | 'alpha' | 'k' | 'h', number>>;
      readonly regional_quantiles: Readonly<Record<string, number>>;
    }
    const expected = (): Expected => JSON.parse(readFileSync(join(folder, 'Cascades_expected.json'), 'utf8'));
    const cascades = () =>
      readFileSync(join(folder, 'Cascades_regional_lmoments.csv'), 'utf8')
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => {
          const [site, ...numbers] = line.replaceAll('"', '').split(',');
          const [n, mean, t, t3, t4] = numbers.map(Number) as [number, number, number, number, number];
          return { site: site as string, n, mean, t, t3, t4 };
        });

    it('regional moments, discordancies, kappa parameters and quantiles', () => {
      const theirs = expected();
      const region = regionalMoments(cascades());
      expect(region.t).toBeCloseTo(theirs.rmom.t, 6);
      expect(region.t3).toBeCloseTo(theirs.rmom.t_3, 6);
      expect(region.t4).toBeCloseTo(theirs.rmom.t_4, 6);
      const found = discordancies(cascades()) ?? [];
      cascades().forEach(({ site }, i) => {
        expect(found[i]).toBeCloseTo(theirs.D[site] as number, 5);
      });
      const kappa = kappaFromLMoments(1, region.t, region.t3, region.t4) as NonNullable<
        ReturnType<typeof kappaFromLMoments>
      >;
      for (const name of ['xi', 'alpha', 'k', 'h'] as const)
        expect(kappa[name]).toBeCloseTo(theirs.kappa[name], 4);
      for (const [share, value] of Object.entries(theirs.regional_quantiles)) {
        expect(kappaQuantile(kappa, Number(share))).toBeCloseTo(value, 5);
      }
    });

    it('H and Z, which are simulated, within 0.3', () => {
      const theirs = expected();
      const found = testRegion(cascades(), seededRandom(1));
      theirs.H.forEach((h, i) => {
        expect(Math.abs((found?.h[i] as number) - h)).toBeLessThan(0.3);
      });
      for (const family of ['glo', 'gev', 'gno', 'pe3'] as const) {
        expect(Math.abs((found?.z[family] as number) - theirs.Z[family])).toBeLessThan(0.3);
      }
      // Of this size only a tenth of it is asked: the deviation of the simulation scales it.
      expect(Math.abs((found?.z.gpa as number) / theirs.Z.gpa - 1)).toBeLessThan(0.1);
    });
  },
);
