import type { DoorRequest } from '../src/api/deps.ts';
import { type HttpSourceConfig, sourcesConfig } from '../src/app/config/source-config.ts';
import { openDoors } from '../src/app/intake/doors.ts';
import { ClockOffsets } from '../src/ingest/clock-offsets.ts';
import { openScenario } from '../src/ingest/scenario.ts';
import { invariant } from '../src/lib/errors.ts';
import { encodeRecords } from '../src/log/record-codec.ts';
import type { Report } from '../src/model/report.ts';
import { SECOND_MS } from '../src/model/time.ts';
import { type Dress, dresses } from './dress.ts';
import { median, round3 } from './figures.ts';

export interface DoorCase {
  readonly door: string;
  readonly format: string;
  readonly messages: number;
  readonly readings: number;
  readonly bytes: number;
  /** Processor time of the whole door over that of the parser of the format alone (JSON.parse, URLSearchParams or split). */
  readonly timeToParserAlone: number;
  /** Readings a second of one core: on this machine only. */
  readonly readingsPerSecond: number;
  readonly parserReadingsPerSecond: number;
}

export interface DoorsOptions {
  readonly runs: number;
  /** Reports of the recording that are sent, at most 10,872. */
  readonly reports: number;
  readonly onProgress?: (text: string) => void;
}

/** What stands at a door, from the bytes on: key, format, gate, record of the log. Network and disk are none of it. */
export async function benchDoors(options: DoorsOptions): Promise<{
  readonly doors: readonly DoorCase[];
  readonly runs: number;
}> {
  const storm = openScenario(new URL('../scenarios/rs-2024', import.meta.url).pathname);
  const reports = [...storm.reports()].slice(0, options.reports);
  const doors: DoorCase[] = [];
  for (const dress of dresses) {
    options.onProgress?.(dress.name);
    doors.push(await measure(dress, reports, options.runs));
  }
  return { doors, runs: options.runs };
}

async function measure(dress: Dress, reports: readonly Report[], runs: number): Promise<DoorCase> {
  const messages = reports.map((report) => {
    const { fields, body = '' } = dress.dress(report, false);
    return { query: fields?.toString() ?? '', body: Buffer.from(body), at: report.observedAt };
  });
  let readings = 0;
  let now = 0;
  const stations = Object.fromEntries(reports.map(({ station }) => [dress.theirs(station), station]));
  const take = openDoors({
    doors: sourcesConfig.parse([
      { kind: 'http', name: 'door', stations, ...dress.source },
    ]) as HttpSourceConfig[],
    intake: {
      append: async (taken) => {
        encodeRecords(taken.map((report) => ({ kind: 'report', report })));
        for (const { values } of taken) readings += values.length;
        return new Set();
      },
      station: () => undefined,
      clocks: new ClockOffsets(),
    },
    forecast: async () => ({ accepted: 0, rejected: [] }),
    now: () => now,
    onCounted: () => undefined,
  });
  const requestOf = ({ query, body }: (typeof messages)[number]): DoorRequest => ({
    ...{ name: 'door', fields: new URLSearchParams(query), body, bearer: undefined },
  });
  const [whole, alone]: [number[], number[]] = [[], []];
  // The first of the runs warms both up.
  for (let run = 0; run <= runs; run++) {
    readings = 0;
    const door = await timed(async () => {
      for (const message of messages) {
        now = message.at;
        await take(requestOf(message));
      }
    });
    const parser = await timed(async () => {
      let kept = 0;
      for (const { query, body } of messages) kept += parsed(dress.source.format, query, body);
      invariant(kept > 0, 'the parser read nothing');
    });
    if (run === 0) continue;
    whole.push(door);
    alone.push(parser);
  }
  return {
    ...{ door: dress.name, format: dress.source.format, messages: messages.length, readings },
    bytes: messages.reduce((sum, { query, body }) => sum + query.length + body.length, 0),
    timeToParserAlone: round3(median(whole.map((ms, run) => ms / (alone[run] as number)))),
    readingsPerSecond: Math.round((readings * SECOND_MS) / median(whole)),
    parserReadingsPerSecond: Math.round((readings * SECOND_MS) / median(alone)),
  };
}

/** The least that reads the form: no meaning, no check. */
function parsed(format: string, query: string, body: Buffer): number {
  if (format === 'csv')
    return body
      .toString('utf8')
      .split('\n')
      .reduce((sum, line) => sum + line.split(';').length, 0);
  const text = query === '' ? body.toString('utf8') : query;
  if (format === 'ecowitt' || format === 'wunderground') return [...new URLSearchParams(text)].length;
  return JSON.parse(text) === null ? 0 : 1;
}

/** Processor time of this thread, ms. */
async function timed(work: () => Promise<void>): Promise<number> {
  const from = process.threadCpuUsage();
  await work();
  const { user, system } = process.threadCpuUsage(from);
  return (user + system) / 1000;
}
