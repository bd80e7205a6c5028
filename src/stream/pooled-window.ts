import type { Reading, WindowStatistics } from './window.ts';

/**
 * The readings of one window over several stations, pooled: sums and counts add up, the extremes are those of all, and
 * the coverage is the mean of the stations' own, so that a station without a reading tells against it.
 */
export class PooledWindow implements WindowStatistics {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly coveredMs: number;
  readonly uncounted: number;
  readonly uncountedSum: number;
  readonly extent: WindowStatistics['extent'];
  readonly #windows: readonly WindowStatistics[];
  #readings: readonly Reading[] | null = null;

  /** `windows`: the same window at each station of the area, in the order of their ids. */
  constructor(windows: readonly WindowStatistics[]) {
    this.#windows = windows;
    const filled = windows.filter(({ count }) => count > 0);
    const total = (of: (window: WindowStatistics) => number): number =>
      windows.reduce((sum, window) => sum + of(window), 0);
    this.count = total(({ count }) => count);
    this.sum = total(({ sum }) => sum);
    this.min = filled.length > 0 ? Math.min(...filled.map(({ min }) => min)) : 0;
    this.max = filled.length > 0 ? Math.max(...filled.map(({ max }) => max)) : 0;
    this.uncounted = total(({ uncounted }) => uncounted);
    this.uncountedSum = total(({ uncountedSum }) => uncountedSum);
    const extents = windows.flatMap(({ extent }) => (extent ? [extent] : []));
    if (extents.length === 0) {
      // A sliding window: every station's is measured against the same span.
      this.coveredMs = windows.length > 0 ? total(({ coveredMs }) => coveredMs) / windows.length : 0;
      return;
    }
    const neededMs = Math.max(...extents.map((extent) => extent.neededMs));
    this.extent = {
      from: Math.min(...extents.map(({ from }) => from)),
      to: Math.max(...extents.map(({ to }) => to)),
      neededMs,
    };
    const shares = total(({ coveredMs, extent }) => (extent ? coveredMs / extent.neededMs : 0));
    this.coveredMs = (shares / windows.length) * neededMs;
  }

  get first(): number {
    return this.readings()[0]?.value ?? 0;
  }
  get last(): number {
    return this.readings().at(-1)?.value ?? 0;
  }

  /** In order of observation, of one instant in the order of the stations' ids. */
  readings(): readonly Reading[] {
    this.#readings ??= this.#windows
      .flatMap((window) => window.readings?.() ?? [])
      .sort((a, b) => a.at - b.at);
    return this.#readings;
  }
}
