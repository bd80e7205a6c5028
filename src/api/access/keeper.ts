import type { Clock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { hashPassword, verifyPassword } from '../../lib/password.ts';
import { hashSecret } from '../../lib/secret.ts';
import {
  isKeyValid,
  isSessionOver,
  type Session,
  type StationKey,
  type User,
  userKey,
} from '../../model/access.ts';
import { MINUTE_MS, SECOND_MS } from '../../model/time.ts';
import type { AccessStore } from '../../store/ledger/access.ts';
import { RateLimiter } from '../rate-limit.ts';
import { newSession } from './create.ts';

export interface AccessSettings {
  readonly store: AccessStore;
  /** The server listens on more than its own machine. */
  readonly isOpen: boolean;
  /** Access is asked for whether there are users or not: an open address, or real warnings. */
  readonly isForced: boolean;
  /** The machine's clock: the time of a recording can stand. */
  readonly clock: Clock;
  /** A session ends when it was not used for this long. */
  readonly idleMs: number;
  /** A session ends after this long, used or not. */
  readonly lifeMs: number;
  /** What could not be read or written; what was known before holds meanwhile. */
  readonly onFailure: (error: unknown) => void;
}

/** A person behind a request. */
export interface Caller {
  readonly user: User;
  readonly session: Session;
}

const REFRESH_MS = 2 * SECOND_MS;
/** A use is written at most this often. */
const SEEN_EVERY_MS = MINUTE_MS;
const MAX_SESSIONS = 20;
const MAX_RECENT = 10_000;
/** Hashing takes a core and 19 MiB: one at a time, and so many wait. */
const MAX_WAITING = 16;
const limits = { clients: 10_000 } as const;

/** Knows users, sessions and station keys; keys lie in memory, so that reports are taken while the ledger is away. */
export class AccessKeeper {
  readonly #settings: AccessSettings;
  #hasUsers = false;
  #keys: ReadonlyMap<string, StationKey> = new Map();
  /** Of the keys in memory; those read may be newer, and are then read again. */
  #version = '';
  readonly #keyLimits = new Map<string, { readonly perSecond: number; readonly limiter: RateLimiter }>();
  readonly #used = new Map<string, number>();
  readonly #recent = new Map<string, { readonly user: string; readonly at: number }>();
  #usedAt = 0;
  #isStopped = false;
  #cancel: () => void = () => {};
  #reading: Promise<void> = Promise.resolve();
  #hashing: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #decoy: Promise<string> | undefined;
  readonly #byAddress: RateLimiter;
  readonly #byName: RateLimiter;
  readonly #byBoth: RateLimiter;

  constructor(settings: AccessSettings) {
    this.#settings = settings;
    const now = (): number => settings.clock.monotonicMs();
    // An office behind one address signs in as a whole; many addresses can slow a name down, but not lock it.
    this.#byAddress = new RateLimiter({ perSecond: 0.5, burst: 30, ...limits, now });
    this.#byName = new RateLimiter({ perSecond: 0.5, burst: 50, ...limits, now });
    this.#byBoth = new RateLimiter({ perSecond: 0.1, burst: 5, ...limits, now });
  }

  get store(): AccessStore {
    return this.#settings.store;
  }

  get isOpen(): boolean {
    return this.#settings.isOpen;
  }

  now(): number {
    return this.#settings.clock.now();
  }

  /** Whether writes need a user and reports a key. */
  get isRequired(): boolean {
    return this.#settings.isForced || this.#hasUsers;
  }

  /** Reads what other processes and commands changed. Rejects as the ledger does. */
  async refresh(): Promise<void> {
    this.#hasUsers = await this.store.hasUsers();
    const version = await this.store.keysVersion();
    if (version === this.#version) return;
    const keys = await this.store.keys();
    this.#version = version;
    this.#keys = new Map(keys.map((key) => [key.hash, key]));
    const ids = new Set(keys.map(({ id }) => id));
    for (const id of this.#keyLimits.keys()) if (!ids.has(id)) this.#keyLimits.delete(id);
  }

  /** Reads now (rejects when it cannot) and from then on by itself. */
  async start(): Promise<void> {
    await this.refresh();
    this.#later();
  }

  #later(): void {
    if (this.#isStopped) return;
    this.#cancel = this.#settings.clock.after(REFRESH_MS, () => {
      this.#reading = this.#round().then(() => this.#later());
    });
  }

  /** Ends the reading, and writes when keys were used. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#reading;
    await this.#writeUses().catch(this.#settings.onFailure);
  }

  async #round(): Promise<void> {
    try {
      await this.refresh();
      if (this.now() - this.#usedAt < SEEN_EVERY_MS) return;
      this.#usedAt = this.now();
      await this.#writeUses();
      await this.store.endSessionsOver(this.now());
    } catch (error) {
      this.#settings.onFailure(error);
    }
  }

  async #writeUses(): Promise<void> {
    const uses = [...this.#used].map(([id, at]) => ({ id, at }));
    if (uses.length === 0) return;
    await this.store.keysUsed(uses);
    for (const { id, at } of uses) if (this.#used.get(id) === at) this.#used.delete(id);
  }

  /** The station key of that secret, when it is valid now. */
  key(secret: string): StationKey | undefined {
    const key = this.#keys.get(hashSecret(secret));
    return key && isKeyValid(key, this.now()) ? key : undefined;
  }

  /** Counts a request of a key: 0 when it may pass, else the seconds to wait. */
  useKey({ id, perSecond }: StationKey): number {
    let known = this.#keyLimits.get(id);
    if (known?.perSecond !== perSecond) {
      const now = (): number => this.#settings.clock.monotonicMs();
      const limit = { perSecond, burst: Math.max(1, 10 * perSecond), clients: 1, now };
      known = { perSecond, limiter: new RateLimiter(limit) };
      this.#keyLimits.set(id, known);
    }
    const seconds = known.limiter.take(id);
    if (seconds === 0) this.#used.set(id, this.now());
    return seconds;
  }

  /** Who a session or token belongs to; undefined when it is over or none. `isUse`: it counts as a use. */
  async identify(secret: string, kind: Session['kind'], isUse: boolean): Promise<Caller | undefined> {
    const session = await this.store.session(hashSecret(secret));
    const now = this.now();
    if (!session || session.kind !== kind || isSessionOver(session, now)) return undefined;
    const user = await this.store.user(session.user);
    if (!user) return undefined;
    this.#remember(session.hash, session.user);
    const everyMs = Math.min(SEEN_EVERY_MS, (session.idleMs ?? SEEN_EVERY_MS) / 4);
    if (isUse && now - session.seenAt >= everyMs) await this.store.sessionSeen(session.hash, now);
    return { user, session };
  }

  #remember(hash: string, user: string): void {
    this.#recent.delete(hash);
    this.#recent.set(hash, { user, at: this.#settings.clock.monotonicMs() });
    if (this.#recent.size > MAX_RECENT) this.#recent.delete(this.#recent.keys().next().value as string);
  }

  /** Whose session or token it was a minute ago at most; says nothing of what they may do now. */
  recentUser(secret: string): string | undefined {
    const found = this.#recent.get(hashSecret(secret));
    return found && this.#settings.clock.monotonicMs() - found.at < MINUTE_MS ? found.user : undefined;
  }

  /** Seconds that a sign-in has to wait; 0: it may be tried now. */
  signInWait(name: string, address: string): number {
    const key = userKey(name);
    return (
      this.#byAddress.take(address) || this.#byBoth.take(`${address} ${key}`) || this.#byName.take(key) || 0
    );
  }

  /**
   * The user of that name and password, or undefined: which of the two was wrong is not told, nor by the time it takes.
   * Rejects with ATL_BUSY when too many are at it.
   */
  async check(name: string, password: string): Promise<User | undefined> {
    const user = await this.store.user(userKey(name));
    const isRight = await this.#inTurn(async () => {
      this.#decoy ??= hashPassword('nobody signs in with this one');
      return verifyPassword(password, user?.password ?? (await this.#decoy));
    });
    return isRight ? user : undefined;
  }

  /** Begins a session of a user; the secret goes into the cookie. */
  async begin(user: User): Promise<{ readonly secret: string; readonly session: Session }> {
    const { idleMs, lifeMs } = this.#settings;
    const now = this.now();
    const fields = {
      kind: 'session',
      user: userKey(user.name),
      name: '',
      idleMs,
      endsAt: now + lifeMs,
    } as const;
    const { secret, kept } = newSession(fields, now);
    await this.store.putSession(kept, MAX_SESSIONS);
    return { secret, session: kept };
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING)
      throw new AtalaiaError('ATL_BUSY', 'Too many people sign in at once. Try again in a few seconds.');
    this.#waiting++;
    const mine = this.#hashing.then(work);
    this.#hashing = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      this.#waiting--;
    }
  }
}
