import { expect, test } from 'vitest';
import { boundedReader } from './replica.ts';

const STALENESS_MS = 3000;

/** A primary that writes a unit per ms and a replica `lagMs` behind it; both say who answered. */
function setting(lagMs: number) {
  const world = { now: 0, lagMs, isReplicaUp: true, replayedAt: 0 };
  const reader = boundedReader(
    { all: async () => [{ by: 'primary' }], get: async () => ({ lsn: `${world.now}` }) },
    {
      all: async () => {
        if (!world.isReplicaUp) throw new Error('cancelled by replay');
        world.replayedAt = world.now - world.lagMs;
        return [{ by: 'replica' }];
      },
      get: async (_, lsn) => {
        if (!world.isReplicaUp) throw new Error('away');
        return { reached: world.now - world.lagMs >= Number(lsn) };
      },
    },
    STALENESS_MS,
    () => world.now,
  );
  const askAfter = async (ms: number): Promise<unknown> => {
    world.now += ms;
    return (await reader.all('SELECT 1'))[0]?.by;
  };
  return { world, askAfter };
}

test('a replica that is always a little behind is used, and never beyond the bound', async () => {
  for (const lagMs of [0, 1, 400, 1500, 2900, 3100, 10_000]) {
    const { world, askAfter } = setting(lagMs);
    let byReplica = 0;
    for (let step = 0; step < 200; step++) {
      if ((await askAfter(100)) !== 'replica') continue;
      byReplica++;
      expect(world.now - world.replayedAt).toBeLessThanOrEqual(STALENESS_MS);
    }
    if (lagMs <= 1500) expect(byReplica).toBeGreaterThan(150);
    if (lagMs > STALENESS_MS) expect(byReplica).toBe(0);
  }
});

test('a replica that stops, or goes away, gives way to the primary and comes back', async () => {
  const { world, askAfter } = setting(0);
  expect(await askAfter(600)).toBe('replica');
  world.isReplicaUp = false;
  expect(await askAfter(10)).toBe('primary');
  expect(await askAfter(600)).toBe('primary');
  world.isReplicaUp = true;
  expect(await askAfter(600)).toBe('replica');
  // It replays no more: the lag grows with the clock.
  for (let step = 0; step < 60; step++) {
    world.lagMs += 100;
    await askAfter(100);
  }
  expect(await askAfter(0)).toBe('primary');
});
