import { parseArgs } from 'node:util';
import { newSession, newUser, TOKEN_LIFE_MS } from '../api/access/create.ts';
import { whyClosed } from '../app/config/config.ts';
import type { Config } from '../app/config/schema.ts';
import { systemClock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { checkPassword, hashPassword } from '../lib/password.ts';
import { type Role, roles, userKey } from '../model/access.ts';
import { type Language, languages } from '../model/language.ts';
import { DAY_MS, formatInstant } from '../model/time.ts';
import type { AccessStore } from '../store/ledger/access.ts';
import { listOf, row, withAccess } from './access-store.ts';
import type { Command, CommandIo } from './command.ts';
import { readPassword } from './password.ts';

const usage = `atalaia user add NAME --role ROLE [--areas A,B] [--languages pt-BR,en] [--config FILE]
atalaia user list | remove NAME | password NAME | token NAME [--days N] [--config FILE]

People who may use a server. The password is read from the prompt, or as one line from standard input; never from the
arguments. A running server hears of a change within seconds.

  --role ROLE       viewer: reads what is not public; operator: acts on alerts, stations, subscriptions; approver: also
                    approves; admin: also users and keys
  --areas A,B       stations, regions or areas that the user may change (default: all); station:A, region:B or area:C
                    where a code could be taken for another kind
  --languages L     languages of the user, the best first (default: pt-BR,en)
  --days N          how long a token lives, 1 to 365 (default: 365)
  --config FILE     the configuration (default: atalaia.yaml)

\`list\` prints name, role, areas, languages and when the user was made, with tabs between; \`token\` prints a token for
scripts, once: Authorization: Bearer TOKEN.

Examples:
  atalaia user add "Ana Souza" --role admin
  pass show atalaia/bia | atalaia user add bia --role operator --areas 4314902,4300000
  atalaia user token bia --days 90 > token
`;

const MAX_TOKENS = 20;

interface Options {
  readonly role: string | undefined;
  readonly areas: string | undefined;
  readonly languages: string;
  readonly days: string;
}
type Verb = (
  access: AccessStore,
  name: string,
  options: Options,
  io: CommandIo,
  config: Config,
) => Promise<void>;

const noUser = (name: string): AtalaiaError =>
  new AtalaiaError('ATL_NOT_FOUND', `There is no user ${name}. \`atalaia user list\` lists them.`);

const add: Verb = async (access, name, options, io) => {
  const role = roles.find((known): known is Role => known === options.role);
  if (!role)
    throw new AtalaiaError('ATL_USAGE', `user add: give --role ${roles.join(', ')}; not ${options.role}.`);
  const spoken = listOf(options.languages).map((text) => languages.find((known) => known === text));
  if (spoken.length === 0 || spoken.includes(undefined))
    throw new AtalaiaError(
      'ATL_USAGE',
      `--languages ${options.languages}: ${languages.join(' and ')} are known.`,
    );
  if (await access.user(userKey(name))) throw taken(name);
  const password = await readPassword(io);
  const areas = options.areas === undefined ? ('all' as const) : listOf(options.areas);
  if (areas.length === 0) throw new AtalaiaError('ATL_USAGE', '--areas names none. Leave it out for all.');
  const user = await newUser(
    { name, role, areas, languages: spoken as Language[], password },
    systemClock.now(),
  );
  if (!(await access.addUser(user))) throw taken(name);
  io.stderr.write(`${user.name} is ${role} now.\n`);
};

const taken = (name: string): AtalaiaError =>
  new AtalaiaError(
    'ATL_CONFLICT',
    `There is a user ${name} already. Choose another name, or remove that one first.`,
  );

const list: Verb = async (access, _name, _options, io) => {
  for (const user of await access.users()) {
    const areas = user.areas === 'all' ? 'all' : user.areas.join(',');
    io.stdout.write(
      row([user.name, user.role, areas, user.languages.join(','), formatInstant(user.createdAt)]),
    );
  }
};

/** The last admin stays while others are there, or where the server would not start without. */
const remove: Verb = async (access, name, _options, io, config) => {
  const users = await access.users();
  const isGone = (user: { readonly name: string }): boolean => userKey(user.name) === userKey(name);
  if (!users.some(isGone)) throw noUser(name);
  const left = users.filter((user) => !isGone(user));
  const isNeeded = left.length > 0 || whyClosed(config) !== null;
  await access.removeUser(userKey(name), isNeeded);
  io.stderr.write(`${name} is removed, with sessions and tokens.\n`);
};

const password: Verb = async (access, name, _options, io) => {
  const user = await access.user(userKey(name));
  if (!user) throw noUser(name);
  const given = await readPassword(io);
  checkPassword(given, user.name);
  if (!(await access.putPassword(userKey(name), await hashPassword(given)))) throw noUser(name);
  io.stderr.write(`${user.name} has a new password; sessions and tokens of before are over.\n`);
};

const token: Verb = async (access, name, { days }, io) => {
  const user = await access.user(userKey(name));
  if (!user) throw noUser(name);
  const life = /^\d{1,3}$/.test(days) ? Number(days) * DAY_MS : 0;
  if (life < DAY_MS || life > TOKEN_LIFE_MS)
    throw new AtalaiaError('ATL_USAGE', `--days ${days} must be a whole number from 1 to 365.`);
  if ((await access.sessions(userKey(name), 'token')).length >= MAX_TOKENS)
    throw new AtalaiaError(
      'ATL_CONFLICT',
      `${user.name} has ${MAX_TOKENS} tokens already. Delete some first.`,
    );
  const now = systemClock.now();
  const fields = { kind: 'token', user: userKey(name), name: 'command line', idleMs: null } as const;
  const { secret, kept } = newSession({ ...fields, endsAt: now + life }, now);
  await access.putSession(kept, MAX_TOKENS);
  io.stderr.write(`A token of ${user.name} until ${formatInstant(kept.endsAt)}; it is shown this once.\n`);
  io.stdout.write(`${secret}\n`);
};

const verbs: ReadonlyMap<string, Verb> = new Map(Object.entries({ add, list, remove, password, token }));

export const userCommand: Command = {
  usage,
  async run(argv, io) {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        role: { type: 'string' },
        areas: { type: 'string' },
        languages: { type: 'string', default: 'pt-BR,en' },
        days: { type: 'string', default: '365' },
      },
    });
    const [word = '', name = '', ...rest] = positionals;
    const verb = verbs.get(word);
    if (!verb || rest.length > 0 || (name === '') !== (word === 'list'))
      throw new AtalaiaError(
        'ATL_USAGE',
        `user: one of ${[...verbs.keys()].join(', ')} and a name. See atalaia user --help.`,
      );
    const { role, areas, languages: spoken, days } = values;
    await withAccess(
      values.config,
      (access, config) => verb(access, name, { role, areas, languages: spoken, days }, io, config),
      word === 'list' ? undefined : { action: `user.${word}`, subject: name },
    );
    return 0;
  },
};
