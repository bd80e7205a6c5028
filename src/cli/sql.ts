import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Config } from '../app/config/schema.ts';
import { askArchive } from '../app/question.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { parseSpan } from '../model/time.ts';
import { parseBytes } from '../rules/budget.ts';
import type { SqlAnswer, SqlValue } from '../store/archive/question.ts';
import { configOfArchive } from './archive-place.ts';
import type { Command } from './command.ts';

const usage = `atalaia sql 'SELECT …' [--format table|csv|json] [--lake DIR] [--config FILE] [--data DIR]

Asks the archive in its own SQL (DuckDB or PostgreSQL) and changes nothing: one question, no file, no address.

  --format table|csv|json  form of the answer (default: table)
  --lake DIR               ask the Parquet files of a lake (view observations), also while the server runs
  --timeout SPAN           longest time (default: 30s; 1h at most)
  --limit N                rows at most (default: 10000; 1000000 at most)
  --memory SIZE            memory of the engine (default: 1GiB)
  --config FILE            the configuration (default: atalaia.yaml, when there is one)
  --data DIR               data folder (default: that of the configuration)

Examples:
  atalaia sql "SELECT station, max(value) / 1000.0 AS mm FROM readings WHERE quantity = 'rainfall' GROUP BY station"
  atalaia sql --lake /srv/lake --format csv "SELECT year, month, count(*) FROM observations GROUP BY ALL"

The tables are described in docs/formats/archive.md, the lake in docs/lake.md. An embedded archive is asked while the
server is stopped. Exit status: 1 refused, too long or too large; 2 wrong usage; 78 wrong configuration.
`;

const HOUR_MS = 3_600_000;
const formats = { table, csv, json };

/** `atalaia sql`: one question to the archive or a lake. */
export const sqlCommand: Command = {
  usage,
  async run(argv, io) {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        format: { type: 'string', default: 'table' },
        lake: { type: 'string' },
        timeout: { type: 'string', default: '30s' },
        limit: { type: 'string', default: '10000' },
        memory: { type: 'string', default: '1GiB' },
        config: { type: 'string' },
        data: { type: 'string' },
      },
    });
    const [sql, ...more] = positionals;
    if (sql === undefined || more.length > 0)
      throw wrong(`Give one question in quotes; these are ${positionals.length} arguments.`);
    const write = Object.entries(formats).find(([name]) => name === values.format)?.[1];
    if (!write) throw wrong(`--format is ${values.format}. Give table, csv or json.`);
    const timeoutMs = parseSpan(values.timeout) ?? 0;
    if (timeoutMs <= 0 || timeoutMs > HOUR_MS)
      throw wrong(`--timeout is ${values.timeout}. Give a span such as 30s, 1h at most.`);
    const limit = Number(values.limit);
    if (!Number.isInteger(limit) || limit < 1 || limit > 1_000_000)
      throw wrong(`--limit is ${values.limit}. Give a whole number from 1 to 1000000.`);
    const memoryMb = Math.floor((parseBytes(values.memory) ?? 0) / 1e6);
    if (memoryMb < 64) throw wrong(`--memory is ${values.memory}. Give a size such as 1GiB, 64MiB at least.`);
    const question = { sql, timeoutMs, limit, memoryMb };
    const answer = await askArchive(placeOf(values), question);
    io.stdout.write(write(answer));
    if (answer.isCut)
      io.stderr.write(`only the first ${limit} rows; there are more: narrow the question, or give --limit\n`);
    return 0;
  },
};

const wrong = (message: string): AtalaiaError => new AtalaiaError('ATL_USAGE', message);

function placeOf(values: {
  readonly lake?: string;
  readonly config?: string;
  readonly data?: string;
}): { readonly lake: string } | { readonly config: Config } {
  if (values.lake !== undefined) {
    const lake = resolve(values.lake);
    if (existsSync(lake)) return { lake };
    throw new AtalaiaError('ATL_NOT_FOUND', `No folder ${lake}. Give the folder of a lake with --lake DIR.`);
  }
  return { config: configOfArchive(values) };
}

const text = (value: SqlValue): string => (value === null ? '' : String(value));
// biome-ignore lint/suspicious/noControlCharactersInRegex: what a database holds must not steer a terminal
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

function table({ columns, rows }: SqlAnswer): string {
  const cells = [columns, ...rows.map((row) => row.map(text))].map((row) =>
    row.map((cell) => cell.replace(CONTROL, ' ')),
  );
  const widths = columns.map((_, i) => cells.reduce((most, row) => Math.max(most, row[i]?.length ?? 0), 0));
  const isNumber = columns.map((_, i) => rows.every((row) => row[i] === null || typeof row[i] === 'number'));
  const lines = cells.map((row) =>
    row
      .map((cell, i) => (isNumber[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return `${lines.join('\n')}\n`;
}

/** RFC 4180 with LF; null is empty, an empty text is quoted. */
function csv({ columns, rows }: SqlAnswer): string {
  const cell = (value: SqlValue): string => {
    const plain = text(value);
    return value === '' || /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
  };
  return `${[columns, ...rows].map((row) => row.map(cell).join(',')).join('\n')}\n`;
}

function json({ columns, rows }: SqlAnswer): string {
  const objects = rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i] ?? null])));
  return `[${objects.map((object) => `\n  ${JSON.stringify(object)}`).join(',')}\n]\n`;
}
