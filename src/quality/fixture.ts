import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFiles } from '../ingest/files.ts';
import { parseStations } from '../ingest/stations.ts';
import type { Station } from '../model/station.ts';
import { checkStation, type Sample, type Verdicts } from './station-checks.ts';

const folder = join(import.meta.dirname, '../../../shared/data/weather/inmet-hourly');
export const hasRecordings = existsSync(folder);
export const needsRecordings = hasRecordings
  ? ''
  : ' (skipped: ../shared/data/weather/inmet-hourly is absent)';

/** A recorded station of INMET with the verdicts of all its readings. */
export interface RecordedStation {
  readonly station: Station;
  readonly samples: readonly Sample[];
  readonly verdicts: readonly Verdicts[];
}

/** Files of a folder of recordings, by the codes of their stations. */
export const recordedCodes = (event: string): string[] =>
  readdirSync(join(folder, event)).map((name) => name.split('_')[3] as string);

export async function recorded(event: string, code: string): Promise<RecordedStation> {
  const name = readdirSync(join(folder, event)).find((file) => file.includes(`_${code}_`));
  if (!name) throw new Error(`${event} has no file of ${code}`);
  return judged(join(folder, event, name), code);
}

const namedDays = join(import.meta.dirname, '../../test/fixtures/inmet-named');

/** Some days of a station, kept with the tests. */
export const recordedDays = (name: string): Promise<RecordedStation> => {
  const file = join(namedDays, 'stations.csv');
  const { stations } = parseStations(readFileSync(file, 'utf8'), file);
  const station = stations.find(({ id }) => id === name.slice(0, 4)) as Station;
  return judged(join(namedDays, `${name}.ndjson.gz`), station);
};

/** The readings of a file, judged; the station is what the file says it is, unless it is given. */
async function judged(path: string, told: string | Station): Promise<RecordedStation> {
  const files = await openFiles([path]);
  const samples: Sample[] = [];
  for await (const { observedAt, intervalMs, quantities, values } of files)
    samples.push({
      at: observedAt,
      intervalMs,
      readings: new Map(quantities.map((quantity, i) => [quantity, (values[i] as number) / 1000])),
    });
  const station = typeof told === 'string' ? (files.stations.get(told) as Station) : told;
  return { station, samples, verdicts: checkStation(station, samples) };
}
