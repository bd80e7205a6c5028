import type { Held, StationHistory } from './history.ts';
import type { Site } from './limits.ts';
import { StationJudge } from './station-judge.ts';
import type { Verdict } from './verdict.ts';

/** What a station measured at one instant, canonical units. */
export interface Sample {
  readonly at: number;
  readonly intervalMs: number;
  readonly readings: ReadonlyMap<string, number>;
}

/** Verdicts of one sample, of every quantity that it holds. */
export type Verdicts = ReadonlyMap<string, Verdict>;

/** The station's own checks over its samples in ascending order of `at`, as the fold makes them. */
export function checkStation(site: Site, samples: readonly Sample[]): Verdicts[] {
  const history = new SampleHistory(samples);
  const judge = new StationJudge(site, history);
  return samples.map(({ at, intervalMs, readings }) => {
    const judged = [...readings].map(([quantity, value]) => ({ quantity, intervalMs, value }));
    const found = judge.instant(at, judged);
    const verdicts = new Map(judged.map(({ quantity }, i) => [quantity, found[i] as Verdict]));
    history.note(verdicts);
    return verdicts;
  });
}

/** Samples as the judge walks through them. */
class SampleHistory implements StationHistory {
  readonly #samples: readonly Sample[];
  readonly #place: ReadonlyMap<number, number>;
  readonly #verdicts: Verdicts[] = [];

  constructor(samples: readonly Sample[]) {
    this.#samples = samples;
    this.#place = new Map(samples.map(({ at }, i) => [at, i]));
  }

  note(verdicts: Verdicts): void {
    this.#verdicts.push(verdicts);
  }

  valueAt(quantity: string, at: number): number | undefined {
    const i = this.#place.get(at);
    return i === undefined ? undefined : this.#samples[i]?.readings.get(quantity);
  }

  before(quantity: string, at: number): Held | undefined {
    return this.#from(quantity, at, -1);
  }

  after(quantity: string, at: number): Held | undefined {
    return this.#from(quantity, at, 1);
  }

  #from(quantity: string, at: number, by: number): Held | undefined {
    for (let i = (this.#place.get(at) as number) + by; ; i += by) {
      const sample = this.#samples[i];
      if (!sample) return undefined;
      const value = sample.readings.get(quantity);
      if (value === undefined) continue;
      const isBad = this.#verdicts[i]?.get(quantity)?.flag === 'bad';
      return { at: sample.at, intervalMs: sample.intervalMs, value, isBad };
    }
  }
}
