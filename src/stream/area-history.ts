import { countBefore, type FrontierMove } from './area-frontier.ts';
import type { StationState } from './station-state.ts';

/** Forgetting waits for so many moves: each time the rest is moved. */
const OLD_MOVES = 4096;

/** How the frontier of an area moved over event time, as far as it follows from the reports. */
export class FrontierHistory {
  readonly #members: readonly StationState[];
  /** What moved it, in event time, and where to; both ascend. */
  #by: number[] = [];
  #to: number[] = [];
  /** The paces by which silence was judged. */
  #paces: Float64Array | null = null;

  constructor(members: readonly StationState[]) {
    this.#members = members;
  }

  push(by: number, to: number): void {
    this.#by.push(by);
    this.#to.push(to);
    this.#paces ??= this.#pacesNow();
  }

  /** Where it stood after an instant of event time; null: not known. */
  at(by: number): number | null {
    return this.#to[countBefore(this.#by, by + 1) - 1] ?? null;
  }

  /** Forgets everything when silence would be judged otherwise today. */
  check(): void {
    const now = this.#pacesNow();
    if (this.#paces?.some((pace, i) => pace !== now[i])) {
      this.#by = [];
      this.#to = [];
    }
    this.#paces = now;
  }

  #pacesNow(): Float64Array {
    const paces = new Float64Array(2 * this.#members.length);
    this.#members.forEach(({ intervalMs, armedAt }, i) => {
      paces[2 * i] = intervalMs;
      paces[2 * i + 1] = armedAt;
    });
    return paces;
  }

  /** Puts moves in the place of those that went beyond `from`, up to what moved the last of those by `agreedAt`. */
  replace(from: number, agreedAt: number, moves: readonly Pick<FrontierMove, 'by' | 'to'>[]): void {
    const begin = countBefore(this.#to, from);
    const end = Math.max(begin, countBefore(this.#by, agreedAt + 1));
    this.#by = [...this.#by.slice(0, begin), ...moves.map(({ by }) => by.at), ...this.#by.slice(end)];
    this.#to = [...this.#to.slice(0, begin), ...moves.map(({ to }) => to), ...this.#to.slice(end)];
  }

  forget(before: number): void {
    if ((this.#by[OLD_MOVES] ?? Number.POSITIVE_INFINITY) >= before) return;
    const old = countBefore(this.#by, before);
    this.#by.splice(0, old);
    this.#to.splice(0, old);
  }
}
