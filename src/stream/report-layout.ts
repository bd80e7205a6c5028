import { isIntervalQuantity } from './compiled-rule.ts';
import { COUNTER } from './rain-counter-fold.ts';
import type { ReadingRows } from './reading-rows.ts';
import { ReadingSeries } from './series.ts';

/** The series that the quantities of a report go to, at one station. */
export class ReportLayout {
  readonly quantities: readonly string[];
  /** Parallel to the quantities. */
  readonly series: readonly ReadingSeries[];
  /** Rows that series of these quantities share, and none of others; null: there are none. */
  readonly rows: ReadingRows | null;
  /** An ever-growing rain counter is among them. */
  readonly hasCounter: boolean;
  readonly #shared: number;
  /** Place among the quantities by column of the rows; null: they are the same. */
  readonly #order: readonly number[] | null;

  constructor(
    quantities: readonly string[],
    series: readonly ReadingSeries[],
    rows: ReadingRows | null,
    order: readonly number[] | null,
  ) {
    this.quantities = quantities;
    this.series = series;
    this.rows = rows;
    this.#shared = rows?.shared ?? 0;
    this.hasCounter = kindsOf(quantities).hasCounter;
    this.#order = order;
  }

  /** That of series with readings: those that can share rows do so from now on. */
  static among(quantities: readonly string[], series: readonly ReadingSeries[]): ReportLayout {
    if (!kindsOf(quantities).isPlain) return new ReportLayout(quantities, series, null, null);
    ReadingSeries.share(series);
    const rows = sharedRows(series);
    return new ReportLayout(quantities, series, rows, rows && orderOf(rows, series));
  }

  /** It stands as long as reports of these quantities come, and no series has left the rows. */
  isFor(quantities: readonly string[]): boolean {
    return this.quantities === quantities && (this.rows === null || this.rows.shared === this.#shared);
  }

  /** Every series shares the rows. */
  get isWhole(): boolean {
    return this.#shared === this.series.length;
  }

  /** Puts what shares rows in its place; false, with nothing changed: each reading is to be put by itself. */
  put(at: number, intervalMs: number, coverMs: number, values: readonly number[]): boolean {
    return this.rows?.put(at, intervalMs, coverMs, values, this.#order) ?? false;
  }
}

interface Kinds {
  /** Several quantities, each once: one that comes twice is a repeat or a correction of itself. */
  readonly isPlain: boolean;
  readonly areIntervals: readonly boolean[];
  /** An ever-growing rain counter is among them. */
  readonly hasCounter: boolean;
}

const known = new WeakMap<readonly string[], Kinds>();

/** What the quantities of reports are; reports of one layout share the array that names them. */
export function kindsOf(quantities: readonly string[]): Kinds {
  let kinds = known.get(quantities);
  if (!kinds) {
    kinds = {
      isPlain: quantities.length > 1 && new Set(quantities).size === quantities.length,
      areIntervals: quantities.map(isIntervalQuantity),
      hasCounter: quantities.includes(COUNTER),
    };
    known.set(quantities, kinds);
  }
  return kinds;
}

/** The rows that most of these share. Series that these reports do not bring leave them, or these do, where they are fewer. */
function sharedRows(series: readonly ReadingSeries[]): ReadingRows | null {
  let most: ReadingRows | null = null;
  let count = 1;
  for (const { rows } of series) {
    if (rows === most || rows.shared < 2) continue;
    const found = series.filter((one) => one.rows === rows).length;
    if (found > count) {
      most = rows;
      count = found;
    }
  }
  if (most === null) return null;
  const others = most.members.filter(
    (one) => one !== null && !series.includes(one as ReadingSeries),
  ) as ReadingSeries[];
  if (others.length <= count) {
    for (const one of others) one.separate();
    return most;
  }
  for (const one of series) if (one.rows === most) one.separate();
  return null;
}

function orderOf(rows: ReadingRows, series: readonly ReadingSeries[]): readonly number[] | null {
  const order = rows.members.map((one) => (one === null ? -1 : series.indexOf(one as ReadingSeries)));
  return order.length === series.length && order.every((place, i) => place === i) ? null : order;
}
