// Makes scenarios/rs-2024 from INMET's yearly files: node scripts/make-scenario.ts FOLDER MUNICIPALITIES.csv [OUT]
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { csvRows } from '../src/ingest/decode/csv.ts';
import { openFiles } from '../src/ingest/files.ts';
import { layoutOf } from '../src/ingest/layout.ts';
import { encodeGrid, STORM_FILE } from '../src/ingest/scenario.ts';
import { formatStations } from '../src/ingest/stations.ts';
import { quantities } from '../src/model/quantity.ts';
import type { Report } from '../src/model/report.ts';
import type { Station } from '../src/model/station.ts';
import { HOUR_MS } from '../src/model/time.ts';

const START_AT = Date.UTC(2024, 3, 26, 0);
const END_AT = Date.UTC(2024, 4, 6, 23);
const STATE_CODE = '43';

/** Stations whose name is not their municipality's: name to show, municipality. */
const byHand: Record<string, readonly [name: string, municipality: string]> = {
  A801: ['Porto Alegre - Jardim Botânico', 'Porto Alegre'],
  A887: ['Capão do Leão (Pelotas)', 'Capão do Leão'],
  A899: ['Santa Vitória do Palmar - Barra do Chuí', 'Santa Vitória do Palmar'],
  B807: ['Porto Alegre - Belém Novo', 'Porto Alegre'],
  A804: ["Sant'Ana do Livramento", "Sant'Ana do Livramento"],
};

const plain = (name: string): string =>
  name
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .toUpperCase()
    .replace(/[^A-Z]+/g, ' ')
    .trim();

function municipalities(path: string): Map<string, { name: string; code: string }> {
  const result = new Map<string, { name: string; code: string }>();
  for (const { fields } of csvRows(readFileSync(path, 'utf8'))) {
    const [code = '', name = '', , , , state] = fields;
    if (state === STATE_CODE) result.set(plain(name), { name, code });
  }
  return result;
}

function adopt(station: Station, places: Map<string, { name: string; code: string }>): Station {
  const hand = byHand[station.id];
  const place = places.get(plain(hand?.[1] ?? station.name));
  if (place === undefined)
    throw new Error(
      `${station.id} ${station.name}: no municipality of that name; add it to the table by hand.`,
    );
  return {
    ...station,
    name: hand?.[0] ?? place.name,
    region: place.code,
    timeZone: 'America/Sao_Paulo',
    intervalMs: HOUR_MS,
  };
}

async function main(folder: string, municipalityFile: string, out: string): Promise<void> {
  const paths = readdirSync(folder)
    .filter((name) => /\.csv(\.gz)?$/i.test(name))
    .sort()
    .map((name) => join(folder, name));
  const files = await openFiles(paths, { format: 'inmet', from: START_AT, to: END_AT });
  const reports: Report[] = [];
  for await (const block of files.blocks()) reports.push(...block);
  const places = municipalities(municipalityFile);
  const stations = [...files.stations.values()]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((station) => adopt(station, places));
  const steps = (END_AT - START_AT) / HOUR_MS + 1;
  const names = layoutOf(
    [...quantities.keys()].filter((name) => reports.some((report) => report.quantities.includes(name))),
  );
  const columns = names.map(() => new Float64Array(stations.length * steps).fill(Number.NaN));
  const rank = new Map(stations.map((station, index) => [station.id, index]));
  let readings = 0;
  for (const report of reports) {
    const at = (rank.get(report.station) as number) * steps + (report.observedAt - START_AT) / HOUR_MS;
    for (const [i, name] of report.quantities.entries()) {
      (columns[names.indexOf(name)] as Float64Array)[at] = report.values[i] as number;
      readings++;
    }
  }
  const header = {
    format: 'atalaia-scenario-1',
    name: 'rs-2024',
    startAt: START_AT,
    stepMs: HOUR_MS,
    steps,
    stations: stations.map((station) => station.id),
    quantities: names,
  } as const;
  const raw = encodeGrid({ header, columns });
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, STORM_FILE), gzipSync(raw, { level: 9 }));
  writeFileSync(join(out, 'stations.csv'), formatStations(stations));
  const sha = createHash('sha256').update(raw).digest('hex');
  console.log(
    `${stations.length} stations, ${reports.length} reports, ${readings} readings, ${files.refusals.total()} refused; SHA-256 unpacked ${sha}`,
  );
}

const [folder, municipalityFile, out = 'scenarios/rs-2024'] = process.argv.slice(2);
if (folder === undefined || municipalityFile === undefined) {
  console.error('usage: node scripts/make-scenario.ts FOLDER MUNICIPALITIES.csv [OUT]');
  process.exitCode = 2;
} else await main(folder, municipalityFile, out);
