import { DAY_MS, HOUR_MS } from '../model/time.ts';
import { cosineOfZenith } from '../rules/derived/sun.ts';
import type { Held, StationHistory } from './history.ts';
import type { Site } from './limits.ts';
import type { Run, Surroundings } from './persistence.ts';

/** Gaps longer than this end a run: nothing is known of what stood between. */
const LONGEST_GAP_MS = 6 * HOUR_MS;
/** How far back a run is followed, to the full six hours: enough for every limit but that of calm without a witness. */
const LOOK_BACK_MS = 2 * DAY_MS;
const BLOCK_MS = 6 * HOUR_MS;
/** What a verdict may look at before its reading, ms: so much of a station's past must be kept beside lateness. */
export const HISTORY_MS = LOOK_BACK_MS + BLOCK_MS;

/** So many readings of the other wind instrument at 5 m/s say that it blew; one may be a squall over a calm night. */
const LEAST_WINDY = 3;
/** Sensors that stop short of 100 %: recorded ones stood at 94 and at 96 % for over a day. */
const SATURATED = 93;
const OTHER_WIND: Readonly<Record<string, string>> = { windSpeed: 'windGust', windGust: 'windSpeed' };

/** A run of equal readings that may go on, with what is seen beside it. */
export class OpenRun {
  readonly quantity: string;
  readonly value: number;
  readonly startAt: number;
  newestAt: number;
  #count = 0;
  #windy = 0;
  #direction: number | undefined;
  #isVaneStill: boolean | undefined;
  #isSaturated = true;
  #daylightMs = 0;

  constructor(quantity: string, value: number, at: number) {
    this.quantity = quantity;
    this.value = value;
    this.startAt = at;
    this.newestAt = at;
  }

  get run(): Run {
    const spanMs = this.newestAt - this.startAt;
    return { quantity: this.quantity, value: this.value, spanMs, count: this.#count };
  }

  get surroundings(): Surroundings {
    return {
      isSaturated: this.#isSaturated,
      daylightMs: this.#daylightMs,
      ...(this.#isVaneStill === undefined ? {} : { isVaneStill: this.#isVaneStill }),
      ...(this.#windy >= LEAST_WINDY ? { windElsewhere: 5 } : {}),
    };
  }

  add(at: number, intervalMs: number, history: StationHistory, site: Site): void {
    this.newestAt = at;
    this.#count++;
    if ((history.valueAt(OTHER_WIND[this.quantity] ?? '', at) ?? 0) >= 5) this.#windy++;
    const direction = history.valueAt('windDirection', at);
    if (direction !== undefined) {
      this.#isVaneStill =
        (this.#isVaneStill ?? true) && (this.#direction === undefined || this.#direction === direction);
      this.#direction = direction;
    }
    if ((history.valueAt('relativeHumidity', at) ?? 0) < SATURATED) this.#isSaturated = false;
    if (this.quantity === 'globalRadiation' && cosineOfZenith(at, site.latitude, site.longitude) > 0.25)
      this.#daylightMs += intervalMs;
  }
}

/** The runs of one station that are open; what it remembers follows from the history. */
export class OpenRuns {
  readonly #site: Site;
  readonly #history: StationHistory;
  readonly #open = new Map<string, OpenRun>();

  constructor(site: Site, history: StationHistory) {
    this.#site = site;
    this.#history = history;
  }

  /** The run that a reading goes on with; undefined: it stands alone. */
  upTo(quantity: string, at: number, intervalMs: number, value: number): OpenRun | undefined {
    const before = this.#history.before(quantity, at);
    if (!before || !goesOn(before, at, value)) return undefined;
    const from = Math.floor((at - LOOK_BACK_MS) / BLOCK_MS) * BLOCK_MS;
    let run = this.#open.get(quantity);
    if (run?.value !== value || run.newestAt !== before.at || run.startAt < from) {
      run = this.#made(quantity, value, before, from);
      this.#open.set(quantity, run);
    }
    run.add(at, intervalMs, this.#history, this.#site);
    return run;
  }

  /** Whether the run up to a reading is at hand. */
  knows(quantity: string, newestAt: number): boolean {
    return this.#open.get(quantity)?.newestAt === newestAt;
  }

  forgetAll(): void {
    this.#open.clear();
  }

  #made(quantity: string, value: number, newest: Held, from: number): OpenRun {
    const readings: Held[] = [];
    let one: Held | undefined = newest;
    let after = newest.at;
    while (one && one.at >= from && goesOn(one, after, value)) {
      readings.push(one);
      after = one.at;
      one = this.#history.before(quantity, after);
    }
    const oldest = readings.at(-1) ?? newest;
    const run = new OpenRun(quantity, value, oldest.at);
    for (const { at, intervalMs } of readings.reverse()) run.add(at, intervalMs, this.#history, this.#site);
    return run;
  }
}

const goesOn = (before: Held, at: number, value: number): boolean =>
  before.value === value && at - before.at <= LONGEST_GAP_MS;
