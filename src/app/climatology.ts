import { AtalaiaError } from '../lib/errors.ts';
import { quantities } from '../model/quantity.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { HOUR_MS } from '../model/time.ts';
import { readsOf } from '../rules/reads.ts';
import { type ClimateOptions, type ClimateReads, climatologyTable } from '../statistics/climatology.ts';
import type { Hours } from '../statistics/hours.ts';
import { rowsOf } from '../store/archive/aggregates.ts';
import type { Archive } from '../store/archive/archive.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import type { Climatology, ClimatologyTable } from '../stream/climatology-reader.ts';
import { toDocument } from './documents.ts';

/** Hours held in memory at once, over all stations of a step. */
const HOURS_AT_ONCE = 400_000;

/** The ledger's named value that holds the hash of the newest climatology, which is in force from the next start on. */
export const CLIMATOLOGY_META = 'climatology';

/**
 * What these rules read of climatology, each thing once. Of a direction there is no percentile, of a span that is not of
 * whole hours no return period: such a reading stays unknown, and is told in `unknown`.
 */
export function climateReads(rules: readonly Rule[]): ClimateReads & { readonly unknown: readonly string[] } {
  const percentiles = new Map<string, ClimateReads['percentiles'][number]>();
  const returnPeriods = new Map<string, ClimateReads['returnPeriods'][number]>();
  const unknown = new Set<string>();
  for (const reads of rules.map(readsOf)) {
    for (const entry of reads.percentiles) {
      const text = `percentile(${entry.quantity}, ${entry.percent}, day-of-year)`;
      if (quantities.get(entry.quantity)?.unit === '°') unknown.add(text);
      else percentiles.set(text, entry);
    }
    for (const { quantity, aggregate, spanMs } of reads.returnPeriods) {
      const text = `returnPeriod(${aggregate}(${quantity}, ${spanMs} ms))`;
      const isKnown = aggregate === 'sum' || aggregate === 'max' || aggregate === 'avg';
      if (isKnown && spanMs % HOUR_MS === 0) returnPeriods.set(text, { quantity, aggregate, spanMs });
      else unknown.add(text);
    }
  }
  return {
    percentiles: [...percentiles.values()],
    returnPeriods: [...returnPeriods.values()],
    unknown: [...unknown],
  };
}

export interface ClimatologyBuild {
  readonly archive: Archive;
  readonly reads: ClimateReads;
  readonly stations: readonly Station[];
  readonly from: number;
  readonly to: number;
  readonly options: ClimateOptions;
  readonly onStation?: (station: Station, table: ClimatologyTable) => void;
}

/** Makes the tables of all stations from the archive's hours, some stations at a time; a station with none is left out. */
export async function buildClimatology(build: ClimatologyBuild): Promise<Climatology> {
  const names = [
    ...new Set([...build.reads.percentiles, ...build.reads.returnPeriods].map(({ quantity }) => quantity)),
  ];
  const sorted = build.stations.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const tables: Record<string, ClimatologyTable> = {};
  for (const some of await portions(build, sorted, names)) {
    const found = new Map<string, readonly Hours[]>();
    for (const quantity of names) {
      const rows = await build.archive.aggregates({
        ...asked(build, some, quantity),
        by: 'hour',
        limit: 1_000_000,
      });
      found.set(
        quantity,
        some.map((_, place) => rowsOf(rows, place)),
      );
    }
    some.forEach((station, place) => {
      const hoursOf = (quantity: string): Hours | undefined => found.get(quantity)?.[place];
      const table = climatologyTable(hoursOf, build.reads, station.timeZone, build.options);
      if (table.percentiles.length + table.extremes.length > 0) tables[station.id] = table;
      build.onStation?.(station, table);
    });
  }
  return { stations: tables };
}

const asked = ({ from, to }: ClimatologyBuild, stations: readonly Station[], quantity: string) => ({
  stations: stations.map(({ id }) => id),
  quantity,
  from,
  to,
});

/** Stations in portions whose hours fit in memory. */
async function portions(
  build: ClimatologyBuild,
  stations: readonly Station[],
  names: readonly string[],
): Promise<readonly (readonly Station[])[]> {
  const hours = new Float64Array(stations.length);
  for (const quantity of names) {
    const spans = await build.archive.aggregates({
      ...asked(build, stations, quantity),
      by: 'span',
      limit: Math.max(1, stations.length),
    });
    spans.count.forEach((count, i) => {
      const place = spans.station[i] as number;
      hours[place] = Math.max(hours[place] as number, Math.min(count, (build.to - build.from) / HOUR_MS));
    });
  }
  const result: Station[][] = [];
  let held = Number.POSITIVE_INFINITY;
  stations.forEach((station, i) => {
    held += hours[i] as number;
    if (held > HOURS_AT_ONCE) {
      result.push([]);
      held = hours[i] as number;
    }
    result.at(-1)?.push(station);
  });
  return result;
}

/** Keeps the document in the ledger and names it as the one to be in force; returns its hash. Throws ATL_INPUT when it is empty. */
export async function keepClimatology(ledger: Ledger, climatology: Climatology): Promise<string> {
  if (Object.keys(climatology.stations).length === 0)
    throw new AtalaiaError(
      'ATL_INPUT',
      'No station has the years that a climatology needs. Import its history (atalaia import), or ask for fewer years with --years.',
    );
  const hash = await ledger.putDocument(toDocument(climatology).bytes);
  await ledger.putMeta(CLIMATOLOGY_META, hash);
  return hash;
}
