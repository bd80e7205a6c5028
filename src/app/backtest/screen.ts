import type { ColumnBlock, ReportColumns } from '../../ingest/report-columns.ts';
import { quantities } from '../../model/quantity.ts';
import type { Station } from '../../model/station.ts';
import { DAY_MS } from '../../model/time.ts';
import { isPlainRadiation } from '../../quality/plain.ts';
import { type PlainLayout, plainLayout } from '../../stream/plain-layout.ts';
import type { Look, ScreenKeys } from './screen-keys.ts';

/** A verdict follows from the readings of two days and six hours before, and of the next one (src/quality/station-judge.ts). */
const JUDGED_BY_MS = 3 * DAY_MS;

/** What is compared of the reports of one layout. */
interface Layout {
  readonly plain: PlainLayout;
  /** Place in the layout, number in the plain layout (below 0: no check knows it), number of the look. */
  readonly places: readonly { readonly place: number; readonly k: number; readonly n: number }[];
  readonly hasInterval: boolean;
}

/** What is remembered of one station; by number of the look where there are several. */
class Seen {
  newestAt = Number.NEGATIVE_INFINITY;
  readonly value: Float64Array;
  readonly valueAt: Float64Array;
  readonly changedAt: Float64Array;
  readonly sums: readonly MovingSum[];
  readonly spreads: readonly Spread[];
  readonly limits = new Map<PlainLayout, readonly number[]>();
  /** From and to, one after the other. */
  readonly spans: number[] = [];

  constructor({ looks }: ScreenKeys) {
    this.value = new Float64Array(looks.length).fill(Number.NaN);
    this.valueAt = new Float64Array(looks.length);
    this.changedAt = new Float64Array(looks.length);
    this.sums = looks.flatMap(({ sums }) => sums.map(() => new MovingSum()));
    this.spreads = looks.flatMap(({ spreads }) => spreads.map(() => new Spread()));
  }
}

/** Adds a span, or widens the last one where it begins within it. */
function mark(spans: number[], from: number, to: number): void {
  const end = spans.length - 1;
  if (end > 0 && from >= (spans[end - 1] as number) && from <= (spans[end] as number))
    spans[end] = Math.max(spans[end] as number, to);
  else spans.push(from, to);
}

/** The sum of what fell in a span before the newest reading. */
class MovingSum {
  readonly #at: number[] = [];
  readonly #values: number[] = [];
  #first = 0;
  #sum = 0;

  /** Adds a reading, takes out what lies at or before `until`, and gives the sum. */
  add(at: number, value: number, until: number): number {
    for (; this.#first < this.#at.length && (this.#at[this.#first] as number) <= until; this.#first++)
      this.#sum -= this.#values[this.#first] as number;
    if (this.#first > 1024) {
      this.#at.splice(0, this.#first);
      this.#values.splice(0, this.#first);
      this.#first = 0;
    }
    if (value === 0) return this.#sum;
    this.#at.push(at);
    this.#values.push(value);
    this.#sum += value;
    return this.#sum;
  }
}

/** How far apart readings lie, at most: of two blocks of time, which hold every window that ends in the second. */
class Spread {
  #begin = Number.NEGATIVE_INFINITY;
  #least = Number.POSITIVE_INFINITY;
  #greatest = Number.NEGATIVE_INFINITY;
  #leastBefore = Number.POSITIVE_INFINITY;
  #greatestBefore = Number.NEGATIVE_INFINITY;

  add(at: number, value: number, spanMs: number): number {
    if (at - this.#begin >= spanMs) {
      this.#begin = at;
      this.#leastBefore = this.#least;
      this.#greatestBefore = this.#greatest;
      this.#least = this.#greatest = value;
    } else {
      this.#least = Math.min(this.#least, value);
      this.#greatest = Math.max(this.#greatest, value);
    }
    return Math.max(this.#greatest, this.#greatestBefore) - Math.min(this.#least, this.#leastBefore);
  }
}

/** Spans of a station, epoch ms, ascending and apart: from and to, one after the other. */
export type Spans = readonly number[];

/**
 * Where the reports of each station must be folded, so that the alerts are those of folding all: around each reading that
 * meets what a level asks for, as far as any rule looks; and wider around each that is not good at first sight, comes late
 * or again. What lies outside is good, and makes no level true; while an alert is open, its station is folded anyway.
 */
export class Screen {
  readonly #keys: ScreenKeys;
  readonly #reports: ReportColumns;
  readonly #stations: readonly (Station | undefined)[];
  readonly #latenessMs: number;
  readonly #layouts: readonly Layout[];
  readonly #seen: readonly Seen[];
  #coverMs = 0;

  constructor(
    keys: ScreenKeys,
    reports: ReportColumns,
    known: ReadonlyMap<string, Station>,
    latenessMs: number,
  ) {
    this.#keys = keys;
    this.#reports = reports;
    this.#stations = reports.stations.map((id) => known.get(id));
    this.#latenessMs = latenessMs;
    this.#layouts = reports.layouts.map((layout) => this.#layoutOf(layout));
    this.#seen = reports.stations.map(() => new Seen(keys));
    for (const station of this.#stations) this.#coverMs = Math.max(this.#coverMs, station?.intervalMs ?? 0);
  }

  /** By number of the station among those of the reports: whether it is in the registry. */
  get known(): readonly boolean[] {
    return this.#stations.map((station) => station !== undefined);
  }

  /** By number of the station among those of the reports. */
  spans(): readonly Spans[] {
    for (const { intervalMs, length } of this.#reports.memory)
      for (let row = 0; row < length; row++)
        this.#coverMs = Math.max(this.#coverMs, intervalMs[row] as number);
    for (const block of this.#reports.memory)
      for (let row = 0; row < block.length; row++) this.#note(block, row);
    return this.#seen.map(({ spans }) => merged(spans));
  }

  #layoutOf(names: readonly string[]): Layout {
    const plain = plainLayout(names);
    const places = this.#keys.looks.flatMap(({ quantity }, n) => {
      const place = names.indexOf(quantity);
      return place < 0 ? [] : [{ place, k: plain.places.indexOf(place), n }];
    });
    const hasInterval = this.#keys.looks.some(
      ({ quantity }) => names.includes(quantity) && quantities.get(quantity)?.kind === 'interval',
    );
    return { plain, places, hasInterval };
  }

  #note(block: ColumnBlock, row: number): void {
    const number = block.station[row] as number;
    const station = this.#stations[number];
    if (!station) return;
    const seen = this.#seen[number] as Seen;
    const layout = this.#layouts[block.layout[row] as number] as Layout;
    const at = block.observedAt[row] as number;
    const receivedAt = block.receivedAt[row] as number;
    const intervalMs = block.intervalMs[row] as number;
    const isInOrder = at > seen.newestAt && at <= receivedAt && at >= receivedAt - this.#latenessMs;
    const isApart = !layout.hasInterval || at - intervalMs >= seen.newestAt;
    const first = row === 0 ? 0 : (block.end[row - 1] as number);
    const isGood = isInOrder && isApart && this.#isPlain(seen, layout, station, block, row, first);
    const isMet = this.#meets(seen, layout, at, block.values, first);
    const { reachMs } = this.#keys;
    const until = Math.max(at, seen.newestAt) + reachMs;
    if (!isGood) mark(seen.spans, at - reachMs - JUDGED_BY_MS, until + JUDGED_BY_MS);
    else if (isMet) mark(seen.spans, at - reachMs - this.#coverMs, until);
    if (at > seen.newestAt) seen.newestAt = at;
  }

  /** The readings that rules look at are good whatever stood before those just before them. */
  #isPlain(
    seen: Seen,
    { plain, places }: Layout,
    site: Station,
    { observedAt, intervalMs, values }: ColumnBlock,
    row: number,
    first: number,
  ): boolean {
    const at = observedAt[row] as number;
    let limits = seen.limits.get(plain);
    if (!limits) {
      limits = plain.limitsAt(site);
      seen.limits.set(plain, limits);
    }
    for (const { place, k, n } of places) {
      if (k < 0) continue;
      const value = values[first + place] as number;
      const isWithin = value >= (limits[2 * k] as number) && value <= (limits[2 * k + 1] as number);
      if (!isWithin) {
        const scaled = value / (plain.scales[k] as number);
        if (k !== plain.radiation || !isPlainRadiation(scaled, site, at, intervalMs[row] as number))
          return false;
      }
      const jump = value - (seen.value[n] as number);
      // The first of all is held against none.
      if (Number.isNaN(jump)) continue;
      const since = at - (seen.valueAt[n] as number);
      if (jump === 0) {
        if (at - (seen.changedAt[n] as number) >= (plain.stillMs[k] as number)) return false;
      } else if (Math.abs(jump) > (plain.steps(since)[k] as number)) return false;
    }
    return plain.isConsistent(values, first, plain.places);
  }

  /** Takes the readings in; true: what a level asks for may be met. */
  #meets(seen: Seen, { places }: Layout, at: number, values: Float64Array, first: number): boolean {
    let isMet = false;
    for (const { place, n } of places) {
      const value = values[first + place] as number;
      const { high, low, sums, spreads } = this.#keys.looks[n] as Look;
      if (value >= high || value <= low) isMet = true;
      for (const { id, spanMs, threshold } of sums) {
        const sum = (seen.sums[id] as MovingSum).add(at, value, seen.newestAt - spanMs);
        if (sum >= threshold) isMet = true;
      }
      for (const { id, spanMs, threshold } of spreads)
        if ((seen.spreads[id] as Spread).add(at, value, spanMs) >= threshold) isMet = true;
      // What comes late lies in a span that is wide enough for whatever it changes.
      if (at <= seen.newestAt) continue;
      if (value !== seen.value[n]) {
        // It stands since the reading before it, at most.
        seen.changedAt[n] = Number.isNaN(seen.value[n]) ? at - this.#coverMs : (seen.valueAt[n] as number);
        seen.value[n] = value;
      }
      seen.valueAt[n] = at;
    }
    return isMet;
  }
}

function merged(spans: readonly number[]): Spans {
  const starts = Array.from({ length: spans.length / 2 }, (_, i) => 2 * i);
  starts.sort((a, b) => (spans[a] as number) - (spans[b] as number));
  const found: number[] = [];
  for (const i of starts) mark(found, spans[i] as number, spans[i + 1] as number);
  return found;
}
