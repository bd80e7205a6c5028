import { afterEach, describe, expect, it } from 'vitest';
import { hashPassword } from '../../lib/password.ts';
import { addKey, rotateKey } from './create.ts';
import { openAccessFixture } from './fixture.ts';

const opened: Awaited<ReturnType<typeof openAccessFixture>>[] = [];
const open = async (change?: Parameters<typeof openAccessFixture>[0]) => {
  const made = await openAccessFixture(change);
  opened.push(made);
  return made;
};
afterEach(async () => {
  for (const { fixture } of opened.splice(0)) await fixture.remove();
});
const keyOf = { name: 'gauge', scope: 'all', perSecond: 1, createdBy: 'a', endsAt: null } as const;

describe('AccessKeeper', () => {
  it('ends a session that is not used, and one that is, at its end', async () => {
    const { access, add, clock } = await open();
    const user = await add('ana', 'operator');
    const { secret } = await access.begin(user);
    const begun = clock.at;
    for (clock.at = begun; clock.at < begun + 600_000; clock.at += 59_000)
      expect(await access.identify(secret, 'session', true)).toBeDefined();
    // Asking who one is is no use: the last one counts.
    clock.at = begun + 600_000 - 1;
    expect(await access.identify(secret, 'session', false)).toBeDefined();
    clock.at = begun + 600_000;
    expect(await access.identify(secret, 'session', true)).toBeUndefined();
    const { secret: idle } = await access.begin(user);
    clock.at += 59_999;
    expect(await access.identify(idle, 'session', false)).toBeDefined();
    clock.at += 1;
    expect(await access.identify(idle, 'session', true)).toBeUndefined();
    expect(await access.identify(idle, 'token', true)).toBeUndefined();
  });

  it('has two keys of a rotation valid at once, until the old one ends', async () => {
    const { access, clock } = await open();
    const old = await addKey(access.store, keyOf, clock.at);
    const rotation = { id: old.kept.id, oldEndsAt: clock.at + 1000, by: 'a' };
    const next = await rotateKey(access.store, rotation, clock.at);
    await access.refresh();
    expect([access.key(old.secret)?.id, access.key(next.secret)?.id]).toEqual([old.kept.id, next.kept.id]);
    clock.at += 1000;
    expect([access.key(old.secret), access.key(next.secret)?.name]).toEqual([undefined, 'gauge']);
    expect(access.key(next.kept.hash)).toBeUndefined();
  });

  it('lets the key that follows another one end when that one would have', async () => {
    const { access, clock } = await open();
    const endsAt = clock.at + 5000;
    const old = await addKey(access.store, { ...keyOf, endsAt }, clock.at);
    const rotation = { id: old.kept.id, oldEndsAt: clock.at + 1000, by: 'a' };
    const next = await rotateKey(access.store, rotation, clock.at);
    expect(next.kept.endsAt).toBe(endsAt);
    await access.refresh();
    clock.at = endsAt - 1;
    expect(access.key(next.secret)).toBeDefined();
    clock.at = endsAt;
    expect(access.key(next.secret)).toBeUndefined();
  });

  it('counts each key by itself, and writes when it was used', async () => {
    const { access, clock } = await open();
    const [one, two] = [await addKey(access.store, keyOf, 0), await addKey(access.store, keyOf, 0)];
    for (let n = 0; n < 10; n++) expect(access.useKey(one.kept)).toBe(0);
    expect(access.useKey(one.kept)).toBe(1);
    expect(access.useKey(two.kept)).toBe(0);
    clock.at += 1000;
    expect(access.useKey(one.kept)).toBe(0);
    await access.stop();
    expect((await access.store.keys()).map(({ lastUsedAt }) => lastUsedAt)).toEqual([
      clock.at,
      clock.at - 1000,
    ]);
  });

  it('goes on with what it knows while the ledger is away', async () => {
    let isAway = false;
    const made = await open({
      isForced: false,
      store: (real) => ({
        ...real,
        hasUsers: async () => {
          if (isAway) throw new Error('away');
          return real.hasUsers();
        },
      }),
    });
    const { access, add, clock } = made;
    const key = await addKey(access.store, keyOf, clock.at);
    await add('ana', 'admin');
    isAway = true;
    await expect(access.refresh()).rejects.toThrow('away');
    expect(access.isRequired).toBe(true);
    expect(access.key(key.secret)).toBeDefined();
  });

  it('asks nobody before there are users, unless it must', async () => {
    const { access, add } = await open({ isForced: false });
    expect(access.isRequired).toBe(false);
    await add('ana', 'viewer');
    expect(access.isRequired).toBe(true);
    expect((await open({ isForced: true })).access.isRequired).toBe(true);
  });

  it('knows a password by its user alone, and refuses a crowd', async () => {
    const { access, add } = await open();
    await add('ana', 'admin');
    await access.store.putPassword('ana', await hashPassword('uma chuva longa'));
    expect(await access.check('ANA', 'uma chuva longa')).toMatchObject({ name: 'ana' });
    expect(await access.check('ana', 'uma chuva curta')).toBeUndefined();
    expect(await access.check('nobody', 'nobody signs in with this one')).toBeUndefined();
    const crowd = await Promise.allSettled(Array.from({ length: 30 }, () => access.check('ana', 'x')));
    const refused = crowd.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(refused.map(({ reason }) => reason.code)).toEqual(Array(14).fill('ATL_BUSY'));
  });

  it('slows guesses at a name from one address more than those from many', async () => {
    const { access, clock } = await open();
    for (let n = 0; n < 5; n++) expect(access.signInWait('ana', '10.0.0.1')).toBe(0);
    expect(access.signInWait('Ana ', '10.0.0.1')).toBe(10);
    expect(access.signInWait('ana', '10.0.0.2')).toBe(0);
    expect(access.signInWait('bia', '10.0.0.1')).toBe(0);
    clock.at += 10_000;
    expect(access.signInWait('ana', '10.0.0.1')).toBe(0);
  });
});
