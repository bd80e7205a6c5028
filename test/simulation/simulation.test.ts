import { expect, test } from 'vitest';
import { reportOf, type SimulationOptions, simulate } from './simulate.ts';

// Default: 20 seeds of one simulated hour; ATALAIA_TEST=all: 200 more of one simulated day.
const isAll = process.env.ATALAIA_TEST === 'all';
const from = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);

const seen = new Set<string>();
const digests = new Map<number, string>();

async function keepsAll(options: SimulationOptions): Promise<void> {
  const result = await simulate(options);
  expect(result.violations.length, reportOf(result, options)).toBe(0);
  // A run in which nothing happened would keep every promise too.
  expect(result.totals.reports).toBeGreaterThan(300);
  expect(result.totals.revisions).toBeGreaterThan(20);
  expect(result.totals.deliveries).toBeGreaterThan(20);
  for (const event of result.counts.keys()) seen.add(event);
  if (options.cadence !== 'day') digests.set(options.seed, result.digest);
}

test.each(from(1, 20))('an hour with faults keeps every promise: seed %i', (seed) => keepsAll({ seed }));

test('one seed is one history, and each seed its own', async () => {
  expect((await simulate({ seed: 7 })).digest).toBe(digests.get(7) ?? (await simulate({ seed: 7 })).digest);
  expect(new Set(digests.values()).size).toBe(digests.size);
});

const wanted = [
  ...[
    'power cut',
    'log process dies',
    'EIO on sync',
    'EIO on write',
    'disk full',
    'bit rot',
    'log: torn tail',
  ],
  ...['log does not open: ATL_LOG_DAMAGED', 'worker-a crashes', 'worker-b is paused', 'worker-b wakes up'],
  ...['worker-a lost its lease', 'worker-a fails: ATL_FENCED', 'partition # moves', 'archive falls back'],
  ...['front crashes', 'front is paused', 'clock of the front is set', 'gap tick', 'channel is down'],
];

test('the seeds reached every sort of fault', () => {
  // Where single tests are picked out there is nothing to say.
  if (digests.size < 20) return;
  expect(wanted.filter((event) => !seen.has(event))).toEqual([]);
});

test.skipIf(!isAll).each(from(0, 10))(
  'a day with faults keeps every promise: twenty seeds, lot %i',
  async (ten) => {
    for (const seed of from(20 * ten + 1, 20)) await keepsAll({ seed, cadence: 'day' });
  },
  300_000,
);
