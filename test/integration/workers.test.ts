import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findRuleFiles } from '../../src/app/rule-files.ts';
import { openScenario } from '../../src/ingest/scenario.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { loadRules } from '../../src/rules/rule-set.ts';
import { pause, root } from './server.ts';
import { type Disturbed, randomFeed, runWorkers, undisturbed } from './workers-run.ts';

// The fold in worker threads: the same bytes for any number of them, and nothing lost or done twice when they end.

const isLong = process.env.ATALAIA_TEST === 'all';
/** Printed in the names of the tests; another one every time. */
const seed = Number(process.env.ATALAIA_TEST_SEED ?? Date.now() % 1_000_000);
const COUNTS = [1, 2, 4, 16];

describe('any number of workers', () => {
  test('the recorded storm gives the same events and observations', async () => {
    const scenario = openScenario(join(root, 'scenarios/rs-2024'));
    const { rules } = loadRules(findRuleFiles([join(root, 'rules/inmet')], 'rules'));
    const regions = [...new Set(scenario.stations.map(({ region }) => region))];
    const feed = {
      rules,
      // The number of the region chooses the partition; nothing in the results shows it.
      stations: scenario.stations.map((station) => ({
        ...station,
        region: `r${regions.indexOf(station.region)}`,
      })),
      reports: [...scenario.reports()],
    };
    const expected = undisturbed(feed);
    expect(expected.events.length).toBeGreaterThan(300);
    for (const workers of [0, ...COUNTS])
      expect(await runWorkers({ ...feed, partitions: 8, workers })).toEqual(expected);
  });

  for (let round = 0; round < (isLong ? 8 : 2); round++) {
    test(`a random log gives the same, seed ${seed + round}`, async () => {
      const random = seededRandom(seed + round);
      const feed = randomFeed(seed + round, 60, 40);
      const expected = undisturbed(feed);
      expect(expected.events.length).toBeGreaterThan(100);
      expect(expected.observations.length).toBeGreaterThan(3000);
      // Sixteen threads take longest to start, and what they show that four do not is shown by the first two logs.
      for (const workers of COUNTS.filter((count) => round < 2 || count <= 4)) {
        const partitions = 1 + Math.floor(random() * 64);
        expect(await runWorkers({ ...feed, partitions, workers, checkpointEveryMs: 20 })).toEqual(expected);
      }
    });
  }
});

describe('a worker that ends', () => {
  /** Ends a thread now and then, never so often that the pool gives up. */
  const killing =
    (random: () => number, kills: number) =>
    async ({ threads, isOver, events }: Disturbed): Promise<void> => {
      for (let kill = 0; kill < kills; kill++) {
        await pause(random() * 250);
        const thread = threads[Math.floor(random() * threads.length)];
        if (thread) await thread.terminate();
      }
      // What was ended after the last record was folded is replaced as well.
      await pause(50);
      expect(isOver() || events.length > 0).toBe(true);
      expect(events.filter(({ kind }) => kind === 'replaced').length).toBe(kills);
    };

  for (let round = 0; round < (isLong ? 20 : 3); round++) {
    test(`is replaced; nothing is lost and nothing done twice, seed ${seed + round}`, async () => {
      const random = seededRandom(seed + round);
      const feed = randomFeed(seed + round, 150, 60);
      const expected = undisturbed(feed);
      const stored = await runWorkers({
        ...feed,
        ...{ partitions: 1 + Math.floor(random() * 16), workers: 1 + Math.floor(random() * 3) },
        checkpointEveryMs: random() < 0.3 ? Number.POSITIVE_INFINITY : 20,
        disturb: killing(random, 5),
      });
      expect(stored).toEqual(expected);
    });
  }

  test(`too often ends the process with a clear error, seed ${seed}`, async () => {
    const feed = randomFeed(seed, 100, 20);
    const disturb = async ({ threads }: Disturbed): Promise<void> => {
      for (let kill = 0; kill < 30; kill++) {
        for (const thread of [...threads]) await thread.terminate();
        await pause(20);
      }
    };
    await expect(runWorkers({ ...feed, partitions: 4, workers: 2, disturb })).rejects.toThrow(
      /ended 6 times in a minute/,
    );
  });
});

test(`a record that cannot be folded is skipped by the list, and the fold goes on as if it were not there, seed ${seed}`, async () => {
  const feed = randomFeed(seed, 60, 30);
  const expected = undisturbed(feed);
  for (const workers of [0, 2]) {
    let skipped: readonly { readonly partition: number; readonly reason: string }[] = [];
    const stored = await runWorkers({
      ...feed,
      ...{ partitions: 3, workers, checkpointEveryMs: 20 },
      disturb: async ({ pipeline }) => {
        for (let bad = 0; bad < 4; bad++) {
          await pipeline.log.append([{ partition: bad % 3, key: 'x', payload: Uint8Array.of(255, bad) }]);
          await pause(40);
        }
        await pipeline.caughtUp();
        skipped = await pipeline.ledger.skips();
      },
    });
    expect(stored).toEqual(expected);
    expect(skipped.map(({ partition }) => partition).sort()).toEqual([0, 0, 1, 2]);
    expect(skipped[0]?.reason).toContain('its version is 255');
  }
});

describe('more and fewer workers', () => {
  test(`partitions move while they are folded, and nothing changes, seed ${seed}`, async () => {
    const feed = randomFeed(seed, 200, 60);
    const sizes: number[] = [];
    const stored = await runWorkers({
      ...feed,
      ...{ partitions: 16, workers: 1, checkpointEveryMs: 50 },
      disturb: async ({ pipeline, threads }) => {
        for (const size of [2, 4, 1, 3, 2]) {
          await pause(60);
          await pipeline.processor.scaleTo(size);
          sizes.push(pipeline.processor.workers, threads.length);
        }
      },
    });
    expect(sizes).toEqual([2, 2, 4, 4, 1, 1, 3, 3, 2, 2]);
    expect(stored).toEqual(undisturbed(feed));
  });
});
