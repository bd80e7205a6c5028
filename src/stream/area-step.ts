import type { Window } from '../model/rule.ts';
import { PooledCounter, TruthCounter } from './area-counters.ts';
import type { Absences } from './area-frontier.ts';
import { AreaReader } from './area-reader.ts';
import { type Asked, StationTruths } from './area-truths.ts';
import { isIntervalQuantity } from './compiled-rule.ts';
import type { RuleInput } from './rule-input.ts';
import type { StationState } from './station-state.ts';
import type { Predicate, Reader, StationCount, TOO_MANY } from './truth.ts';
import type { WindowStatistics } from './window.ts';

/** What is known of an area's stations over event time, by the condition that was asked of each. */
export class AreaTruths {
  readonly members: readonly StationState[];
  readonly places: ReadonlyMap<StationState, number>;
  readonly #byPredicate = new Map<Predicate, Map<number, readonly StationTruths[]>>();

  constructor(members: readonly StationState[]) {
    this.members = members;
    this.places = new Map(members.map((station, i) => [station, i]));
  }

  of(predicate: Predicate, coverage: number): readonly StationTruths[] {
    let byCoverage = this.#byPredicate.get(predicate);
    if (!byCoverage) {
      byCoverage = new Map();
      this.#byPredicate.set(predicate, byCoverage);
    }
    let all = byCoverage.get(coverage);
    if (!all) {
      all = this.members.map((station) => new StationTruths(station));
      byCoverage.set(coverage, all);
    }
    return all;
  }

  /** Readings of a station changed at `at`; nobody asks before `keptFrom`. */
  cut(i: number, at: number, keptFrom: number): void {
    for (const byCoverage of this.#byPredicate.values())
      for (const all of byCoverage.values()) {
        all[i]?.cut(at);
        all[i]?.forget(keptFrom);
      }
  }
}

/** An area that goes on from instant to instant; gives what {@link AreaReader} gives at each, and looks only at what changes. */
export class AreaStep implements Reader {
  coverage = 0.8;
  inputs: readonly RuleInput[] = [];
  readonly #truths: AreaTruths;
  #at = Number.NEGATIVE_INFINITY;
  #silent: Absences = new Map();
  #clockAt = 0;
  #delayMs = 0;
  readonly #counters = new Map<Predicate, Map<number, TruthCounter>>();
  readonly #pooled = new Map<string, Map<number, PooledCounter>>();
  #reader: AreaReader | null = null;

  constructor(truths: AreaTruths) {
    this.#truths = truths;
  }

  get at(): number {
    return this.#at;
  }

  moveTo(at: number, silent: Absences, clockAt: number, delayMs: number): this {
    this.#at = at;
    this.#silent = silent;
    this.#clockAt = clockAt;
    this.#delayMs = delayMs;
    this.#reader = null;
    return this;
  }

  /** Readings of a station changed at `at`. */
  cut(i: number, at: number): void {
    for (const byCoverage of this.#counters.values())
      for (const counter of byCoverage.values()) counter.cut(i, at);
    for (const bySpan of this.#pooled.values()) for (const counter of bySpan.values()) counter.cut(i, at);
  }

  window(quantity: string, window: Window): WindowStatistics {
    if (window.kind !== 'sliding') return this.#whole().window(quantity, window);
    let bySpan = this.#pooled.get(quantity);
    if (!bySpan) {
      bySpan = new Map();
      this.#pooled.set(quantity, bySpan);
    }
    let counter = bySpan.get(window.spanMs);
    if (!counter) {
      const { members } = this.#truths;
      counter = new PooledCounter(members, quantity, window.spanMs, isIntervalQuantity(quantity));
      bySpan.set(window.spanMs, counter);
    }
    return counter.moveTo(this.#at);
  }

  stationsWhere(predicate: Predicate, coverage: number): StationCount {
    let byCoverage = this.#counters.get(predicate);
    if (!byCoverage) {
      byCoverage = new Map();
      this.#counters.set(predicate, byCoverage);
    }
    let counter = byCoverage.get(coverage);
    if (!counter) {
      const { members, places } = this.#truths;
      const { inputs } = this;
      const asked = (): Asked => ({
        predicate,
        coverage,
        inputs,
        clockAt: this.#clockAt,
        delayMs: this.#delayMs,
      });
      counter = new TruthCounter(members, places, this.#truths.of(predicate, coverage), asked);
      byCoverage.set(coverage, counter);
    }
    return counter.count(this.#at, this.#silent);
  }

  silent(quantity: string | null, spanMs: number): boolean {
    return this.#whole().silent(quantity, spanMs);
  }

  earlier(withinMs: number): Iterable<Reader | typeof TOO_MANY> {
    return this.#whole().earlier(withinMs);
  }

  #whole(): AreaReader {
    if (!this.#reader) {
      const { members } = this.#truths;
      this.#reader = new AreaReader(members, this.#at, this.#silent, this.#clockAt, this.#delayMs);
      this.#reader.inputs = this.inputs;
      this.#reader.coverage = this.coverage;
    }
    return this.#reader;
  }
}
