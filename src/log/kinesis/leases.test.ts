import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { memoryCoordination } from '../../store/ledger/memory-coordination.ts';
import { Leases } from './leases.ts';

const TTL = 1000;
const DRIFT = 0.05;

/** Clocks of processes over one true time, which the table goes by, each with an offset and a rate of its own. */
function world(processes: readonly { readonly rate: number; readonly offset: number }[]) {
  const time = { now: 0, jump: 0 };
  const { leases: table } = memoryCoordination({ now: () => time.now + time.jump });
  const all = processes.map(({ rate, offset }, i) => {
    const clock: Clock = {
      now: () => 0,
      monotonicMs: () => offset + time.now * rate,
      after: () => () => undefined,
    };
    return new Leases({ table, owner: `p${i}`, ttlMs: TTL, clock, maxDrift: DRIFT });
  });
  return { time, all };
}

const clocks = fc.array(
  fc.record({
    rate: fc.double({ min: 1 - DRIFT, max: 1 + DRIFT, noNaN: true }),
    offset: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  }),
  { minLength: 2, maxLength: 4 },
);
const steps = fc.array(
  fc.record({
    who: fc.nat(3),
    what: fc.constantFrom('take', 'take', 'renew', 'release'),
    passMs: fc.oneof(fc.nat(30), fc.nat(1200), fc.integer({ min: 880, max: 1120 })),
  }),
  { minLength: 5, maxLength: 60 },
);

test('whatever the clocks show and however they drift, never do two processes hold a lease, and epochs only grow', async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(clocks, steps, async (processes, actions) => {
      const { time, all } = world(processes);
      let newest = 0;
      for (const { who, what, passMs } of actions) {
        time.now += passMs;
        const one = all[who % all.length]!;
        const before = one.holds('x');
        if (what === 'take') await one.take(['x']);
        else if (what === 'renew') await one.renew();
        else await one.release(['x']);
        const epoch = one.holds('x');
        if (epoch !== undefined && epoch !== before) {
          taken++;
          expect(epoch).toBeGreaterThan(newest);
          newest = epoch;
        }
        expect(all.filter((other) => other.holds('x') !== undefined).length).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 500 },
  );
  expect(taken).toBeGreaterThan(500);
});

test('a lease that its holder does not renew goes to another one, and the late holder cannot renew it', async () => {
  const { time, all } = world([
    { rate: 1, offset: 5 },
    { rate: 1, offset: -7 },
  ]);
  const [a, b] = all as [Leases, Leases];
  expect(await a.take(['x', 'y'])).toEqual(['x', 'y']);
  expect(await b.take(['x'])).toEqual([]);
  time.now += 500;
  await a.renew();
  time.now += 600;
  expect(await b.take(['x'])).toEqual([]);
  expect(a.holds('x')).toBe(1);
  time.now += TTL;
  expect(a.holds('x')).toBeUndefined();
  expect(await b.take(['x'])).toEqual(['x']);
  expect(b.holds('x')).toBe(2);
  await a.renew();
  expect(a.holds('x')).toBeUndefined();
  await b.release(['x']);
  expect(await a.take(['x'])).toEqual(['x']);
  expect(a.holds('x')).toBe(3);
});

test('when the clock of the table jumps, the old holder learns it at its next renewal', async () => {
  const { time, all } = world([
    { rate: 1, offset: 0 },
    { rate: 1, offset: 0 },
  ]);
  const [a, b] = all as [Leases, Leases];
  await a.take(['x']);
  time.jump = TTL;
  expect(await b.take(['x'])).toEqual(['x']);
  expect(a.holds('x')).toBe(1);
  await a.renew();
  expect(a.holds('x')).toBeUndefined();
  expect(b.holds('x')).toBe(2);
});
