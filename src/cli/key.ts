import { parseArgs } from 'node:util';
import { addKey, rotateKey, unknownKey } from '../api/access/create.ts';
import { DEFAULT_PER_SECOND, OVERLAP_MS } from '../api/access/keys.ts';
import { systemClock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { isKeyValid, type KeyScope, type StationKey } from '../model/access.ts';
import { formatInstant, parseInstant, parseSpan } from '../model/time.ts';
import { listOf, row, withAccess } from './access-store.ts';
import type { Command, CommandIo } from './command.ts';

const usage = `atalaia key add NAME (--all | --stations A,B and/or --regions R,S) [--per-second N] [--ends INSTANT]
atalaia key list | rotate ID [--overlap 24h] | remove ID

What stations and gateways show when they send reports: Authorization: Bearer KEY, or X-Api-Key: KEY. A key is printed
once; the server keeps its hash. A running server hears of a change within seconds.

  --all              the key is good for every station
  --stations A,B     for these stations
  --regions R,S      for all stations of these regions
  --per-second N     requests a second for ever, ten times as many at once (default: ${DEFAULT_PER_SECOND})
  --ends INSTANT     valid before it, such as 2027-01-01T00:00:00Z (default: until it is removed)
  --overlap SPAN     how long the old key of a rotation lives on (default: 24h)
  --config FILE      the configuration (default: atalaia.yaml)

\`list\` prints id, name, scope, made, last used, end and state, with tabs between.

Examples:
  atalaia key add gateway --all > gateway.key
  atalaia key add "gauge of the bridge" --stations POA-1
  atalaia key rotate 3f9ac01b22d4 --overlap 7d > gateway.key
`;

interface Options {
  readonly all?: boolean;
  readonly stations?: string;
  readonly regions?: string;
  readonly 'per-second': string;
  readonly ends?: string;
  readonly overlap?: string;
}

const wrong = (why: string): AtalaiaError =>
  new AtalaiaError('ATL_USAGE', `key: ${why}. See atalaia key --help.`);

function scopeOf({ all = false, stations = '', regions = '' }: Options): KeyScope {
  const scope = { stations: listOf(stations), regions: listOf(regions) };
  const isNamed = scope.stations.length + scope.regions.length > 0;
  if (all === isNamed) throw wrong('say what it is for, either --all or --stations and --regions');
  return all ? 'all' : scope;
}

function newOf(name: string, options: Options): Parameters<typeof addKey>[1] {
  const perSecond = Number(options['per-second']);
  if (!(perSecond >= 0.001 && perSecond <= 1000)) throw wrong('--per-second must be from 0.001 to 1000');
  const endsAt = options.ends === undefined ? null : parseInstant(options.ends);
  if (endsAt === undefined) throw wrong(`--ends ${options.ends} is no instant with a zone`);
  return { name, scope: scopeOf(options), perSecond, endsAt, createdBy: 'command line' };
}

function show({ secret, kept }: { readonly secret: string; readonly kept: StationKey }, io: CommandIo): void {
  io.stderr.write(`Station key ${kept.id} (${kept.name}); it is shown this once.\n`);
  io.stdout.write(`${secret}\n`);
}

const scopeText = (scope: KeyScope): string =>
  scope === 'all'
    ? 'all'
    : [...scope.stations, ...scope.regions.map((region) => `region ${region}`)].join(',');

function lineOf(key: StationKey, now: number): string {
  const at = (instant: number | null): string => (instant === null ? '-' : formatInstant(instant));
  const { id, name, scope, createdAt, lastUsedAt, endsAt } = key;
  const state = isKeyValid(key, now) ? 'valid' : 'ended';
  return row([id, name, scopeText(scope), at(createdAt), at(lastUsedAt), at(endsAt), state]);
}

export const keyCommand: Command = {
  usage,
  async run(argv, io) {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        all: { type: 'boolean' },
        stations: { type: 'string' },
        regions: { type: 'string' },
        'per-second': { type: 'string', default: String(DEFAULT_PER_SECOND) },
        ends: { type: 'string' },
        overlap: { type: 'string' },
      },
    });
    const [verb = '', subject = '', ...rest] = positionals;
    if (rest.length > 0 || (subject === '') !== (verb === 'list'))
      throw wrong('one of add, list, rotate, remove');
    const now = systemClock.now();
    const work = async (access: Parameters<Parameters<typeof withAccess>[1]>[0]): Promise<void> => {
      if (verb === 'add') show(await addKey(access, newOf(subject, values), now), io);
      else if (verb === 'list') for (const key of await access.keys()) io.stdout.write(lineOf(key, now));
      else if (verb === 'rotate') {
        const overlap = values.overlap === undefined ? OVERLAP_MS : parseSpan(values.overlap);
        if (overlap === undefined) throw wrong(`--overlap ${values.overlap} is no span such as 24h or 7d`);
        const rotation = { id: subject, oldEndsAt: now + overlap, by: 'command line' };
        show(await rotateKey(access, rotation, now), io);
      } else if (verb === 'remove') {
        if (!(await access.removeKey(subject))) throw unknownKey(subject);
        io.stderr.write(`Station key ${subject} is removed.\n`);
      } else throw wrong('one of add, list, rotate, remove');
    };
    await withAccess(values.config, work, verb === 'list' ? undefined : { action: `key.${verb}`, subject });
    return 0;
  },
};
