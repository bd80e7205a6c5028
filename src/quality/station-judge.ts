import { DAY_MS, HOUR_MS } from '../model/time.ts';
import { checkConsistency } from './consistency.ts';
import type { Held, StationHistory } from './history.ts';
import type { Site } from './limits.ts';
import { checkPersistence } from './persistence.ts';
import { OpenRuns } from './persistence-run.ts';
import { checkRange } from './range.ts';
import { checkStep, type Readings } from './step.ts';
import { checkUnit } from './unit-suspicion.ts';
import { GOOD, graver, type Verdict } from './verdict.ts';

/** What is usual is the median of so long, of so many readings at least, the first of them so long ago. */
const USUAL_OVER_MS = 2 * DAY_MS;
const LEAST_USUAL = 6;
const USUAL_FROM_MS = 3 * HOUR_MS;
/** A step and its way back are looked for over so long. */
export const STEP_MS = 3 * HOUR_MS;

/** A reading to judge, canonical unit. */
export interface Judged {
  readonly quantity: string;
  readonly intervalMs: number;
  readonly value: number;
}

/**
 * The checks that need only the station's own readings. A verdict is a function of the readings up to two days and six hours
 * before it, of the verdicts on them, and of the one next reading after it: instants are judged in their order, and from a late
 * reading's on they are judged again. The name beside a flag is that of the gravest check; of equals the first of unit, range,
 * step, persistence, consistency.
 */
export class StationJudge {
  readonly #site: Site;
  readonly #history: StationHistory;
  readonly runs: OpenRuns;

  constructor(site: Site, history: StationHistory) {
    this.#site = site;
    this.#history = history;
    this.runs = new OpenRuns(site, history);
  }

  /** All readings of one instant: their verdicts, in their order. Of several of one quantity the first stands for the instant. */
  instant(at: number, readings: readonly Judged[]): Verdict[] {
    const unflagged = new Map<string, number>();
    const seen = new Set<string>();
    const verdicts = readings.map(({ quantity, intervalMs, value }) => {
      if (seen.has(quantity)) return checkRange(quantity, value, this.#site, at, intervalMs);
      seen.add(quantity);
      const verdict = this.alone(quantity, at, intervalMs, value);
      if (verdict.flag === 'good') unflagged.set(quantity, value);
      return verdict;
    });
    // A reading that is doubted already does not accuse the others.
    for (const [quantity, verdict] of checkConsistency(unflagged))
      verdicts[readings.findIndex((one) => one.quantity === quantity)] = verdict;
    return verdicts;
  }

  /** The verdict on a reading before it is held against the others of its instant. */
  alone(quantity: string, at: number, intervalMs: number, value: number): Verdict {
    const unit = checkUnit(quantity, value, this.#trusted(quantity, at, USUAL_OVER_MS)?.value, () =>
      this.#usual(quantity, at),
    );
    const run = this.runs.upTo(quantity, at, intervalMs, value);
    const verdict = [
      unit,
      checkRange(quantity, value, this.#site, at, intervalMs),
      this.#step(quantity, at),
      run ? checkPersistence(run.run, run.surroundings) : GOOD,
    ].reduce(graver);
    return verdict.check ? { flag: verdict.flag, check: verdict.check } : GOOD;
  }

  /** The newest reading within a span before an instant that is not bad. */
  #trusted(quantity: string, at: number, spanMs: number): Held | undefined {
    let one = this.#history.before(quantity, at);
    while (one?.isBad && at - one.at <= spanMs) one = this.#history.before(quantity, one.at);
    return one && at - one.at <= spanMs ? one : undefined;
  }

  #usual(quantity: string, at: number): number | undefined {
    const values: number[] = [];
    let oldestAt = at;
    let one = this.#history.before(quantity, at);
    while (one && one.at >= at - USUAL_OVER_MS) {
      if (!one.isBad) {
        values.push(one.value);
        oldestAt = one.at;
      }
      one = this.#history.before(quantity, one.at);
    }
    if (values.length < LEAST_USUAL || at - oldestAt < USUAL_FROM_MS) return undefined;
    return values.sort((a, b) => a - b)[values.length >> 1];
  }

  #step(quantity: string, at: number): Verdict {
    const before = this.#trusted(quantity, at, STEP_MS);
    if (!before) return GOOD;
    const after = this.#history.after(quantity, at);
    return checkStep({
      quantity,
      before: this.#at(before.at),
      beforeSpanMs: at - before.at,
      now: this.#at(at),
      ...(after ? { after: new Map([[quantity, after.value]]), afterSpanMs: after.at - at } : {}),
    });
  }

  #at(at: number): Readings {
    return { get: (quantity) => this.#history.valueAt(quantity, at) };
  }
}
