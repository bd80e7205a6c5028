import { MINUTE_MS } from '../model/time.ts';
import { countBefore } from './area-frontier.ts';
import { evaluationInstants } from './evaluation.ts';
import type { RuleInput } from './rule-input.ts';
import type { StationState } from './station-state.ts';

/** So much of event time is read from all stations at once. */
const AHEAD_MS = 10 * MINUTE_MS;

/**
 * The instants in [from, to] at which a rule is evaluated for an area: those of each of its stations, ascending, each
 * once.
 */
export function areaInstants(
  members: readonly StationState[],
  inputs: readonly RuleInput[],
  from: number,
  to: number,
): number[] {
  if (from > to) return [];
  const instants: number[] = [];
  for (const station of members)
    for (const at of evaluationInstants(station, { inputs }, from, to)) instants.push(at);
  const sorted = Float64Array.from(instants).sort();
  instants.length = 0;
  for (const at of sorted) if (at !== instants.at(-1)) instants.push(at);
  return instants;
}

/** The instants of an area handed out in order, read ahead so that a move of the frontier need not ask every station. */
export class AreaInstants {
  readonly #members: readonly StationState[];
  readonly #inputs: readonly RuleInput[];
  /** New readings add instants and take none away. */
  readonly #isPatched: boolean;
  #list: number[] = [];
  #next = 0;
  #readTo = Number.NEGATIVE_INFINITY;
  #takenTo = Number.NEGATIVE_INFINITY;

  constructor(members: readonly StationState[], inputs: readonly RuleInput[]) {
    this.#members = members;
    this.#inputs = inputs;
    this.#isPatched = inputs.every(({ windows }) => windows.length === 0);
  }

  /** The instants in [from, to]; what lies before is passed over and not handed out again. */
  take(from: number, to: number): readonly number[] {
    if (from <= this.#takenTo) this.#readTo = Number.NEGATIVE_INFINITY;
    this.#takenTo = to;
    if (from > this.#readTo) {
      this.#readTo = Math.max(to, from + AHEAD_MS);
      this.#list = areaInstants(this.#members, this.#inputs, from, this.#readTo);
      this.#next = 0;
    }
    while (this.#next < this.#list.length && (this.#list[this.#next] as number) < from) this.#next++;
    const begin = this.#next;
    if (to > this.#readTo) {
      const rest = this.#list.slice(begin);
      const readTo = this.#readTo;
      this.#readTo = Math.max(to, readTo + AHEAD_MS);
      this.#list = [...rest, ...areaInstants(this.#members, this.#inputs, readTo + 1, this.#readTo)];
      this.#next = 0;
      return this.#takeTo(0, to);
    }
    return this.#takeTo(begin, to);
  }

  #takeTo(begin: number, to: number): readonly number[] {
    while (this.#next < this.#list.length && (this.#list[this.#next] as number) <= to) this.#next++;
    return this.#list.slice(begin, this.#next);
  }

  /** A station has other readings than before: its instants ahead are read again. */
  refresh(station: StationState): void {
    if (!this.#isPatched) {
      this.#readTo = Number.NEGATIVE_INFINITY;
      return;
    }
    if (this.#readTo <= this.#takenTo) return;
    for (const at of evaluationInstants(station, { inputs: this.#inputs }, this.#takenTo + 1, this.#readTo)) {
      const i = countBefore(this.#list, at);
      if (this.#list[i] !== at) this.#list.splice(i, 0, at);
    }
  }

  /** Nothing is read ahead any more. */
  forget(): void {
    this.#readTo = Number.NEGATIVE_INFINITY;
  }
}
