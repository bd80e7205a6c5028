import { HOUR_MS } from '../../model/time.ts';

const BLOCK_HOURS = 8192;

/** What a station's history covers. */
export interface StationCoverage {
  readonly station: string;
  /** First and last `observedAt`, epoch ms. */
  readonly from: number;
  readonly to: number;
  /** Hours from the first to the last reading. */
  readonly hours: number;
  /** Those without any report. */
  readonly missing: number;
  /** The longest run of missing hours, with its beginning (epoch ms); null when none is missing. */
  readonly longest: { readonly from: number; readonly hours: number } | null;
}

interface Span {
  from: number;
  to: number;
  /** A bit for each hour with a report, by block. */
  readonly blocks: Map<number, Uint8Array>;
}

/** Which hours of which station have a report: a bit each, so that decades of a whole network fit in memory. */
export class Coverage {
  readonly #stations = new Map<string, Span>();

  /** `observedAt` ends the span measured: a report of 06:00 stands for the hour before. Epoch ms. */
  add(station: string, observedAt: number): void {
    let span = this.#stations.get(station);
    if (span === undefined) {
      span = { from: observedAt, to: observedAt, blocks: new Map() };
      this.#stations.set(station, span);
    }
    span.from = Math.min(span.from, observedAt);
    span.to = Math.max(span.to, observedAt);
    const hour = hourOf(observedAt);
    const key = Math.floor(hour / BLOCK_HOURS);
    let block = span.blocks.get(key);
    if (block === undefined) {
      block = new Uint8Array(BLOCK_HOURS / 8);
      span.blocks.set(key, block);
    }
    const bit = hour - key * BLOCK_HOURS;
    block[bit >> 3] = (block[bit >> 3] as number) | (1 << (bit & 7));
  }

  /** Every station by its id. */
  report(): StationCoverage[] {
    return [...this.#stations].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, span]) => cover(id, span));
  }
}

const hourOf = (at: number): number => Math.ceil(at / HOUR_MS) - 1;

function cover(station: string, { from, to, blocks }: Span): StationCoverage {
  const [first, last] = [hourOf(from), hourOf(to)];
  let missing = 0;
  let run = 0;
  let longest: StationCoverage['longest'] = null;
  for (let hour = first; hour <= last; hour++) {
    const key = Math.floor(hour / BLOCK_HOURS);
    const bit = hour - key * BLOCK_HOURS;
    const isThere = (((blocks.get(key)?.[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
    run = isThere ? 0 : run + 1;
    if (isThere) continue;
    missing++;
    if (run > (longest?.hours ?? 0)) longest = { from: (hour - run + 1) * HOUR_MS, hours: run };
  }
  return { station, from, to, hours: last - first + 1, missing, longest };
}
