import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadConfig } from '../app/config/config.ts';
import { directoryOf } from '../app/config/roster-config.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { shiftsBetween } from '../model/roster.ts';
import { DAY_MS, parseInstant } from '../model/time.ts';
import { wallAt } from '../model/wall-time.ts';
import { row } from './access-store.ts';
import type { Command } from './command.ts';

const usage = `atalaia rosters show [NAME…] [--at INSTANT] [--days N] [--config FILE]

Who is on duty by the rosters of the configuration: name, from, to (in the zone of the roster) and person, with tabs between.

  --at INSTANT      at this instant, such as 2026-12-24T20:00:00-03:00 (default: now)
  --days N          and so many days from then on, 0 to 366 (default: 0, the one on duty alone)
  --config FILE     the configuration (default: atalaia.yaml)

Examples:
  atalaia rosters show
  atalaia rosters show plantao --days 30
`;

const MAX_SHIFTS = 10_000;

const shown = (at: number, timeZone: string): string =>
  new Date(wallAt(at, timeZone)).toISOString().slice(0, 16).replace('T', ' ');

export const rostersCommand: Command = {
  usage,
  async run(argv, io) {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: { config: { type: 'string' }, at: { type: 'string' }, days: { type: 'string' } },
    });
    const [verb, ...names] = positionals;
    if (verb !== 'show') throw new AtalaiaError('ATL_USAGE', 'rosters: show. See atalaia rosters --help.');
    const at = values.at === undefined ? Date.now() : parseInstant(values.at);
    if (at === undefined)
      throw new AtalaiaError(
        'ATL_USAGE',
        `--at ${values.at} is no instant with a zone, such as 2024-04-30T06:00:00Z`,
      );
    const days = Number(values.days ?? 0);
    if (!Number.isInteger(days) || days < 0 || days > 366)
      throw new AtalaiaError('ATL_USAGE', `--days ${values.days} is not a whole number from 0 to 366`);
    const file = values.config ?? (existsSync('atalaia.yaml') ? 'atalaia.yaml' : null);
    const { rosters, people } = directoryOf(loadConfig(file, process.env));
    const known = Object.keys(rosters);
    if (known.length === 0) io.stderr.write('No roster is configured (docs/rosters.md).\n');
    for (const name of names)
      if (!known.includes(name))
        throw new AtalaiaError(
          'ATL_USAGE',
          `There is no roster ${name}. Configured are: ${known.join(', ') || 'none'}.`,
        );
    for (const [name, roster] of Object.entries(rosters)) {
      if (names.length > 0 && !names.includes(name)) continue;
      for (const { person, from, to } of shiftsBetween(
        roster,
        at,
        at + Math.max(1, days * DAY_MS),
        MAX_SHIFTS,
      )) {
        const [begin, end] = [from, to].map((one) => shown(one, roster.timeZone)) as [string, string];
        io.stdout.write(row([name, begin, end, `${people[person]?.name ?? person} (${person})`]));
      }
    }
    return 0;
  },
};
