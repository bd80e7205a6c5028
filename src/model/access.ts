import type { Language } from './language.ts';

/** What a person may do; each role may do all that the ones before it may. */
export const roles = ['viewer', 'operator', 'approver', 'admin'] as const;
export type Role = (typeof roles)[number];

export const hasRole = (role: Role, needed: Role): boolean => roles.indexOf(role) >= roles.indexOf(needed);

/** A person with an account of this server. Instants are epoch ms. */
export interface User {
  /** As it is shown and written into every act. */
  readonly name: string;
  readonly role: Role;
  /**
   * What the user may change; reading is not limited. `station:ID`, `region:CODE` or `area:ID`; what does not say which
   * it is stands for what is known by it: a region, else a named area, else a station.
   */
  readonly areas: 'all' | readonly string[];
  /** Languages that the user reads, the best first. */
  readonly languages: readonly Language[];
  /** The argon2id hash of the password as PHC string. */
  readonly password: string;
  readonly createdAt: number;
}

/** A name as it is looked up: two that look alike are one. */
export const userKey = (name: string): string => name.normalize('NFKC').trim().toLowerCase();

/** A sign-in of a person in a browser, or a token that a person gave a script. */
export interface Session {
  /** SHA-256 (hex) of the secret; the secret itself is not kept. */
  readonly hash: string;
  readonly id: string;
  readonly kind: 'session' | 'token';
  /** The {@link userKey}. */
  readonly user: string;
  readonly name: string;
  readonly createdAt: number;
  readonly seenAt: number;
  /** It ends when it was not used for this long; null: it does not. */
  readonly idleMs: number | null;
  readonly endsAt: number;
}

export const isSessionOver = ({ seenAt, idleMs, endsAt }: Session, now: number): boolean =>
  now >= endsAt || (idleMs !== null && now >= seenAt + idleMs);

/** What a station key may report for: everything, or stations by id and all stations of regions. */
export type KeyScope = 'all' | { readonly stations: readonly string[]; readonly regions: readonly string[] };

/** What a station or a gateway shows when it sends reports. */
export interface StationKey {
  readonly id: string;
  /** SHA-256 (hex) of the key: it has 256 bits of chance, so that a slow hash would add nothing. */
  readonly hash: string;
  readonly name: string;
  readonly scope: KeyScope;
  /** Requests a second that it may make for ever; ten seconds' worth at once. */
  readonly perSecond: number;
  readonly createdAt: number;
  readonly createdBy: string;
  /** Valid before it; null: until it is removed. */
  readonly endsAt: number | null;
  readonly lastUsedAt: number | null;
}

export const isKeyValid = ({ endsAt }: StationKey, now: number): boolean => endsAt === null || now < endsAt;

/** Whether reports of a station lie in the scope; `region`: undefined for a station that the registry does not know. */
export function isInScope(scope: KeyScope, station: string, region: string | undefined): boolean {
  if (scope === 'all' || scope.stations.includes(station)) return true;
  return region !== undefined && scope.regions.includes(region);
}

const codeKinds = ['region', 'area', 'station'] as const;
type CodeKind = (typeof codeKinds)[number];

/** A code with what it is the code of: the id of a station may be that of a region, too. */
export interface TypedCode {
  readonly kind: CodeKind;
  readonly code: string;
}

/** Whether something of that kind goes by the code. */
export type IsKnown = (typed: TypedCode) => boolean;

/**
 * Whether a user may change what goes by one of these codes (a station's own and that of its region, an area's); none
 * stand for everywhere. A code in the user's areas that does not say its kind never stands for two.
 */
export function coversArea(
  { areas }: Pick<User, 'areas'>,
  codes: readonly TypedCode[],
  isKnown: IsKnown,
): boolean {
  if (areas === 'all') return true;
  return codes.some(({ kind, code }) => {
    if (areas.includes(`${kind}:${code}`)) return true;
    if (!areas.includes(code)) return false;
    const meant = codeKinds.find((one) => isKnown({ kind: one, code }));
    return meant === undefined || meant === kind;
  });
}
