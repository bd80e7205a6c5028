import { afterEach, describe, expect, it } from 'vitest';
import type { Session, StationKey, User } from '../../model/access.ts';
import type { AccessStore } from './access.ts';

type Opened = { readonly access: AccessStore; close(): Promise<void> };

/** One place of storage, as `LedgerPlace`, of a ledger that knows who may do what. */
interface AccessPlace {
  open(): Promise<Opened>;
  remove(): Promise<void>;
}

const at = 1_714_521_600_000;
const user = (name: string, change: Partial<User> = {}): User => ({
  ...{
    name,
    role: 'operator',
    areas: 'all',
    languages: ['pt-BR'],
    password: `hash of ${name}`,
    createdAt: at,
  },
  ...change,
});
const session = (hash: string, change: Partial<Session> = {}): Session => ({
  ...{ hash, id: `id-${hash}`, kind: 'session', user: 'ana', name: '', createdAt: at, seenAt: at },
  ...{ idleMs: 1000, endsAt: at + 10_000 },
  ...change,
});
const key = (id: string, change: Partial<StationKey> = {}): StationKey => ({
  ...{ id, hash: `hash-${id}`, name: 'gauge', scope: { stations: ['A801'], regions: ['RS'] }, perSecond: 5 },
  ...{ createdAt: at, createdBy: 'Ana', endsAt: null, lastUsedAt: null },
  ...change,
});

/** What every engine must do with users, sessions and station keys; `place` makes an empty one per test. */
export function accessConformance(name: string, place: () => Promise<AccessPlace>): void {
  describe(`access: ${name}`, () => {
    const opened: { place: AccessPlace; stores: Opened[] }[] = [];
    const fresh = async () => {
      const entry = { place: await place(), stores: [] as Opened[] };
      opened.push(entry);
      const open = async (): Promise<AccessStore> => {
        const store = await entry.place.open();
        entry.stores.push(store);
        return store.access;
      };
      return { access: await open(), open };
    };
    afterEach(async () => {
      for (const entry of opened.splice(0)) {
        for (const store of entry.stores) await store.close();
        await entry.place.remove();
      }
    });

    it('keeps users by key, one under each, over a reopen', async () => {
      const { access, open } = await fresh();
      expect(await access.hasUsers()).toBe(false);
      const zoe = user('Zoé', { role: 'admin', areas: ['RS', 'A801'] });
      expect(await access.addUser(zoe)).toBe(true);
      expect(await access.addUser(user('Ana'))).toBe(true);
      expect(await access.addUser(user('ANA', { role: 'admin', password: 'another' }))).toBe(false);
      const again = await open();
      expect(await again.hasUsers()).toBe(true);
      expect(await again.users()).toEqual([user('Ana'), zoe]);
      expect(await again.user('zoé')).toEqual(zoe);
      expect(await again.user('Zoé')).toBeUndefined();
    });

    it('changes role and areas, sessions go on, and the last admin stays', async () => {
      const { access, open } = await fresh();
      await access.addUser(user('Ana', { role: 'admin' }));
      await access.addUser(user('Bia'));
      await access.putSession(session('h', { user: 'bia' }), 5);
      const changed = { ...user('Bia'), role: 'approver', areas: ['RS'] } as const;
      expect(await access.changeUser('bia', { role: 'approver', areas: ['RS'] })).toEqual(changed);
      expect(await (await open()).user('bia')).toEqual(changed);
      expect(await access.session('h')).toBeDefined();
      expect(await access.changeUser('cid', { role: 'viewer' })).toBeUndefined();
      const conflict = { code: 'ATL_CONFLICT' };
      await expect(access.changeUser('ana', { role: 'viewer' })).rejects.toMatchObject(conflict);
      await expect(access.removeUser('ana', true)).rejects.toMatchObject(conflict);
      expect(await access.removeUser('cid', true)).toBe(false);
      await access.changeUser('bia', { role: 'admin', areas: 'all' });
      // Two admins that take the role from each other at once: one of them stays.
      const both = [
        access.changeUser('ana', { role: 'viewer' }),
        access.changeUser('bia', { role: 'viewer' }),
      ];
      const states = (await Promise.allSettled(both)).map(({ status }) => status);
      expect(states.sort()).toEqual(['fulfilled', 'rejected']);
      expect((await access.users()).filter(({ role }) => role === 'admin')).toHaveLength(1);
    });

    it('lets nothing of a user stay that was removed, and ends all sessions with a new password', async () => {
      const { access } = await fresh();
      for (const name of ['Ana', 'Bia']) await access.addUser(user(name));
      for (const [hash, of] of [
        ['h1', 'ana'],
        ['h2', 'bia'],
      ] as const)
        await access.putSession(session(hash, { user: of }), 5);
      expect(await access.putPassword('ana', 'new')).toBe(true);
      expect(await access.putPassword('cid', 'new')).toBe(false);
      expect(await access.user('ana')).toEqual(user('Ana', { password: 'new' }));
      expect(await access.session('h1')).toBeUndefined();
      expect(await access.session('h2')).toMatchObject({ user: 'bia' });
      expect(await access.removeUser('bia')).toBe(true);
      expect(await access.removeUser('bia')).toBe(false);
      expect(await access.session('h2')).toBeUndefined();
      const orphan = access.putSession(session('h3', { user: 'bia' }), 5);
      await expect(orphan).rejects.toMatchObject({ code: 'ATL_CONFLICT' });
    });

    it('keeps as many sessions of a user and kind as asked, the newest', async () => {
      const { access } = await fresh();
      for (const name of ['Ana', 'Bia']) await access.addUser(user(name));
      const token = session('t', { kind: 'token', idleMs: null, name: 'script' });
      await access.putSession(token, 2);
      await access.putSession(session('b', { user: 'bia' }), 2);
      for (const hash of ['h1', 'h2', 'h3']) await access.putSession(session(hash), 2);
      expect(await access.session('h1')).toBeUndefined();
      expect(await access.sessions('ana', 'session')).toEqual([session('h2'), session('h3')]);
      expect(await access.sessions('ana', 'token')).toEqual([token]);
      expect(await access.sessions('bia', 'session')).toHaveLength(1);
      expect(await access.endSession('h2')).toBe(true);
      expect(await access.endSession('h2')).toBe(false);
    });

    it('knows when a session was seen, and deletes what is over', async () => {
      const { access } = await fresh();
      await access.addUser(user('Ana'));
      await access.putSession(session('idle'), 9);
      await access.putSession(session('used'), 9);
      await access.putSession(session('token', { kind: 'token', idleMs: null }), 9);
      await access.sessionSeen('used', at + 900);
      await access.sessionSeen('used', at + 300);
      expect((await access.session('used'))?.seenAt).toBe(at + 900);
      expect(await access.endSessionsOver(at + 999)).toBe(0);
      expect(await access.endSessionsOver(at + 1000)).toBe(1);
      expect(await access.session('idle')).toBeUndefined();
      expect(await access.endSessionsOver(at + 9_999)).toBe(1);
      expect(await access.endSessionsOver(at + 10_000)).toBe(1);
    });

    it('keeps station keys, and two at once while one follows the other', async () => {
      const { access, open } = await fresh();
      const versions = [await access.keysVersion()];
      await access.addKey(key('k1'));
      versions.push(await access.keysVersion());
      await access.addKey(key('k2', { scope: 'all', endsAt: at + 5 }));
      expect(await access.rotateKey('k1', key('k3'), at + 100)).toBe(true);
      versions.push(await access.keysVersion());
      expect(await access.rotateKey('k2', key('k4'), at + 100)).toBe(true);
      expect(await access.rotateKey('k9', key('k5'), at)).toBe(false);
      await access.keysUsed([
        { id: 'k3', at: at + 7 },
        { id: 'k9', at },
      ]);
      await access.keysUsed([{ id: 'k3', at: at + 2 }]);
      await access.keysUsed([]);
      const unused = await access.keysVersion();
      await access.keysUsed([{ id: 'k4', at: at - 1 }]);
      expect(await access.keysVersion()).toBe(unused);
      expect(await (await open()).keys()).toEqual([
        key('k1', { endsAt: at + 100 }),
        key('k2', { scope: 'all', endsAt: at + 5 }),
        key('k3', { lastUsedAt: at + 7 }),
        key('k4', { lastUsedAt: at - 1 }),
      ]);
      expect(await access.removeKey('k1')).toBe(true);
      expect(await access.removeKey('k1')).toBe(false);
      versions.push(unused, await access.keysVersion());
      // The newest goes and another one comes: as many as before, but not the same.
      await access.removeKey('k4');
      await access.addKey(key('k4'));
      versions.push(await access.keysVersion());
      expect(new Set(versions).size).toBe(versions.length);
      expect((await access.keys()).map(({ id }) => id)).toEqual(['k2', 'k3', 'k4']);
    });
  });
}
