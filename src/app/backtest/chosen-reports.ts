import type { ColumnBlock, ReportColumns } from '../../ingest/report-columns.ts';
import type { Replay } from '../replay.ts';
import type { Screen, Spans } from './screen.ts';

/** Which reports of a recording are folded, while it is: those of a screen's spans, and those of stations that are not at rest. */
export class ChosenReports {
  readonly #reports: ReportColumns;
  readonly #replay: Replay;
  readonly #spans: readonly Spans[];
  readonly #known: readonly boolean[];
  /** By station: the span that is next or goes on, the newest observation so far, and an alert is open or begins. */
  readonly #next: Uint32Array;
  readonly #newestAt: Float64Array;
  readonly #isHeld: Uint8Array;

  constructor(screen: Screen, reports: ReportColumns, replay: Replay) {
    this.#reports = reports;
    this.#replay = replay;
    this.#spans = screen.spans();
    this.#known = screen.known;
    this.#next = new Uint32Array(this.#spans.length);
    this.#newestAt = new Float64Array(this.#spans.length).fill(Number.NEGATIVE_INFINITY);
    this.#isHeld = new Uint8Array(this.#spans.length);
  }

  /** Asked of each report once, in their order. */
  takes({ station, observedAt }: ColumnBlock, row: number): boolean {
    const number = station[row] as number;
    const at = observedAt[row] as number;
    // What is late or unknown is for the fold to count.
    if (!this.#known[number] || at <= (this.#newestAt[number] as number)) return true;
    this.#newestAt[number] = at;
    const spans = this.#spans[number] as Spans;
    let next = this.#next[number] as number;
    while (next < spans.length && (spans[next + 1] as number) < at) next += 2;
    this.#next[number] = next;
    return this.#isHeld[number] === 1 || (next < spans.length && (spans[next] as number) <= at);
  }

  /** The report was folded. */
  noteFed({ station }: ColumnBlock, row: number): void {
    const number = station[row] as number;
    this.#isHeld[number] = this.#replay.isAtRest(this.#reports.stations[number] as string) ? 0 : 1;
  }
}
