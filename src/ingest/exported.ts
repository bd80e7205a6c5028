import { AtalaiaError } from '../lib/errors.ts';
import { parseInstant } from '../model/time.ts';
import { csvRows } from './decode/csv.ts';
import type { RawReading, RawReport } from './decode/report.ts';
import { lineBlocks } from './lines.ts';

const needed = ['station', 'quantity', 'observedAt', 'intervalMs', 'receivedAt', 'value', 'unit'] as const;

export interface ExportedReport {
  readonly raw: RawReport;
  /** Line of its first reading in the file. */
  readonly line: number;
  /** Epoch ms. */
  readonly receivedAt: number;
  readonly intervalMs: number;
}

/** True for the first line of what `atalaia export` writes as CSV. */
export const isExportHeader = (line: string): boolean => {
  const names = line.split(',');
  return needed.every((name) => names.includes(name));
};

/**
 * The reports of an archive's export (CSV, gzip too; docs/formats/archive.md), which has a row for each reading, sorted by
 * station, quantity and time: those of a station that were observed and received together are one report again. Flags are
 * not taken over: whoever folds the file judges the readings anew. A station at a time is held in memory.
 * @throws AtalaiaError ATL_INPUT, with the line, for a file that is cut or not sorted by station
 */
export async function* exportedReports(path: string): AsyncGenerator<readonly ExportedReport[]> {
  let places: ReadonlyMap<string, number> | undefined;
  let line = 0;
  let open = new OneStation('');
  const past = new Set<string>();
  const bad = (why: string): AtalaiaError => new AtalaiaError('ATL_INPUT', `${path}, line ${line}: ${why}`);
  for await (const block of lineBlocks(path, 'utf8')) {
    for (const text of block) {
      line++;
      if (text === '') continue;
      const fields = [...csvRows(text)][0]?.fields ?? [];
      if (places === undefined) {
        if (!isExportHeader(text)) throw bad('this is not the header of an export; use --format csv.');
        places = new Map(fields.map((name, i) => [name, i]));
        continue;
      }
      if (fields.length !== places.size)
        throw bad(`${fields.length} fields, the header has ${places.size}; the file is cut or was edited.`);
      const of = (name: (typeof needed)[number]): string => fields[places?.get(name) as number] as string;
      const [receivedAt, intervalMs] = [parseInstant(of('receivedAt')), Number(of('intervalMs'))];
      if (receivedAt === undefined || !Number.isSafeInteger(intervalMs) || intervalMs < 0)
        throw bad('receivedAt must be an instant, intervalMs a number of milliseconds.');
      if (of('station') !== open.station) {
        yield open.reports();
        past.add(open.station);
        open = new OneStation(of('station'));
        if (past.has(open.station))
          throw bad(`${open.station} comes a second time; sort the file by station.`);
      }
      const value = of('value');
      const reading = {
        quantity: of('quantity'),
        value: value === '' ? null : Number(value),
        unit: of('unit') || undefined,
      };
      open.add({ observedAt: of('observedAt'), receivedAt, intervalMs, line }, reading);
    }
  }
  yield open.reports();
}

interface Place {
  readonly observedAt: string;
  readonly receivedAt: number;
  readonly intervalMs: number;
  readonly line: number;
}

/** The readings of one station, joined to reports. */
class OneStation {
  readonly station: string;
  readonly #found = new Map<string, Place & { readonly readings: RawReading[] }>();

  constructor(station: string) {
    this.station = station;
  }

  add(place: Place, reading: RawReading): void {
    const key = `${place.observedAt} ${place.receivedAt} ${place.intervalMs}`;
    const report = this.#found.get(key);
    if (report === undefined) this.#found.set(key, { ...place, readings: [reading] });
    else report.readings.push(reading);
  }

  reports(): ExportedReport[] {
    return [...this.#found.values()].map(({ observedAt, receivedAt, intervalMs, line, readings }) => ({
      raw: {
        station: this.station,
        observedAt,
        interval: intervalMs === 0 ? undefined : `PT${intervalMs / 1000}S`,
        readings,
      },
      ...{ line, receivedAt, intervalMs },
    }));
  }
}
