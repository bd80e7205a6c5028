import { AtalaiaError } from '../lib/errors.ts';
import { quantities } from '../model/quantity.ts';
import { DAY_MS, HOUR_MS } from '../model/time.ts';
import { type HourSeries, hourSeries, seriesBefore } from '../statistics/hour-series.ts';
import { type Measure, naturalMeasure } from '../statistics/hours.ts';
import {
  fitNowcast,
  forecastNext,
  models,
  type Nowcast,
  type Scores,
  scoreNowcast,
} from '../statistics/nowcast.ts';
import { rowsOf } from '../store/archive/aggregates.ts';
import type { Archive } from '../store/archive/archive.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { toDocument } from './documents.ts';

/** Nowcasts of one quantity at many stations; immutable, under the hash of its content. */
export interface NowcastTable {
  readonly kind: 'nowcast';
  readonly version: 1;
  readonly quantity: string;
  readonly measure: Measure;
  /** The hours fitted to, epoch ms: what is scored comes after them. */
  readonly from: number;
  readonly fittedTo: number;
  /** By station, one for each horizon; a station with too little history has none. */
  readonly stations: Readonly<Record<string, readonly Nowcast[]>>;
}
export interface ScoreRow {
  readonly station: string;
  readonly horizon: number;
  readonly scores: Scores;
}

/** Hours before those asked for, in which the smoothing finds its level. */
const WARM_UP_MS = 30 * DAY_MS;
/** Of a history whose end nobody names, this share is fitted to and the rest left to score. */
const FITTED_SHARE = 0.75;
const MAX_ROWS = 1_000_000;

/** The ledger's named value that holds the hash of a quantity's newest table. */
const metaOf = (quantity: string): string => `nowcast:${quantity}`;

/** The measure that is forecast. Throws ATL_USAGE for a quantity that is not known, or a direction, which has no mean. */
export function nowcastMeasure(quantity: string): Measure {
  const known = quantities.get(quantity);
  if (!known || known.unit === '°')
    throw new AtalaiaError(
      'ATL_USAGE',
      `--quantity ${quantity} ${known ? 'is a direction, of which there is no nowcast' : 'is not known'}. Give one such as rainfall or airTemperature.`,
    );
  return naturalMeasure(quantity);
}

/** Hours of a station's archive as a series, or undefined when there are none. */
async function seriesOf(
  archive: Archive,
  station: string,
  quantity: string,
  from: number,
  to: number,
): Promise<HourSeries | undefined> {
  const found = await archive.aggregates({
    ...{ stations: [station], quantity, from, to, by: 'hour', limit: MAX_ROWS },
  });
  return found.at.length === 0 ? undefined : hourSeries(rowsOf(found, 0), nowcastMeasure(quantity));
}

/** Where the fit ends when nobody says: after three quarters of what the archive has of the quantity, on a whole hour. */
async function defaultEnd(
  archive: Archive,
  stations: readonly string[],
  quantity: string,
  from: number,
  to: number,
): Promise<number> {
  const wanted = new Set(stations);
  const newest = (await archive.latest()).filter(
    ({ station, quantity: name, observedAt }) =>
      wanted.has(station) && name === quantity && observedAt > from,
  );
  const last = newest.reduce((most, { observedAt }) => Math.max(most, observedAt), Number.NEGATIVE_INFINITY);
  const spans = await archive.aggregates({
    ...{ stations: [...stations], quantity, from, to, by: 'span', limit: Math.max(1, stations.length) },
  });
  const first = spans.at.reduce((least, at) => Math.min(least, at), Number.POSITIVE_INFINITY);
  if (!(last > first))
    throw new AtalaiaError(
      'ATL_INPUT',
      `The archive has no hours of ${quantity}. Import its history (atalaia import).`,
    );
  return Math.floor((first + FITTED_SHARE * (Math.min(to, last) - first)) / HOUR_MS) * HOUR_MS;
}

export interface NowcastFit {
  readonly archive: Archive;
  readonly stations: readonly string[];
  readonly quantity: string;
  /** Hours ahead. */
  readonly horizons: readonly number[];
  readonly from: number;
  /** Undefined: three quarters of the history. */
  readonly fittedTo: number | undefined;
  readonly now: number;
  readonly onStation?: (done: number) => void;
}

/** Fits all stations, one at a time. Rejects with ATL_INPUT when none has enough history. */
export async function fitNowcasts(fit: NowcastFit): Promise<NowcastTable> {
  const { archive, quantity, horizons, from, onStation } = fit;
  const ids = fit.stations.toSorted();
  const fittedTo = fit.fittedTo ?? (await defaultEnd(archive, ids, quantity, from, fit.now));
  const known = quantities.get(quantity);
  const least = known?.nonNegative ? 0 : null;
  const stations: Record<string, readonly Nowcast[]> = {};
  for (const [index, id] of ids.entries()) {
    const series = await seriesOf(archive, id, quantity, from, fittedTo);
    const fitted = series
      ? horizons.flatMap((horizon) => fitNowcast(seriesBefore(series, fittedTo), horizon, least) ?? [])
      : [];
    if (fitted.length > 0) stations[id] = fitted;
    onStation?.(index + 1);
  }
  if (Object.keys(stations).length === 0)
    throw new AtalaiaError(
      'ATL_INPUT',
      `No station has the two weeks of hourly ${quantity} that a nowcast needs. Import its history (atalaia import).`,
    );
  return {
    kind: 'nowcast',
    version: 1,
    quantity,
    measure: nowcastMeasure(quantity),
    from,
    fittedTo,
    stations,
  };
}

/** Keeps the table in the ledger and names it as the newest of its quantity; returns its hash. */
export async function keepNowcasts(ledger: Ledger, table: NowcastTable): Promise<string> {
  const hash = await ledger.putDocument(toDocument(table).bytes);
  await ledger.putMeta(metaOf(table.quantity), hash);
  return hash;
}

/** The newest table of a quantity. Rejects with ATL_NOT_FOUND when none was fitted. */
export async function readNowcasts(
  ledger: Ledger,
  quantity: string,
): Promise<{ readonly hash: string; readonly table: NowcastTable }> {
  const hash = await ledger.meta(metaOf(quantity));
  const bytes = hash === undefined ? undefined : await ledger.document(hash);
  if (hash === undefined || !bytes)
    throw new AtalaiaError(
      'ATL_NOT_FOUND',
      `No nowcast of ${quantity} was fitted. Run atalaia nowcast fit --quantity ${quantity}.`,
    );
  return { hash, table: JSON.parse(Buffer.from(bytes).toString('utf8')) as NowcastTable };
}

/** Scores out of sample: forecasts made from `from` on and answered before `to`. Rejects with ATL_USAGE for hours that were fitted to. */
export async function scoreNowcasts(
  archive: Archive,
  table: NowcastTable,
  { from = table.fittedTo, to }: { readonly from?: number | undefined; readonly to: number },
): Promise<readonly ScoreRow[]> {
  if (from < table.fittedTo)
    throw new AtalaiaError(
      'ATL_USAGE',
      `--from is before ${new Date(table.fittedTo).toISOString()}, up to which the nowcast was fitted: such a score would praise itself. Begin there or later.`,
    );
  const rows: ScoreRow[] = [];
  for (const [station, nowcasts] of Object.entries(table.stations)) {
    const series = await seriesOf(archive, station, table.quantity, from - WARM_UP_MS, to);
    for (const nowcast of nowcasts) {
      const scores = series && scoreNowcast(nowcast, series, from);
      if (scores) rows.push({ station, horizon: nowcast.horizon, scores });
    }
  }
  return rows;
}

/** One row for each horizon over all stations, each forecast counting once. */
export function overAll(rows: readonly ScoreRow[]): readonly ScoreRow[] {
  return [...new Set(rows.map(({ horizon }) => horizon))].map((horizon) => {
    const some = rows.filter((row) => row.horizon === horizon);
    const n = some.reduce((sum, { scores }) => sum + scores.n, 0);
    const mean = (pick: (scores: Scores) => number): number =>
      some.reduce((sum, { scores }) => sum + (pick(scores) * scores.n) / n, 0);
    const entries = models.map((name) => [
      name,
      {
        mae: mean((scores) => scores[name].mae),
        pinball: mean((scores) => scores[name].pinball),
        within: mean((scores) => scores[name].within),
      },
    ]);
    return { station: 'all', horizon, scores: { ...Object.fromEntries(entries), n } as Scores };
  });
}

/**
 * Forecasts of hours that end after `now`, made from the whole hours that the archive has before it; a station whose last
 * hours are not there has none.
 */
export async function newestForecasts(archive: Archive, table: NowcastTable, at: number) {
  const now = Math.floor(at / HOUR_MS) * HOUR_MS;
  const found: (NonNullable<ReturnType<typeof forecastNext>> & { station: string; horizon: number })[] = [];
  for (const [station, nowcasts] of Object.entries(table.stations)) {
    const series = await seriesOf(archive, station, table.quantity, now - WARM_UP_MS, now);
    for (const nowcast of nowcasts) {
      const next = series && forecastNext(nowcast, series);
      if (next && next.at >= now) found.push({ station, horizon: nowcast.horizon, ...next });
    }
  }
  return found;
}
