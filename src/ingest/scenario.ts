import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { AtalaiaError } from '../lib/errors.ts';
import type { Report } from '../model/report.ts';
import type { Station } from '../model/station.ts';
import { layoutOf } from './layout.ts';
import { parseStations } from './stations.ts';

/** A recorded storm: stations and all their reports. */
export interface Scenario {
  readonly name: string;
  /** First and last `observedAt`, epoch ms. */
  readonly startAt: number;
  readonly endAt: number;
  readonly stations: readonly Station[];
  /** Sorted by (receivedAt, station). */
  reports(): Iterable<Report>;
}

interface Header {
  readonly format: 'atalaia-scenario-1';
  readonly name: string;
  readonly startAt: number;
  readonly stepMs: number;
  readonly steps: number;
  readonly stations: readonly string[];
  readonly quantities: readonly string[];
}

/** Reports of a regular network, [quantity][station × steps + step]; NaN is missing. */
export interface ScenarioGrid {
  readonly header: Header;
  readonly columns: readonly Float64Array[];
}

const MAX_UNPACKED = 64 * 1024 * 1024;
export const STORM_FILE = 'storm.bin.gz';

/**
 * The storm as bytes (before gzip): length of the JSON header as 4 bytes big-endian, the header, then per quantity and
 * station the steps in order as LEB128 numbers: 0 missing, else 1 + zigzag of the difference from the value before.
 */
export function encodeGrid(grid: ScenarioGrid): Uint8Array {
  const header = Buffer.from(JSON.stringify(grid.header));
  const bytes: number[] = [];
  const { steps } = grid.header;
  for (const column of grid.columns) {
    for (let i = 0, before = 0; i < column.length; i++) {
      if (i % steps === 0) before = 0;
      const value = column[i] as number;
      if (Number.isNaN(value)) {
        bytes.push(0);
        continue;
      }
      const delta = value - before;
      let n = 1 + (delta >= 0 ? delta * 2 : -delta * 2 - 1);
      for (; n >= 128; n = Math.floor(n / 128)) bytes.push((n % 128) | 128);
      bytes.push(n);
      before = value;
    }
  }
  const size = Buffer.alloc(4);
  size.writeUInt32BE(header.length);
  return Buffer.concat([size, header, Buffer.from(bytes)]);
}

/** Reads what {@link encodeGrid} wrote. @throws AtalaiaError ATL_INPUT when it is something else */
export function decodeGrid(bytes: Uint8Array, file: string): ScenarioGrid {
  const damaged = (): AtalaiaError =>
    new AtalaiaError('ATL_INPUT', `${file} is damaged; take it again from the release.`);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 4 || buffer.readUInt32BE(0) > buffer.length - 4) throw damaged();
  const end = 4 + buffer.readUInt32BE(0);
  let header: Header;
  try {
    header = JSON.parse(buffer.toString('utf8', 4, end)) as Header;
  } catch {
    throw damaged();
  }
  if (header.format !== 'atalaia-scenario-1') throw damaged();
  let at = end;
  const next = (): number => {
    for (let n = 0, place = 1; ; place *= 128) {
      const byte = buffer[at++];
      if (byte === undefined || place > 2 ** 42) throw damaged();
      n += (byte & 127) * place;
      if (byte < 128) return n;
    }
  };
  const columns = header.quantities.map(() => {
    const column = new Float64Array(header.stations.length * header.steps);
    for (let i = 0, before = 0; i < column.length; i++) {
      if (i % header.steps === 0) before = 0;
      const n = next();
      if (n > 0) before += n % 2 === 1 ? (n - 1) / 2 : -n / 2;
      column[i] = n > 0 ? before : Number.NaN;
    }
    return column;
  });
  if (at !== buffer.length) throw damaged();
  return { header, columns };
}

/**
 * Opens a folder of scenarios/ (stations.csv and storm.bin.gz).
 * @throws AtalaiaError ATL_INPUT when a file is missing or damaged
 */
export function openScenario(directory: string): Scenario {
  const file = join(directory, STORM_FILE);
  let bytes: Buffer;
  let text: string;
  try {
    bytes = gunzipSync(readFileSync(file), { maxOutputLength: MAX_UNPACKED });
    text = readFileSync(join(directory, 'stations.csv'), 'utf8');
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_INPUT',
      `The scenario ${directory} cannot be read; it needs stations.csv and ${STORM_FILE}.`,
      { cause },
    );
  }
  const { stations, problems } = parseStations(text, join(directory, 'stations.csv'));
  if (problems[0] !== undefined) throw new AtalaiaError('ATL_INPUT', problems[0]);
  const grid = decodeGrid(bytes, file);
  const { name, startAt, stepMs, steps } = grid.header;
  return { name, startAt, endAt: startAt + (steps - 1) * stepMs, stations, reports: () => gridReports(grid) };
}

/** Reports of a grid, sorted by (receivedAt, station); `receivedAt` = `observedAt`. */
export function* gridReports({ header, columns }: ScenarioGrid): Generator<Report> {
  const { stations, steps, startAt, stepMs } = header;
  const order = stations.map((id, index) => ({ id, index })).sort((a, b) => (a.id < b.id ? -1 : 1));
  for (let step = 0; step < steps; step++) {
    const observedAt = startAt + step * stepMs;
    for (const { id, index } of order) {
      const names: string[] = [];
      const values: number[] = [];
      for (const [q, column] of columns.entries()) {
        const value = column[index * steps + step] as number;
        if (Number.isNaN(value)) continue;
        names.push(header.quantities[q] as string);
        values.push(value);
      }
      // The header lists quantities in the order of the layout.
      if (names.length > 0)
        yield {
          station: id,
          observedAt,
          intervalMs: stepMs,
          receivedAt: observedAt,
          quantities: layoutOf(names),
          values,
        };
    }
  }
}
