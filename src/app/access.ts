import { join } from 'node:path';
import { AccessKeeper } from '../api/access/keeper.ts';
import type { Clock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import type { Journal } from '../lib/journal.ts';
import { isKeyValid } from '../model/access.ts';
import type { AccessStore } from '../store/ledger/access.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { openPostgresLedger } from '../store/ledger/postgresql/ledger.ts';
import { probePostgresAccess } from '../store/ledger/postgresql/probe.ts';
import { openSqliteLedger } from '../store/ledger/sqlite/ledger.ts';
import { probeSqliteAccess } from '../store/ledger/sqlite/probe.ts';
import { isOpenAddress, whyClosed } from './config/config.ts';
import type { Config } from './config/schema.ts';
import { textOf } from './config/secrets.ts';
import { type Check, fail, ok, tried } from './doctor/check.ts';

interface AccessParts {
  readonly config: Config;
  /** File of the configuration, for the commands of the remedy. */
  readonly file: string | null;
  readonly clock: Clock;
  readonly log: Journal;
}

/**
 * Users and station keys of a start. Rejects with ATL_CONFIG (78) when address or environment ask for them and there is
 * no admin or no valid key: such a server would warn nobody, or obey everybody.
 */
export async function openAccess(store: AccessStore, parts: AccessParts): Promise<AccessKeeper> {
  const { config, clock, log } = parts;
  const why = whyClosed(config);
  if (why !== null) await refuseWithout(store, why, parts);
  const keeper = new AccessKeeper({
    store,
    clock,
    isOpen: isOpenAddress(config.listen),
    isForced: why !== null,
    idleMs: config.access.idle,
    lifeMs: config.access.life,
    onFailure: (err) => log.warn({ err }, 'users and station keys cannot be read; those known before hold'),
  });
  await keeper.start();
  return keeper;
}

async function refuseWithout(store: AccessStore, why: string, { file, clock }: AccessParts): Promise<void> {
  const found = { users: await store.users(), keys: await store.keys() };
  const commands = commandsFor(found, file, clock.now());
  if (commands.length === 0) return;
  throw new AtalaiaError(
    'ATL_CONFIG',
    `${why} needs users and station keys: at least one admin and one key. Run\n  ${commands.join('\n  ')}\nand start again, or listen on 127.0.0.1 in an exercise or test.`,
  );
}

type Found = Awaited<ReturnType<typeof probeSqliteAccess>>;

/** The commands that bring what is missing of an admin and a valid key. */
function commandsFor({ users, keys }: Found, file: string | null, now: number): readonly string[] {
  const config = `--config ${file ?? 'atalaia.yaml'}`;
  return [
    ...(users.some(({ role }) => role === 'admin') ? [] : [`atalaia user add NAME --role admin ${config}`]),
    ...(keys.some((key) => isKeyValid(key, now)) ? [] : [`atalaia key add NAME --all ${config}`]),
  ];
}

/** For `doctor`: whether a start would find the users and keys that it asks for. Changes nothing. */
export async function checkAccess(config: Config, file: string | null, now: number): Promise<Check[]> {
  const why = whyClosed(config);
  const { data, store } = config;
  const check = tried('access', 'Check the ledger, then run this again.', async () => {
    const found = await (store.kind === 'embedded'
      ? probeSqliteAccess(join(data, 'ledger.sqlite'))
      : probePostgresAccess(textOf(store.url), `${store.schema}_ledger`));
    const detail = `${found.users.length} users, ${found.keys.length} station keys`;
    const commands = why === null ? [] : commandsFor(found, file, now);
    if (commands.length === 0) return ok('access', detail);
    return fail(
      'access',
      `${detail}; ${why} needs an admin and a valid key`,
      `Run ${commands.join(' and ')}.`,
    );
  });
  return [await check];
}

/** Users and keys alone, for commands: a server may run beside. */
export async function openAccessStore({
  config: { data, store },
}: {
  readonly config: Config;
}): Promise<Ledger & { readonly access: AccessStore }> {
  if (store.kind === 'embedded') return openSqliteLedger({ path: join(data, 'ledger.sqlite') });
  return openPostgresLedger({ url: textOf(store.url), schema: `${store.schema}_ledger` });
}
