import { AtalaiaError } from '../../lib/errors.ts';
import { type Session, type StationKey, type User, userKey } from '../../model/access.ts';

export type UserChange = Partial<Pick<User, 'role' | 'areas' | 'languages'>>;

/** The user as changed (or gone: null), unless no admin would be left. Throws ATL_CONFLICT. */
export function keepAnAdmin<T extends User | null>(users: readonly User[], key: string, changed: T): T {
  const left = users.filter(({ name }) => userKey(name) !== key);
  if ([...left, ...(changed ? [changed] : [])].some(({ role }) => role === 'admin')) return changed;
  throw new AtalaiaError('ATL_CONFLICT', 'This is the last admin. Make another one first.');
}

/**
 * The part of the ledger that knows who may do what. Every engine passes `conformance-access.ts`. Instants are epoch ms;
 * users are named by their `userKey`.
 */
export interface AccessStore {
  /** By key. */
  users(): Promise<readonly User[]>;
  user(key: string): Promise<User | undefined>;
  hasUsers(): Promise<boolean>;
  /** Adds a user; false when the key is taken. */
  addUser(user: User): Promise<boolean>;
  /** Gives a new password and ends the user's sessions and tokens, in one transaction; false: there is no such user. */
  putPassword(key: string, password: string): Promise<boolean>;
  /**
   * Gives a user another role, areas or languages; sessions and tokens go on with them. Undefined: there is no such user.
   * Rejects with ATL_CONFLICT when no admin would be left.
   */
  changeUser(key: string, change: UserChange): Promise<User | undefined>;
  /**
   * Removes a user with sessions and tokens, in one transaction; false: there is none. `keepAdmin`: rejects with
   * ATL_CONFLICT when no admin would be left.
   */
  removeUser(key: string, keepAdmin?: boolean): Promise<boolean>;

  /** Keeps a session of a user who is there; of one user and kind the `atMost` newest stay. Rejects with ATL_CONFLICT without the user. */
  putSession(session: Session, atMost: number): Promise<void>;
  session(hash: string): Promise<Session | undefined>;
  /** Of one user and kind, the oldest first. */
  sessions(user: string, kind: Session['kind']): Promise<readonly Session[]>;
  /** Says that it was used; never goes back. */
  sessionSeen(hash: string, at: number): Promise<void>;
  endSession(hash: string): Promise<boolean>;
  /** Deletes what is over; returns how many. */
  endSessionsOver(now: number): Promise<number>;

  /** The oldest first. */
  keys(): Promise<readonly StationKey[]>;
  /** Another text after each change of the keys, their uses aside: asked often, and cheap. */
  keysVersion(): Promise<string>;
  /** Adds a key. */
  addKey(key: StationKey): Promise<void>;
  /** Adds the key that follows another one, and lets that one end at `endsAt`, or earlier if it would anyway, in one transaction; false: there is no other one. */
  rotateKey(old: string, next: StationKey, endsAt: number): Promise<boolean>;
  removeKey(id: string): Promise<boolean>;
  /** Says when keys were last used; never goes back. */
  keysUsed(uses: readonly { readonly id: string; readonly at: number }[]): Promise<void>;
}
