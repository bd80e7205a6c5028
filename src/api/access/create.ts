import { AtalaiaError } from '../../lib/errors.ts';
import { checkPassword, hashPassword } from '../../lib/password.ts';
import { hashSecret, newId, newSecret } from '../../lib/secret.ts';
import type { KeyScope, Session, StationKey, User } from '../../model/access.ts';
import { DAY_MS } from '../../model/time.ts';
import type { AccessStore } from '../../store/ledger/access.ts';

/** What a secret begins with, so that a search for lost secrets finds them. */
const PREFIXES = { session: '', token: 'att_', key: 'atk_' } as const;
const NAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N} ._@'-]{0,63}$/u;
/** How long a token lives unless told. */
export const TOKEN_LIFE_MS = 365 * DAY_MS;

/** A secret that is shown once, with what is kept of it. */
export interface Made<Kept> {
  readonly secret: string;
  readonly kept: Kept;
}

/** A name of a user or a key as it is kept. Throws ATL_INPUT. */
export function checkName(given: string): string {
  const name = given.normalize('NFKC').trim();
  if (NAME.test(name)) return name;
  throw new AtalaiaError(
    'ATL_INPUT',
    `The name ${JSON.stringify(given.slice(0, 80))} must have 1 to 64 letters, digits, blanks or any of . _ @ ' -, and begin with a letter or digit.`,
  );
}

/** A user with the hash of the password. Rejects with ATL_INPUT when name, password or areas will not do. */
export async function newUser(
  given: Omit<User, 'password' | 'createdAt'> & { readonly password: string },
  now: number,
): Promise<User> {
  const { role, areas, languages, password } = given;
  const name = checkName(given.name);
  checkAreas({ role, areas });
  checkPassword(password, name);
  return { name, role, areas, languages, password: await hashPassword(password), createdAt: now };
}

/** Throws ATL_INPUT when the role cannot be limited. */
export function checkAreas({ role, areas }: Pick<User, 'role' | 'areas'>): void {
  if (role === 'admin' && areas !== 'all')
    throw new AtalaiaError(
      'ATL_INPUT',
      'An admin is not limited to areas. Give the areas as all, or another role.',
    );
}

/** A session (`idleMs` number) or token (`idleMs` null) of a user. */
export function newSession(
  given: Pick<Session, 'kind' | 'user' | 'name' | 'idleMs' | 'endsAt'>,
  now: number,
): Made<Session> {
  const secret = newSecret(PREFIXES[given.kind]);
  return { secret, kept: { hash: hashSecret(secret), id: newId(), ...given, createdAt: now, seenAt: now } };
}

/** A station key that is not kept yet. Throws ATL_INPUT when name or end will not do. */
function newKey(
  given: Pick<StationKey, 'name' | 'perSecond' | 'createdBy' | 'endsAt'> & { readonly scope: KeyScope },
  now: number,
): Made<StationKey> {
  if (given.endsAt !== null && given.endsAt <= now)
    throw new AtalaiaError('ATL_INPUT', 'The end of the key is past already. Name a later instant, or none.');
  const secret = newSecret(PREFIXES.key);
  const kept = { id: newId(), hash: hashSecret(secret), ...given, name: checkName(given.name) };
  return { secret, kept: { ...kept, createdAt: now, lastUsedAt: null } };
}

const MAX_KEYS = 10_000;

async function refuseMany(store: AccessStore): Promise<void> {
  if ((await store.keys()).length < MAX_KEYS) return;
  throw new AtalaiaError('ATL_INPUT', `There are ${MAX_KEYS} station keys already. Remove some first.`);
}

/** Makes a station key and keeps it. Rejects with ATL_INPUT. */
export async function addKey(
  store: AccessStore,
  given: Parameters<typeof newKey>[0],
  now: number,
): Promise<Made<StationKey>> {
  await refuseMany(store);
  const made = newKey(given, now);
  await store.addKey(made.kept);
  return made;
}

/** Makes the key that follows another one, with its name, scope and end; both are valid until `oldEndsAt`. Rejects with ATL_NOT_FOUND. */
export async function rotateKey(
  store: AccessStore,
  { id, oldEndsAt, by }: { readonly id: string; readonly oldEndsAt: number; readonly by: string },
  now: number,
): Promise<Made<StationKey>> {
  await refuseMany(store);
  const old = (await store.keys()).find((key) => key.id === id);
  if (!old) throw unknownKey(id);
  const { name, scope, perSecond, endsAt } = old;
  const made = newKey({ name, scope, perSecond, createdBy: by, endsAt }, now);
  if (await store.rotateKey(id, made.kept, oldEndsAt)) return made;
  throw unknownKey(id);
}

export const unknownKey = (id: string): AtalaiaError =>
  new AtalaiaError(
    'ATL_NOT_FOUND',
    `There is no station key ${id}. GET /api/v1/keys and \`atalaia key list\` list them.`,
  );
