import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lMoments } from './l-moments.ts';
import { logGamma, normalQuantile, regularizedGamma } from './special-functions.ts';
import {
  fitLogLogistic,
  runningSums,
  standardizedPrecipitationEvapotranspirationIndex,
  standardizedPrecipitationIndex,
  thornthwaite,
} from './spi.ts';

const folder = join(import.meta.dirname, '../../../shared/data/weather/derived/spi-spei');
const hasReferences = existsSync(folder);

describe('special functions', () => {
  // Abramowitz & Stegun tables 6.1, 26.9 (chi-square) and 26.5; R 4.2 qnorm.
  it('log gamma, incomplete gamma and normal quantile at tabled points', () => {
    expect(logGamma(0.5)).toBeCloseTo(0.5723649429247001, 13);
    expect(logGamma(10)).toBeCloseTo(Math.log(362_880), 12);
    expect(logGamma(0.1)).toBeCloseTo(2.252712651734206, 12);
    expect(regularizedGamma(1, 2)).toBeCloseTo(1 - Math.exp(-2), 14);
    expect(regularizedGamma(2, 0.5)).toBeCloseTo(1 - 1.5 * Math.exp(-0.5), 14);
    expect(regularizedGamma(0.5, 1.9207294103470602)).toBeCloseTo(0.95, 9);
    expect(regularizedGamma(5, 0)).toBe(0);
    expect(regularizedGamma(2, Number.POSITIVE_INFINITY)).toBe(1);
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 14);
    expect(normalQuantile(1e-10)).toBeCloseTo(-6.361340902404056, 12);
    expect(normalQuantile(1e-20)).toBeCloseTo(-9.2623400897984, 12);
    expect(normalQuantile(0.5)).toBe(0);
    expect(normalQuantile(0)).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe('standardized indices', () => {
  it('L-moments of 1 to 5: mean 3, scale 1, no skewness', () => {
    const moments = lMoments([5, 1, 3, 2, 4]);
    expect(moments?.mean).toBe(3);
    expect(moments?.scale).toBeCloseTo(1, 12);
    expect(moments?.skewness).toBeCloseTo(0, 12);
    expect(lMoments([1, 2])).toBeUndefined();
  });

  it('a symmetric sample has its median at 0, with the logistic as the limit of no skewness', () => {
    const at = fitLogLogistic([1, 2, 3, 4, 5]);
    expect(at?.(3)).toBeCloseTo(0.5, 12);
    expect(fitLogLogistic([1, 2, 3, 4, 5.00001])?.(4.2)).toBeCloseTo(at?.(4.2) as number, 4);
  });

  it('running sums end with their month and need all of theirs', () => {
    expect(runningSums([1, 2, undefined, 4, 5], 2)).toEqual([undefined, 3, undefined, undefined, 9]);
  });

  it('keeps months without rain apart: the share of dry months is the probability of none', () => {
    // Every January: three dry years of ten.
    const januaries = [0, 0, 0, 10, 20, 30, 40, 50, 60, 70];
    const series = januaries.flatMap((rain) => [rain, ...Array<number>(11).fill(30)]);
    const index = standardizedPrecipitationIndex(series, 1);
    expect(index[0]).toBeCloseTo(normalQuantile(0.3), 12);
    expect(index[9 * 12]).toBeGreaterThan(1);
    // Months that never differ have no distribution.
    expect(index[1]).toBeUndefined();
  });

  it('follows the month of the year, wherever the series begins, and passes over what is missing', () => {
    const series = Array.from({ length: 240 }, (_, i) => 50 + ((i * 37) % 61) + (i % 12) * 10);
    const whole = standardizedPrecipitationIndex(series, 3);
    const cut = standardizedPrecipitationIndex(series, 3, 7);
    expect(cut.slice(2)).toEqual(whole.slice(2));
    const gap: (number | undefined)[] = [...series];
    gap[100] = undefined;
    const index = standardizedPrecipitationIndex(gap, 3);
    expect([99, 100, 101, 102, 103].map((i) => index[i] === undefined)).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
  });

  it('no evapotranspiration in frost, more in the summer of the hemisphere', () => {
    const year = [-5, 0, 5, 10, 15, 20, 22, 21, 16, 10, 4, -2];
    const north = thornthwaite(year, 40);
    expect(north[0]).toBe(0);
    expect(north[6]).toBeGreaterThan(100);
    expect(thornthwaite(Array(12).fill(20), -30)[0]).toBeGreaterThan(
      thornthwaite(Array(12).fill(20), 30)[0] as number,
    );
    expect(thornthwaite(Array(12).fill(-10), 60)).toEqual(Array(12).fill(0));
  });
});

/**
 * Wichita, Kansas, 1980 to 2011, and the R package SPEI's own expected series (January 1986 had no rain). Tolerance
 * 1e-6: the same fit, to the digits of the special functions; the gamma shape is the same rational approximation. The
 * SPEI series were made before April 2022, when the package took tangents of the declination from a rounded table in
 * its evapotranspiration; the same tangents are given here.
 */
const OLD_TANGENTS = [
  -0.37012566, -0.23853358, -0.04679872, 0.16321764, 0.32930908, 0.40677729, 0.3747741, 0.239063, 0.04044485,
  -0.16905776, -0.33306377, -0.40743608,
];
describe.skipIf(!hasReferences)(
  `the SPEI package's series${hasReferences ? '' : ' (skipped: ../shared/data is absent)'}`,
  () => {
    const text = (file: string): string[] =>
      readFileSync(join(folder, file), 'utf8').trim().split('\n').slice(1);
    const wichita = (): number[][] => text('wichita.txt').map((line) => line.trim().split(/\s+/).map(Number));
    const reference = (file: string): number[] => text(file).map((line) => Number(line.split(',')[1]));
    const rain = (): number[] => wichita().map((row) => row[2] as number);
    const balance = (): number[] => {
      const evaporation = thornthwaite(
        wichita().map((row) => row[5] as number),
        37.6475,
        OLD_TANGENTS,
      );
      return rain().map((value, i) => value - (evaporation[i] as number));
    };

    it.each([
      ['spi_1mo_Out.csv', () => standardizedPrecipitationIndex(rain(), 1), 382],
      ['spi_12mo_Out.csv', () => standardizedPrecipitationIndex(rain(), 12), 371],
      ['spei_1mo_Out.csv', () => standardizedPrecipitationEvapotranspirationIndex(balance(), 1), 382],
      ['spei_12mo_Out.csv', () => standardizedPrecipitationEvapotranspirationIndex(balance(), 12), 371],
    ] as const)('%s within 1e-6', (file, compute, fewest) => {
      const theirs = reference(file);
      const ours = compute();
      expect(ours.length).toBe(theirs.length);
      let compared = 0;
      let worst = 0;
      ours.forEach((value, i) => {
        expect(value === undefined).toBe(!Number.isFinite(theirs[i]));
        if (value === undefined) return;
        compared++;
        worst = Math.max(worst, Math.abs((value as number) - (theirs[i] as number)));
      });
      expect(compared).toBeGreaterThanOrEqual(fewest);
      expect(worst).toBeLessThan(1e-6);
    });
  },
);
