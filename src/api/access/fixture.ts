import type { Clock } from '../../lib/clock.ts';
import type { Role, User } from '../../model/access.ts';
import type { AccessStore } from '../../store/ledger/access.ts';
import type { ApiDeps } from '../deps.ts';
import { type Fixture, openFixture } from '../fixture.ts';
import { newSession } from './create.ts';
import { AccessKeeper } from './keeper.ts';

/** A clock that stands until it is moved. */
export interface StandingClock extends Clock {
  at: number;
}

export const standingClock = (at: number): StandingClock => ({
  at,
  now() {
    return this.at;
  },
  monotonicMs() {
    return this.at;
  },
  after: () => () => {},
});

interface AccessFixture {
  readonly fixture: Fixture;
  readonly deps: ApiDeps;
  readonly access: AccessKeeper;
  readonly clock: StandingClock;
  readonly failures: unknown[];
  /** A user whose password is no hash at all. */
  add(name: string, role: Role, areas?: User['areas']): Promise<User>;
  /** A token of a user. */
  token(name: string): Promise<string>;
}

/** The interface with users and keys in a real ledger; `isForced`: they are asked for from the start. */
export async function openAccessFixture(
  change: { isForced?: boolean; isOpen?: boolean; store?: (real: AccessStore) => AccessStore } = {},
): Promise<AccessFixture> {
  const fixture = await openFixture();
  const clock = standingClock(1_800_000_000_000);
  const failures: unknown[] = [];
  const real = fixture.ledger.access;
  const access = new AccessKeeper({
    store: change.store?.(real) ?? real,
    isOpen: change.isOpen ?? false,
    isForced: change.isForced ?? true,
    clock,
    idleMs: 60_000,
    lifeMs: 600_000,
    onFailure: (error) => failures.push(error),
  });
  await access.refresh();
  return {
    fixture,
    deps: { ...fixture.deps, access },
    access,
    clock,
    failures,
    async add(name, role, areas = 'all') {
      const user: User = { name, role, areas, languages: ['en'], password: 'none', createdAt: clock.at };
      await real.addUser(user);
      await access.refresh();
      return user;
    },
    async token(name) {
      const fields = {
        kind: 'token',
        user: name,
        name: 't',
        idleMs: null,
        endsAt: clock.at + 600_000,
      } as const;
      const { secret, kept } = newSession(fields, clock.at);
      await real.putSession(kept, 20);
      return secret;
    },
  };
}
