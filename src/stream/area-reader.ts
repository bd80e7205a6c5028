import type { Window } from '../model/rule.ts';
import type { Absences } from './area-frontier.ts';
import { areaInstants } from './area-instants.ts';
import { InstantReader } from './evaluation.ts';
import { PooledWindow } from './pooled-window.ts';
import type { RuleInput } from './rule-input.ts';
import type { StationState } from './station-state.ts';
import { type Predicate, type Reader, type StationCount, TOO_MANY, TRUE, UNKNOWN } from './truth.ts';
import type { WindowStatistics } from './window.ts';

/** How many evaluations a sequence looks back on. */
const MAX_LOOK_BACK = 10_000;
const NO_INPUTS: readonly RuleInput[] = [];

/** An area at one instant: aggregates pool the readings of all its stations, `stations where` asks each one that is not silent. */
export class AreaReader implements Reader {
  coverage = 0.8;
  inputs = NO_INPUTS;
  readonly #members: readonly StationState[];
  readonly #at: number;
  readonly #silent: Absences;
  readonly #clockAt: number;
  readonly #delayMs: number;
  readonly #readers = new Map<StationState, InstantReader>();
  readonly #pooled = new Map<string, WindowStatistics>();

  /** `silent`: the stations that are; up to the last report before its silence each is asked all the same. */
  constructor(
    members: readonly StationState[],
    at: number,
    silent: Absences,
    clockAt: number,
    delayMs: number,
  ) {
    this.#members = members;
    this.#at = at;
    this.#silent = silent;
    this.#clockAt = clockAt;
    this.#delayMs = delayMs;
  }

  get at(): number {
    return this.#at;
  }

  window(quantity: string, window: Window): WindowStatistics {
    const key = `${quantity}/${JSON.stringify(window)}`;
    let pooled = this.#pooled.get(key);
    if (!pooled) {
      pooled = new PooledWindow(this.#members.map((member) => this.#reader(member).window(quantity, window)));
      this.#pooled.set(key, pooled);
    }
    return pooled;
  }

  /** An area is silent when every station of it is. */
  silent(quantity: string | null, spanMs: number): boolean {
    return this.#members.every((member) => this.#reader(member).silent(quantity, spanMs));
  }

  *earlier(withinMs: number): Iterable<AreaReader | typeof TOO_MANY> {
    const instants = areaInstants(this.#members, this.inputs, this.#at - withinMs, this.#at - 1);
    const oldest = Math.max(0, instants.length - MAX_LOOK_BACK);
    for (let i = instants.length - 1; i >= oldest; i--) {
      const at = instants[i] as number;
      const reader = new AreaReader(this.#members, at, this.#silent, this.#clockAt, this.#delayMs);
      reader.inputs = this.inputs;
      reader.coverage = this.coverage;
      yield reader;
    }
    if (oldest > 0) yield TOO_MANY;
  }

  /** How many of the stations that are not silent hold a condition, each over its own windows. */
  stationsWhere(predicate: Predicate, coverage: number): StationCount {
    const stations: string[] = [];
    let unknown = 0;
    let total = 0;
    for (const member of this.#members) {
      const absence = this.#silent.get(member);
      if (absence && this.#at > absence.heardAt && this.#at < absence.backAt) continue;
      const reader = this.#reader(member);
      reader.coverage = coverage;
      reader.inputs = this.inputs;
      const truth = predicate(reader);
      total++;
      if (truth === TRUE) stations.push(member.station.id);
      else if (truth === UNKNOWN) unknown++;
    }
    return { holding: stations.length, unknown, total, stations };
  }

  #reader(member: StationState): InstantReader {
    let reader = this.#readers.get(member);
    if (!reader) {
      reader = new InstantReader(member, this.#at, this.#clockAt, this.#delayMs);
      this.#readers.set(member, reader);
    }
    return reader;
  }
}
