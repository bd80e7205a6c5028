import type { CheckName } from '../../model/observation.ts';
import { fromScaled, toScaled } from '../../model/quantity.ts';
import type { Station } from '../../model/station.ts';
import { HOUR_MS, MINUTE_MS } from '../../model/time.ts';
import { type GaugeHour, influxGauges } from '../../quality/gauge-influx.ts';
import { checkNeighbours, DRY_HOURS, dryGauges, neighbourQuantities } from '../../quality/neighbours.ts';
import { isPlaceKnown } from '../../rules/derived/sun.ts';
import type { Aggregates, Archive, FoundMarks, NeighbourMark } from '../../store/archive/archive.ts';
import type { SuspectQuantity } from './station-health.ts';

/** What the neighbours of a station say of it. */
export interface NeighbourHealth {
  /** Quantities far from what its neighbours measured. Rules count them all the same. */
  readonly suspect: readonly SuspectQuantity[];
  /** Quantities with too few neighbours to say so. */
  readonly isolated: readonly string[];
}

export interface NeighbourCounts {
  /** Stations by check. */
  readonly suspect: Readonly<Record<string, number>>;
  readonly isolated: number;
}
type WatchedArchive = Pick<Archive, 'aggregates' | 'keepMarks'>;

const NOTHING: NeighbourHealth = { suspect: [], isolated: [] };

/** An hour is judged so long after its end: most stations have reported by then. */
const WAIT_MS = 20 * MINUTE_MS;
/** So many hours are looked at, for since when a station departs. */
const HOURS = 6;
/** Of rain as many as a dry gauge takes, and some for since when. */
const RAIN_HOURS = DRY_HOURS + 6;
/** More stations are not judged: what each is held against grows with the square of how densely they stand. */
const MOST_STATIONS = 10_000;

type Finding = { readonly suspect: SuspectQuantity[]; readonly isolated: string[] };
type Hours = readonly (readonly (number | undefined)[])[];

/**
 * Holds the hourly means of stations against those of their neighbours, whatever partition those are in: buddy check and
 * isolation; and rain gauges that stay dry for hours among wet ones, or count far more than they do. What it says is a
 * function of the newest whole hours of the archive, not of partitions, of the order of arrival or of when it was asked; once
 * the hours are in, it says the same on every server. What it finds of an hour is kept in the archive beside the readings.
 */
export class NeighbourWatch {
  #found: ReadonlyMap<string, NeighbourHealth> = new Map();
  /** By check, what the archive was given last: the same is not given again. */
  readonly #kept = new Map<string, string>();

  of(station: string): NeighbourHealth {
    return this.#found.get(station) ?? NOTHING;
  }

  /** How many stations each check speaks against, and how many have a quantity that cannot be held against anybody. */
  counts(): NeighbourCounts {
    const suspect: Record<string, number> = { buddy: 0, 'faulty-zero': 0, 'high-influx': 0 };
    let isolated = 0;
    for (const one of this.#found.values()) {
      if (one.isolated.length > 0) isolated++;
      for (const check of new Set(one.suspect.map((mark) => mark.check)))
        suspect[check] = (suspect[check] ?? 0) + 1;
    }
    return { suspect, isolated };
  }

  /** Judges the hours before `at` again. */
  async look(archive: WatchedArchive, all: readonly Station[], at: number): Promise<void> {
    const stations = all.filter(({ latitude, longitude }) => isPlaceKnown(latitude, longitude));
    if (stations.length === 0 || stations.length > MOST_STATIONS || !Number.isFinite(at)) {
      this.#found = new Map();
      return;
    }
    const endAt = Math.floor((at - WAIT_MS) / HOUR_MS) * HOUR_MS;
    const look = new Look(archive, stations, endAt);
    for (const quantity of neighbourQuantities) await look.buddies(quantity);
    await look.gauges();
    this.#found = look.found;
    for (const found of look.marks()) {
      const text = JSON.stringify(found);
      if (this.#kept.get(found.check) === text) continue;
      await archive.keepMarks(found);
      this.#kept.set(found.check, text);
    }
  }
}

/** One look at the hours up to `endAt`. */
class Look {
  readonly found = new Map<string, Finding>();
  readonly #marks: NeighbourMark[] = [];
  readonly #archive: WatchedArchive;
  readonly #stations: readonly Station[];
  readonly #endAt: number;

  constructor(archive: WatchedArchive, stations: readonly Station[], endAt: number) {
    this.#archive = archive;
    this.#stations = stations;
    this.#endAt = endAt;
  }

  async buddies(quantity: string): Promise<void> {
    const hours = await this.#hourly({ quantity, hours: HOURS, of: meanOf });
    const verdicts = hours.map((values) =>
      checkNeighbours(
        quantity,
        this.#stations.map(({ latitude, longitude, altitude }, i) => ({
          ...{ latitude, longitude, altitude },
          value: values[i],
        })),
      ),
    );
    this.#stations.forEach((_, i) => {
      if (verdicts.at(-1)?.isolated[i]) this.#of(i).isolated.push(quantity);
    });
    const departs = verdicts.map((one) => one.departs);
    this.#departures({ quantity, check: 'buddy', hours, departs });
  }

  async gauges(): Promise<void> {
    const rain = await this.#hourly({ quantity: 'rainfall', hours: RAIN_HOURS, of: gaugeHourOf });
    const newest = rain.slice(-HOURS);
    const sums = (of: typeof rain, mayHaveGaps: boolean) =>
      of.map((gauges) => gauges.map((one) => (one && (mayHaveGaps || one.isWhole) ? one.sum : undefined)));
    const influx = influxGauges(
      this.#stations,
      newest.map((gauges) => gauges.map(alone)),
    );
    this.#departures({
      ...{ quantity: 'rainfall', check: 'high-influx' },
      hours: sums(newest, true),
      departs: influx,
    });
    dryGauges(this.#stations, sums(rain, false)).forEach((run, i) => {
      if (run === 0) return;
      this.#tell(i, 'rainfall', 'faulty-zero', run);
      this.#mark(i, 'rainfall', 'faulty-zero', HOURS - 1, 0);
    });
  }

  /** What each check says of its hours: of a dry gauge the newest alone, for the look of an hour ago knew more of what was before. */
  marks(): FoundMarks[] {
    return (['buddy', 'faulty-zero', 'high-influx'] as const).map((check) => ({
      check,
      from: this.#endAt - (check === 'faulty-zero' ? 1 : HOURS) * HOUR_MS,
      to: this.#endAt,
      marks: this.#marks.filter((mark) => mark.check === check),
    }));
  }

  #departures(one: {
    readonly quantity: string;
    readonly check: CheckName;
    readonly hours: Hours;
    readonly departs: readonly (readonly boolean[])[];
  }): void {
    const { quantity, check, hours, departs } = one;
    this.#stations.forEach((_, i) => {
      departs.forEach((hour, k) => {
        if (hour[i]) this.#mark(i, quantity, check, k, hours[k]?.[i] ?? 0);
      });
      const run = departure(hours, departs, i);
      if (run > 0) this.#tell(i, quantity, check, run);
    });
  }

  #tell(i: number, quantity: string, check: CheckName, run: number): void {
    const since = this.#endAt - (run - 1) * HOUR_MS;
    this.#of(i).suspect.push({ quantity, flag: 'suspect', check, since, isCounted: true });
  }

  /** `k`: of the last hours, oldest first. */
  #mark(i: number, quantity: string, check: CheckName, k: number, value: number): void {
    const { id: station } = this.#stations[i] as Station;
    const to = this.#endAt - (HOURS - 1 - k) * HOUR_MS;
    // As the archive keeps values: thousandths.
    this.#marks.push({
      station,
      quantity,
      from: to - HOUR_MS,
      to,
      check,
      value: fromScaled(toScaled(value)),
    });
  }

  #of(i: number): Finding {
    const { id } = this.#stations[i] as Station;
    const known = this.found.get(id) ?? { suspect: [], isolated: [] };
    this.found.set(id, known);
    return known;
  }

  /** What was measured in the hours up to the end, oldest first, by station. */
  async #hourly<T>({ quantity, hours, of }: HoursAsked<T>): Promise<(T | undefined)[][]> {
    const from = this.#endAt - hours * HOUR_MS;
    const rows = await this.#archive.aggregates({
      stations: this.#stations.map(({ id }) => id),
      quantity,
      from,
      to: this.#endAt,
      by: 'hour',
      limit: this.#stations.length * hours,
    });
    const found = Array.from({ length: hours }, () =>
      new Array<T | undefined>(this.#stations.length).fill(undefined),
    );
    for (let k = 0; k < rows.at.length; k++) {
      const hour = found[Math.round(((rows.at[k] as number) - from) / HOUR_MS)];
      if (hour) hour[rows.station[k] as number] = of(rows, k);
    }
    return found;
  }
}

/** How many hours ago, the newest included, a station began to depart without an hour between in which it did not; 0: it does not. */
function departure(hours: Hours, departs: readonly (readonly boolean[])[], i: number): number {
  let run = 0;
  for (let k = hours.length - 1; k >= 0; k--) {
    if (departs[k]?.[i]) run = hours.length - k;
    else if (k === hours.length - 1 || hours[k]?.[i] !== undefined) break;
  }
  return run;
}

const meanOf = ({ sum, count }: Aggregates, k: number): number | undefined =>
  (count[k] as number) > 0 ? (sum[k] as number) / (count[k] as number) : undefined;

/** A rain gauge's hour as the archive keeps it. */
const gaugeHourOf = ({ sum, max, count, coveredMs }: Aggregates, k: number): GaugeRow => ({
  sum: sum[k] as number,
  peak: max[k] as number,
  stepMs: (coveredMs[k] as number) / (count[k] as number),
  isWhole: (coveredMs[k] as number) >= HOUR_MS,
  coveredMs: coveredMs[k] as number,
});
interface GaugeRow extends GaugeHour {
  readonly coveredMs: number;
}
/** Covered for longer than an hour: one of its intervals began before, or two overlap. What fell in the hour is not known. */
const alone = (one: GaugeRow | undefined): GaugeHour | undefined =>
  one && one.coveredMs <= HOUR_MS ? one : undefined;

interface HoursAsked<T> {
  readonly quantity: string;
  readonly hours: number;
  /** What one row of the archive says; undefined: nothing usable. */
  readonly of: (rows: Aggregates, k: number) => T | undefined;
}
