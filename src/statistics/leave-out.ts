import type { Random } from '../lib/random.ts';
import { quantile, scoresOf } from './verification.ts';

/** What a threshold would have done in one year. */
export interface YearCounts {
  readonly hits: number;
  readonly misses: number;
  readonly falseAlarms: number;
}

/** A threshold and its counts by year; a year without anything may be missing. */
export interface Candidate {
  readonly value: number;
  readonly years: ReadonlyMap<number, YearCounts>;
}

const none: YearCounts = { hits: 0, misses: 0, falseAlarms: 0 };

/** Counts of a candidate over years; a year given twice counts twice. */
export function countsOf({ years }: Candidate, chosen: readonly number[]): YearCounts {
  let { hits, misses, falseAlarms } = none;
  for (const year of chosen) {
    const own = years.get(year) ?? none;
    hits += own.hits;
    misses += own.misses;
    falseAlarms += own.falseAlarms;
  }
  return { hits, misses, falseAlarms };
}

export const csiOf = (counts: YearCounts): number | null =>
  scoresOf({ ...counts, correctNegatives: null }).csi;

/** The candidate of the best CSI in these years; of several the nearest to `current`. Undefined where none has a CSI. */
export function bestCandidate(
  candidates: readonly Candidate[],
  years: readonly number[],
  current: number,
): Candidate | undefined {
  let best: { readonly one: Candidate; readonly csi: number } | undefined;
  for (const one of candidates) {
    const csi = csiOf(countsOf(one, years));
    if (csi === null) continue;
    const isNearer = best && Math.abs(one.value - current) < Math.abs(best.one.value - current);
    if (!best || csi > best.csi || (csi === best.csi && isNearer)) best = { one, csi };
  }
  return best?.one;
}

const SAMPLES = 400;

/**
 * 95 % percentile interval of a figure of years, by drawing years with replacement: what lies in one year hangs together,
 * and is drawn together (Efron & Tibshirani 1993, chapters 8 and 13). Null for fewer than three years, or where fewer than
 * half of the samples have the figure.
 */
export function yearBootstrap(
  years: readonly number[],
  random: Random,
  figure: (years: readonly number[]) => number | null | undefined,
): readonly [number, number] | null {
  if (years.length < 3) return null;
  const found: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const value = figure(years.map(() => years[Math.floor(random() * years.length)] as number));
    if (value !== null && value !== undefined && Number.isFinite(value)) found.push(value);
  }
  if (found.length < SAMPLES / 2) return null;
  found.sort((a, b) => a - b);
  return [quantile(found, 0.025) as number, quantile(found, 0.975) as number];
}

/** Counts of years that had no part in the choice of the threshold. */
export interface OutOfSample {
  readonly counts: YearCounts;
  /** CSI less that of the current threshold in the same years. */
  readonly gain: number | null;
  readonly gainInterval: readonly [number, number] | null;
}

/**
 * Leaves out one year after the other: `choose` picks a threshold from all other years, and the year left out is counted
 * with it (Stone 1974). Null for fewer than two years, or where a year's others give no threshold.
 */
export function leaveOneYearOut(
  years: readonly number[],
  random: Random,
  current: Candidate,
  choose: (others: readonly number[]) => Candidate | undefined,
): OutOfSample | null {
  if (years.length < 2) return null;
  const kept = new Map<number, YearCounts>();
  for (const year of years) {
    const chosen = choose(years.filter((one) => one !== year));
    if (!chosen) return null;
    kept.set(year, countsOf(chosen, [year]));
  }
  const out: Candidate = { value: Number.NaN, years: kept };
  const gain = (of: readonly number[]): number | null => {
    const [fresh, old] = [csiOf(countsOf(out, of)), csiOf(countsOf(current, of))];
    return fresh === null || old === null ? null : fresh - old;
  };
  return {
    counts: countsOf(out, years),
    gain: gain(years),
    gainInterval: yearBootstrap(years, random, gain),
  };
}
