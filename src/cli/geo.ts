import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { importBorders, printBorders } from '../ingest/geo/borders.ts';
import { AtalaiaError } from '../lib/errors.ts';
import type { Command } from './command.ts';

const MAX_FILE_BYTES = 1_000_000_000;
const SHOWN = 20;

const usage = `atalaia geo import FILE [--out borders.geojson] [--tolerance 100] [--max-points 300] [--strict]

Makes the borders of municipalities for CAP messages of the mesh that the IBGE publishes: GeoJSON, TopoJSON, or a zipped
shapefile, in SIRGAS 2000 or WGS 84. Name the file it writes in the configuration: borders: borders.geojson

  --out FILE       where to write (default: borders.geojson); - is standard output
  --tolerance M    how far a border may move, metres, 0 to 10000 (default: 100)
  --max-points N   points of one municipality at most, 4 to 10000 (default: 300)
  --code NAME      the property that holds the IBGE code (default: CD_MUN, codarea and others in use)
  --name NAME      the property that holds the name (default: NM_MUN and others in use)
  --strict         end with status 1 when a feature was refused

What was read and refused is told on standard error. The same file gives the same bytes.

Example:
  atalaia geo import RS_Municipios_2024.zip --out borders.geojson

Exit status: 0 written; 1 nothing usable, or refused with --strict; 2 wrong usage.
`;

/** `atalaia geo import`: borders of municipalities out of the mesh of the IBGE. */
export const geoCommand: Command = {
  usage,
  async run(argv, io) {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        out: { type: 'string', default: 'borders.geojson' },
        tolerance: { type: 'string', default: '100' },
        'max-points': { type: 'string', default: '300' },
        code: { type: 'string' },
        name: { type: 'string' },
        strict: { type: 'boolean', default: false },
      },
    });
    const [verb, file, ...more] = positionals;
    if (verb !== 'import' || file === undefined || more.length > 0)
      throw new AtalaiaError('ATL_USAGE', `Give import and one file.\n\n${usage}`);
    const { borders, read, refused, coarser, holes } = importBorders(readFile(file), file, {
      tolerance: numberOf(values.tolerance, 'tolerance', 0, 10_000),
      most: Math.floor(numberOf(values['max-points'], 'max-points', 4, 10_000)),
      ...(values.code === undefined ? {} : { code: values.code }),
      ...(values.name === undefined ? {} : { name: values.name }),
    });
    for (const text of [...refused, ...coarser].slice(0, SHOWN)) io.stderr.write(`  ${text}\n`);
    const hidden = refused.length + coarser.length - SHOWN;
    if (hidden > 0) io.stderr.write(`  and ${hidden} more\n`);
    if (borders.length === 0)
      throw new AtalaiaError(
        'ATL_INPUT',
        `${file} has no municipality that can be used; nothing is written.`,
      );
    const text = printBorders(borders);
    if (values.out === '-') io.stdout.write(text);
    const state = values.out === '-' ? 'written' : write(values.out, text);
    io.stderr.write(
      `${read} read, ${borders.length} taken, ${refused.length} refused, ${coarser.length} simplified further, ${holes} holes filled; ${values.out} ${state}\n`,
    );
    return values.strict && refused.length > 0 ? 1 : 0;
  },
};

function numberOf(text: string, name: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most))
    throw new AtalaiaError('ATL_USAGE', `--${name} ${text} must be a number from ${least} to ${most}.`);
  return value;
}

function readFile(file: string): Buffer {
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size !== undefined && size > MAX_FILE_BYTES)
    throw new AtalaiaError(
      'ATL_INPUT',
      `${file} has more than 1 GB. Give the zipped shapefile of one state.`,
    );
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new AtalaiaError('ATL_INPUT', `${file} cannot be read. Name the mesh of municipalities.`, {
      cause,
    });
  }
}

/** The whole file or none of it: a server may read it at any time. */
function write(path: string, text: string): 'written' | 'unchanged' {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return 'unchanged';
  try {
    writeFileSync(`${path}.part`, text);
    renameSync(`${path}.part`, path);
  } catch (cause) {
    throw new AtalaiaError('ATL_INPUT', `${path} cannot be written. Name another file with --out.`, {
      cause,
    });
  }
  return 'written';
}
