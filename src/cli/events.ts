import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseObserved } from '../app/intake/observed-csv.ts';
import { systemClock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { eventKinds, type ObservedEvent } from '../model/observed-event.ts';
import { formatInstant } from '../model/time.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { row, withAccess } from './access-store.ts';
import type { Command, CommandIo } from './command.ts';
import { readAreas } from './start.ts';

const usage = `atalaia events import FILE… | list [--config FILE]

What happened (floods, landslides, hail), to be matched with the alerts that were sent: GET /api/v1/verification. Files are
CSV with a header of hazard,area,latitude,longitude,km,level,from,to,note,source in any order; area is a region's code or a
named area, else give a point; km, level and note may be missing. An event that is in already adds nothing; one bad row, and
nothing of its file is taken.

  --config FILE     the configuration (default: atalaia.yaml); the server may run

hazard is one of ${[...eventKinds.keys()].join(', ')}.
\`list\` prints id, hazard, place, level, from, to, source and note, with tabs between.

Examples:
  atalaia events import ocorrencias-2024.csv
  atalaia events list | grep flood
`;

const PAGE = 1000;
const wrong = (why: string): AtalaiaError =>
  new AtalaiaError('ATL_USAGE', `events: ${why}. See atalaia events --help.`);

const placeOf = ({ place }: ObservedEvent): string =>
  'area' in place ? place.area : `${place.latitude},${place.longitude} ${place.km} km`;

async function list(ledger: Ledger, io: CommandIo): Promise<number> {
  for (let before: string | undefined; ; ) {
    const page = await ledger.observed({ limit: PAGE, ...(before === undefined ? {} : { before }) });
    for (const event of page) {
      const { id, hazard, level = '-', from, to, source, note } = event;
      const [begins, ends] = [formatInstant(from), formatInstant(to)];
      io.stdout.write(row([id, hazard, placeOf(event), level, begins, ends, source, note]));
    }
    before = page.at(-1)?.id;
    if (page.length < PAGE) return 0;
  }
}

function read(file: string): readonly ObservedEvent[] {
  try {
    return parseObserved(readFileSync(file, 'utf8'), file, systemClock.now());
  } catch (error) {
    if (error instanceof AtalaiaError) throw error;
    throw new AtalaiaError('ATL_INPUT', `${file} cannot be read: ${(error as Error).message}.`);
  }
}

export const eventsCommand: Command = {
  usage,
  async run(argv, io) {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: { config: { type: 'string' } },
    });
    const [verb, ...files] = positionals;
    if (verb === 'list' && files.length === 0)
      return withAccess(values.config, (_access, _config, ledger) => list(ledger, io));
    if (verb !== 'import' || files.length === 0) throw wrong('import FILE… or list');
    // Before anything is changed: a bad row is told at once.
    const found = files.map((file) => [file, read(file)] as const);
    const change = { action: 'events.import', subject: files.join(', ').slice(0, 300) };
    return withAccess(
      values.config,
      async (_access, config, ledger) => {
        const stations = await ledger.stations();
        const known = new Set([
          ...stations.map(({ region }) => region),
          ...readAreas(config, stations).map(({ id }) => id),
        ]);
        for (const [file, events] of found) {
          const added = await ledger.putObserved(events);
          io.stdout.write(`${file}: ${added} of ${events.length} events are new\n`);
          const lost = events.filter(({ place }) => 'area' in place && !known.has(place.area));
          const codes = [...new Set(lost.map(placeOf))].slice(0, 10).join(', ');
          if (lost.length > 0)
            io.stderr.write(
              `${file}: ${lost.length} events in areas without a station can only be missed: ${codes}\n`,
            );
        }
        return 0;
      },
      change,
    );
  },
};
