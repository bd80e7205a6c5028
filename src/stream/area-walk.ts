import {
  type Absence,
  type Absences,
  countBefore,
  type FrontierMove,
  silentFrom,
  silentNow,
} from './area-frontier.ts';
import { IndexHeap } from './area-heap.ts';
import type { StationState } from './station-state.ts';

/** Who is silent from an instant of the area on. */
interface Span {
  readonly from: number;
  readonly silent: Absences;
}

/**
 * The moves of the frontier from an instant on, as they would have been had every report come in order of observation:
 * what is evaluated again after late data does not depend on the order in which it came. What came so late that its
 * station is late by the clock all the same moves it, too. A last move goes on to `present` at least, where the partition
 * clock judges silence. Moves are found as they are asked for: reports and silences come off a heap, and the stations
 * that are not silent stand in a list by their newest report, so that a report costs log(stations).
 */
export class FrontierWalk {
  readonly from: number;
  readonly #members: readonly StationState[];
  readonly #present: number;
  readonly #clockAt: number;
  readonly #delayMs: number;
  /** By station: the newest report heard, and how many of its reports have been. */
  readonly #heard: Float64Array;
  readonly #next: Int32Array;
  readonly #isSilent: Uint8Array;
  /** Not silent stations by their newest report, oldest first; the last place is the list's own end. */
  readonly #after: Int32Array;
  readonly #before: Int32Array;
  /** Reports by the station's index, silences by index - stations: these come first. */
  readonly #events = new IndexHeap();
  #frontier: number;
  #eventAt = Number.NEGATIVE_INFINITY;
  #silent: Map<StationState, Absence> | null = null;
  /** Found and not handed out yet; only of the last one a station may still turn out to be back. */
  readonly #found: FrontierMove[] = [];
  #isOver = false;
  readonly #spans: Span[] = [];
  #last: FrontierMove | null = null;

  constructor(
    members: readonly StationState[],
    from: number,
    present: number,
    clockAt: number,
    delayMs: number,
  ) {
    this.from = from;
    this.#members = members;
    this.#present = present;
    this.#clockAt = clockAt;
    this.#delayMs = delayMs;
    this.#frontier = from - 1;
    const n = members.length;
    this.#heard = new Float64Array(n);
    this.#next = new Int32Array(n);
    this.#isSilent = new Uint8Array(n);
    this.#after = new Int32Array(n + 1).fill(n);
    this.#before = new Int32Array(n + 1).fill(n);
    const alive: number[] = [];
    members.forEach((station, i) => {
      const next = countBefore(station.reportedAt, from);
      const heard = next > 0 ? (station.reportedAt[next - 1] as number) : Number.NEGATIVE_INFINITY;
      this.#next[i] = next;
      this.#heard[i] = heard;
      if (silentFrom(station, heard) < from) this.#isSilent[i] = 1;
      else alive.push(i);
      this.#await(i, this.#isSilent[i] === 1);
    });
    alive.sort((a, b) => (this.#heard[a] as number) - (this.#heard[b] as number) || a - b);
    for (const i of alive) this.#append(i);
  }

  /** The last move found. */
  get last(): FrontierMove | null {
    return this.#last;
  }
  /** The event time up to which all reports and silences have been walked; null while within an instant. */
  get walkedTo(): number | null {
    return this.#found.length === 0 && this.#events.topKey > this.#eventAt ? this.#eventAt : null;
  }

  /** The next move; null: there is none any more. */
  next(): FrontierMove | null {
    const move = this.#find();
    if (!move) return null;
    this.#last = move;
    if (this.#spans.at(-1)?.silent !== move.silent)
      this.#spans.push({ from: move.from, silent: move.silent });
    return move;
  }

  /** Who was silent when an instant was passed, walking on to it; null: it is not passed. */
  silentAt(at: number): Absences | null {
    while (!this.#last || this.#last.to < at) if (!this.next()) return null;
    return this.#spans.findLast(({ from }) => from <= at)?.silent ?? null;
  }

  #find(): FrontierMove | null {
    const n = this.#members.length;
    const events = this.#events;
    for (;;) {
      const at = events.topKey;
      const found = this.#found[0];
      // Up to the very instant that the frontier came to, a station may be back at it.
      if (found && (this.#found.length > 1 || at > found.to)) return this.#found.shift() as FrontierMove;
      if (events.size === 0) return this.#finish();
      this.#eventAt = at;
      let isDecided = false;
      // All silences of the instant come before its first report.
      while (events.topKey === at && events.topCode < 0)
        isDecided = this.#fallSilent(events.pop() + n, at) || isDecided;
      if (isDecided) this.#move(at, '');
      else if (events.topKey === at) {
        const i = events.pop();
        this.#hear(i, at);
        this.#move(at, this.#members[i]?.station.id ?? '');
      }
    }
  }

  #finish(): FrontierMove | null {
    if (this.#isOver) return null;
    this.#isOver = true;
    this.#eventAt = Number.POSITIVE_INFINITY;
    if (this.#frontier >= this.#present) return null;
    return {
      from: this.#frontier + 1,
      to: this.#present,
      by: { at: this.#clockAt - this.#delayMs, id: '' },
      isSure: false,
      silent: silentNow(this.#members, this.#clockAt, this.#delayMs),
    };
  }

  /** Puts the next event of a station into the heap. */
  #await(i: number, isSilent: boolean): void {
    const station = this.#members[i] as StationState;
    const report = station.reportedAt[this.#next[i] as number] ?? Number.POSITIVE_INFINITY;
    const due = isSilent ? Number.POSITIVE_INFINITY : silentFrom(station, this.#heard[i] as number);
    if (due <= report && due < Number.POSITIVE_INFINITY) this.#events.push(due, i - this.#members.length);
    else if (report < Number.POSITIVE_INFINITY) this.#events.push(report, i);
  }

  /** A station is silent from now on; true when that alone can move the frontier: before its report, and by now. */
  #fallSilent(i: number, at: number): boolean {
    const station = this.#members[i] as StationState;
    this.#isSilent[i] = 1;
    this.#silent = null;
    this.#remove(i);
    this.#await(i, true);
    return (
      at <= this.#clockAt - this.#delayMs &&
      at < (station.reportedAt[this.#next[i] as number] ?? Number.POSITIVE_INFINITY)
    );
  }

  #hear(i: number, at: number): void {
    const station = this.#members[i] as StationState;
    const last = this.#found.at(-1);
    const absence = last?.to === at ? last.silent.get(station) : undefined;
    if (absence) absence.backAt = at;
    if (this.#isSilent[i] === 1) {
      this.#isSilent[i] = 0;
      this.#silent = null;
    } else this.#remove(i);
    this.#heard[i] = at;
    (this.#next[i] as number)++;
    this.#append(i);
    this.#await(i, false);
  }

  /** Moves the frontier to the oldest newest report, when that lies beyond it. */
  #move(at: number, id: string): void {
    const n = this.#members.length;
    const head = this.#after[n] as number;
    if (head === n) return;
    const to = this.#heard[head] as number;
    if (to <= this.#frontier) return;
    this.#silent ??= this.#silences();
    this.#found.push({ from: this.#frontier + 1, to, by: { at, id }, isSure: true, silent: this.#silent });
    this.#frontier = to;
  }

  #silences(): Map<StationState, Absence> {
    const silent = new Map<StationState, Absence>();
    this.#members.forEach((station, i) => {
      if (this.#isSilent[i] === 1)
        silent.set(station, { heardAt: this.#heard[i] as number, backAt: Number.POSITIVE_INFINITY });
    });
    return silent;
  }

  #append(i: number): void {
    const n = this.#members.length;
    const tail = this.#before[n] as number;
    this.#after[tail] = i;
    this.#before[i] = tail;
    this.#after[i] = n;
    this.#before[n] = i;
  }

  #remove(i: number): void {
    const [before, after] = [this.#before[i] as number, this.#after[i] as number];
    this.#after[before] = after;
    this.#before[after] = before;
  }
}
