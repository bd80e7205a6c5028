import { HOUR_MS } from '../model/time.ts';
import type { Site } from '../quality/limits.ts';
import {
  arePlainExtremes,
  checkedQuantities,
  isPlainHumidity,
  isPlainWind,
  plainHours,
  plainRange,
} from '../quality/plain.ts';
import { stepLimit } from '../quality/step.ts';
import { scaleOf } from './station-history.ts';

const NO_STEP = Number.POSITIVE_INFINITY;

/** What the checks ask of reports of one layout, at any station; scaled integers. Numbers `k` count what is checked. */
export class PlainLayout {
  readonly quantities: readonly string[];
  /** Places of the quantities that any check knows. */
  readonly places: readonly number[];
  /** By `k`. */
  readonly scales: readonly number[];
  /** By `k`: a reading that stands still for less than this passes, ms; infinite: for however long. */
  readonly stillMs: readonly number[];
  /** The least of them. */
  readonly leastStillMs: number;
  /** `k` of these; below 0: not measured. */
  readonly radiation: number;
  readonly #max: number;
  readonly #min: number;
  readonly #t: number;
  readonly #td: number;
  readonly #rh: number;
  readonly #speed: number;
  readonly #gust: number;
  #steps: Float64Array = new Float64Array(0);
  readonly #stepsBySpan = new Map<number, Float64Array>();
  #spanMs = Number.NaN;

  constructor(quantities: readonly string[]) {
    this.quantities = quantities;
    this.places = quantities.flatMap((quantity, i) => (checkedQuantities.includes(quantity) ? [i] : []));
    this.scales = this.places.map((place) => scaleOf(quantities[place] as string));
    const numberOf = (quantity: string): number => this.places.indexOf(quantities.indexOf(quantity));
    this.stillMs = this.places.map(
      (_, k) => (plainHours.get(this.nameOf(k)) ?? Number.POSITIVE_INFINITY) * HOUR_MS,
    );
    this.leastStillMs = Math.min(...this.stillMs);
    this.everywhere = this.places.flatMap(() => [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
    this.radiation = numberOf('globalRadiation');
    this.#max = numberOf('airTemperatureMax');
    this.#min = numberOf('airTemperatureMin');
    this.#t = numberOf('airTemperature');
    this.#td = numberOf('dewPoint');
    this.#rh = numberOf('relativeHumidity');
    this.#speed = numberOf('windSpeed');
    this.#gust = numberOf('windGust');
  }

  /** The columns of series by `k`; stations with the same share one list. */
  columnsOf(series: readonly { readonly column: number }[]): readonly number[] {
    for (let k = 0; k < this.places.length; k++) {
      const { column } = series[this.places[k] as number] as { column: number };
      if (column === this.#columns[k]) continue;
      this.#columns = this.places.map((place) => (series[place] as { column: number }).column);
      break;
    }
    return this.#columns;
  }
  #columns: readonly number[] = [];

  nameOf(k: number): string {
    return this.quantities[this.places[k] as number] as string;
  }

  /** Greatest changes over a span that are no step, by `k`. */
  steps(spanMs: number): Float64Array {
    return spanMs === this.#spanMs ? this.#steps : this.#stepsOver(spanMs);
  }

  #stepsOver(spanMs: number): Float64Array {
    let steps = this.#stepsBySpan.get(spanMs);
    if (!steps) {
      steps = Float64Array.from(this.places, (_, k) => {
        const limit = stepLimit(this.nameOf(k), spanMs);
        return limit === undefined ? NO_STEP : limit * (this.scales[k] as number) - 1;
      });
      if (this.#stepsBySpan.size >= MOST_SPANS) this.#stepsBySpan.clear();
      this.#stepsBySpan.set(spanMs, steps);
    }
    this.#spanMs = spanMs;
    this.#steps = steps;
    return steps;
  }

  /** The readings of an instant do not contradict each other: those at `first + columns[k]`; what is no number was not measured. */
  isConsistent(cells: ArrayLike<number>, first: number, columns: readonly number[]): boolean {
    const t = this.#valueOf(this.#t, cells, first, columns);
    if (this.#td >= 0) {
      const rh = this.#valueOf(this.#rh, cells, first, columns);
      if (!isPlainHumidity(t, this.#valueOf(this.#td, cells, first, columns), rh)) return false;
    }
    const speed = this.#valueOf(this.#speed, cells, first, columns);
    if (!isPlainWind(speed, this.#valueOf(this.#gust, cells, first, columns))) return false;
    if (this.#max < 0 && this.#min < 0) return true;
    const max = this.#valueOf(this.#max, cells, first, columns);
    return arePlainExtremes(t, max, this.#valueOf(this.#min, cells, first, columns));
  }

  #valueOf(k: number, cells: ArrayLike<number>, first: number, columns: readonly number[]): number {
    return k < 0
      ? Number.NaN
      : (cells[first + (columns[k] as number)] as number) / (this.scales[k] as number);
  }

  /** Lowest and highest value of each quantity that passes at a site, one after the other by `k`. */
  limitsAt(site: Site): readonly number[] {
    const { latitude, longitude, altitude } = site;
    const last = this.#site;
    if (last?.latitude === latitude && last.longitude === longitude && last.altitude === altitude)
      return this.#limits;
    const limits: number[] = [];
    for (let k = 0; k < this.places.length; k++) {
      const [low, high] = plainRange(this.nameOf(k), site);
      const scale = this.scales[k] as number;
      // The edge itself is plain: dry, calm, north.
      limits.push(low === 0 ? 0 : low * scale + 1, high * scale - 1);
    }
    this.#site = site;
    this.#limits = limits;
    return limits;
  }
  /**
   * Lowest and highest value of each quantity that passes at every site so far: one list for all stations stays in the
   * processor's cache, where those of thousands do not.
   */
  readonly everywhere: number[];
  /** Those of the site included last: stations of one place follow one another. */
  #included: readonly number[] = [];

  /** A site whose readings will be held against {@link everywhere}. */
  include(site: Site): void {
    const limits = this.limitsAt(site);
    if (limits === this.#included) return;
    this.#included = limits;
    for (let k = 0; k < this.places.length; k++) {
      this.everywhere[2 * k] = Math.max(this.everywhere[2 * k] as number, limits[2 * k] as number);
      this.everywhere[2 * k + 1] = Math.min(
        this.everywhere[2 * k + 1] as number,
        limits[2 * k + 1] as number,
      );
    }
  }

  /** The last site: reckoning costs less than looking up by three numbers. */
  #site: Site | null = null;
  #limits: readonly number[] = [];
}

/** So many spans between reports are remembered. */
const MOST_SPANS = 256;

const known = new WeakMap<readonly string[], PlainLayout>();

/** Reports of one layout share the array that names their quantities. */
export function plainLayout(quantities: readonly string[]): PlainLayout {
  let layout = known.get(quantities);
  if (!layout) {
    layout = new PlainLayout(quantities);
    known.set(quantities, layout);
  }
  return layout;
}
