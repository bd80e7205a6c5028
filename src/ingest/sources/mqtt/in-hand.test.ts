import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InHand } from './in-hand.ts';

const tick = (): Promise<void> => new Promise((done) => setImmediate(done));

/** Hands messages over as a connection does, no more than there is room for, and ends them in the order given. */
async function run(lanes: readonly number[], limit: number, pick: (of: number) => number) {
  const inHand = new InHand(limit);
  const [started, acknowledged]: [number[], number[]] = [[], []];
  const open: { message: number; end: (isTaken: boolean) => void }[] = [];
  let most = 0;
  let next = 0;
  const read = (): void => {
    const message = next++;
    if (message >= lanes.length) return;
    inHand.add(
      String(lanes[message]),
      () => {
        started.push(message);
        return new Promise((end) => open.push({ message, end }));
      },
      () => void acknowledged.push(message),
      read,
    );
  };
  read();
  const ended: number[] = [];
  while (ended.length < lanes.length) {
    await tick();
    most = Math.max(most, open.length);
    const [one] = open.splice(pick(open.length), 1);
    one?.end(true);
    if (one) ended.push(one.message);
    await tick();
    // Nothing is acknowledged before it and all before it have ended.
    const firstOpen = lanes.findIndex((_, message) => !ended.includes(message));
    expect(acknowledged).toEqual(lanes.map((_, i) => i).slice(0, firstOpen < 0 ? lanes.length : firstOpen));
  }
  return { started, ended, most };
}

test('whatever ends first: bounded, in order within a lane, acknowledged in the order of arrival', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.nat(100), { minLength: 1, maxLength: 20 }),
      async (lanes, limit, picks) => {
        let turn = 0;
        const pick = (of: number): number => (picks[turn++ % picks.length] as number) % Math.max(1, of);
        const { started, ended, most } = await run(lanes, limit, pick);
        expect(most).toBeLessThanOrEqual(limit);
        for (const list of [started, ended])
          for (const lane of new Set(lanes)) {
            const own = list.filter((message) => lanes[message] === lane);
            expect(own).toEqual([...own].sort((a, b) => a - b));
          }
      },
    ),
    { numRuns: 60 },
  );
});

test('one that is not taken, and all behind it, are not acknowledged; nor is what came before a new connection', async () => {
  const inHand = new InHand(10);
  const acknowledged: string[] = [];
  const ends = new Map<string, (isTaken: boolean) => void>();
  const add = (name: string): void =>
    inHand.add(
      name,
      () => new Promise((end) => ends.set(name, end)),
      () => void acknowledged.push(name),
      () => undefined,
    );
  for (const name of ['a', 'b', 'c']) add(name);
  await tick();
  ends.get('c')?.(true);
  ends.get('b')?.(false);
  ends.get('a')?.(true);
  await tick();
  expect(acknowledged).toEqual(['a']);
  inHand.forget();
  add('d');
  await tick();
  ends.get('d')?.(true);
  await inHand.idle();
  expect(acknowledged).toEqual(['a', 'd']);
});
