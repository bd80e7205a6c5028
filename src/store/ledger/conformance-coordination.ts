import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Coordination, HeldLease } from './coordination.ts';

export interface CoordinationPlace {
  /** Opens the same tables again: another process of the log. */
  open(): Promise<Coordination>;
  remove(): Promise<void>;
}

const HOUR = 3_600_000;
const named = (held: readonly HeldLease[]) => [...held].sort((a, b) => (a.name < b.name ? -1 : 1));

/** What leases and the index of offsets must do, whatever engine keeps them. */
export function coordinationConformance(name: string, make: () => Promise<CoordinationPlace>): void {
  describe(`coordination conformance: ${name}`, () => {
    let place: CoordinationPlace;
    let [a, b]: Coordination[] = [];
    beforeEach(async () => {
      place = await make();
      a = await place.open();
      b = await place.open();
    });
    afterEach(async () => {
      await Promise.all([a?.close(), b?.close()]);
      await place.remove();
    });
    const both = () => [a!, b!] as const;
    describe('leases', () => leaseTests(both));
    describe('index', () => indexTests(both));
  });
}

/** Takes a lease of 1 ms and waits until it is over, by whatever clock the tables go. */
async function lapse(table: Coordination['leases'], owner: string, name: string): Promise<HeldLease> {
  const [held] = await table.take(owner, [name], 1);
  while ((await table.list(name)).some(({ isLive }) => isLive))
    await new Promise((done) => setTimeout(done, 2));
  return held as HeldLease;
}

function leaseTests(both: () => readonly [Coordination, Coordination]): void {
  test('one owner at a time; who comes later gets only what is free', async () => {
    const [a, b] = both();
    expect(named(await a.leases.take('a', ['p/1', 'p/2'], HOUR))).toEqual([
      { name: 'p/1', epoch: 1 },
      { name: 'p/2', epoch: 1 },
    ]);
    expect(await b.leases.take('b', ['p/3', 'p/2', 'p/1'], HOUR)).toEqual([{ name: 'p/3', epoch: 1 }]);
    await a.leases.take('a', ['px'], HOUR);
    expect(await b.leases.list('p/')).toEqual([
      { name: 'p/1', owner: 'a', epoch: 1, isLive: true },
      { name: 'p/2', owner: 'a', epoch: 1, isLive: true },
      { name: 'p/3', owner: 'b', epoch: 1, isLive: true },
    ]);
    expect(await a.leases.take('a', [], HOUR)).toEqual([]);
    expect(await a.leases.renew('a', [], HOUR)).toEqual([]);
  });

  test('of 20 processes that want the same leases each gets them or not, and nobody waits for ever', async () => {
    const [a, b] = both();
    const names = Array.from({ length: 30 }, (_, i) => `p/${i}`);
    const got = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? a : b).leases.take(`o${i}`, i % 3 ? names : [...names].reverse(), HOUR),
      ),
    );
    expect(
      got
        .flat()
        .map((one) => one.name)
        .sort(),
    ).toEqual([...names].sort());
  });

  test('a lease whose time is over goes to another one, and its late holder is refused', async () => {
    const [a, b] = both();
    const old = await lapse(a.leases, 'a', 'p');
    const [fresh] = await b.leases.take('b', ['p'], HOUR);
    expect(fresh?.epoch).toBe(old.epoch + 1);
    expect(await a.leases.renew('a', [old], HOUR)).toEqual([]);
    await a.leases.release('a', [old]);
    expect(await a.leases.list('p')).toEqual([{ name: 'p', owner: 'b', epoch: 2, isLive: true }]);
  });

  test('a lease of an earlier time is not prolonged by who holds it again', async () => {
    const [a] = both();
    const old = await lapse(a.leases, 'a', 'p');
    const [fresh] = await a.leases.take('a', ['p'], HOUR);
    expect(fresh?.epoch).toBe(old.epoch + 1);
    expect(await a.leases.renew('a', [old], HOUR)).toEqual([]);
    expect(await a.leases.renew('a', [fresh as HeldLease], HOUR)).toEqual(['p']);
  });

  test('a renewal carries a lease on, and names what it did', async () => {
    const [a, b] = both();
    const held = await a.leases.take('a', ['p', 'q'], 1);
    expect((await a.leases.renew('a', [...held, { name: 'r', epoch: 1 }], HOUR)).toSorted()).toEqual([
      'p',
      'q',
    ]);
    expect(await b.leases.take('b', ['p', 'q'], HOUR)).toEqual([]);
  });

  test('what is given back is free at once, and its epoch grows on', async () => {
    const [a, b] = both();
    const held = await a.leases.take('a', ['p'], HOUR);
    await a.leases.release('a', held);
    expect(await b.leases.list('p')).toEqual([{ name: 'p', owner: '', epoch: 1, isLive: false }]);
    expect(await b.leases.take('b', ['p'], HOUR)).toEqual([{ name: 'p', epoch: 2 }]);
  });

  test('forgets what is over, under the prefix alone', async () => {
    const [a] = both();
    await lapse(a.leases, 'a', 'm/1');
    await lapse(a.leases, 'a', 'p');
    await a.leases.take('a', ['m/2'], HOUR);
    await a.leases.forget('m/');
    expect((await a.leases.list('')).map((row) => row.name)).toEqual(['m/2', 'p']);
  });
}

function indexTests(both: () => readonly [Coordination, Coordination]): void {
  test('the first insert of a key stands, for all', async () => {
    const [a, b] = both();
    const kept = await Promise.all(
      Array.from({ length: 10 }, (_, i) => (i % 2 ? a : b).index.insert('s/1', `v${i}`)),
    );
    expect(new Set(kept).size).toBe(1);
    expect(await a.index.list('s/')).toEqual([['s/1', kept[0]]]);
  });

  test('sets many, lists by prefix in order, removes', async () => {
    const [a, b] = both();
    await a.index.set([
      ['s/ção', 'ü'],
      ['s/a', '1'],
      ['t', 'other'],
      ['s/a', '2'],
    ]);
    expect(await b.index.list('s/')).toEqual([
      ['s/a', '2'],
      ['s/ção', 'ü'],
    ]);
    await b.index.set([['s/a', '3']]);
    await b.index.remove(['s/ção', 'nobody']);
    expect(await a.index.list('')).toEqual([
      ['s/a', '3'],
      ['t', 'other'],
    ]);
    await a.index.set([]);
    await a.index.remove([]);
  });
}
