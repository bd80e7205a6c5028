import { describe, expect, test } from 'vitest';
import { benchGuarantees, type GuaranteesCase } from '../../bench/guarantees.ts';
import type { Guarantee } from '../../src/app/sinks/guarantee.ts';

// Thirty crashes at every point in turn under each guarantee; `atalaia bench guarantees` does two hundred.

const seed = Number(process.env.ATALAIA_TEST_SEED ?? Date.now() % 1_000_000);
const CRASHES = 30;

async function crashed(guarantee: Guarantee): Promise<Record<string, GuaranteesCase>> {
  console.log(`${guarantee}: seed ${seed}`);
  const result = await benchGuarantees({ crashes: CRASHES, seed, guarantees: [guarantee] });
  const died = Object.values(result.points[guarantee] ?? {}).reduce((sum, count) => sum + count, 0);
  expect(died).toBe(CRASHES);
  expect(Object.keys(result.points[guarantee] ?? {}).length).toBeGreaterThan(15);
  return Object.fromEntries(result.cases.map((one) => [one.sink, one]));
}

describe(`${CRASHES} crashes`, () => {
  test('exactly once: nothing is lost and nothing is repeated', async () => {
    const { ledger, archive, topic } = await crashed('exactly-once');
    for (const sink of [ledger, archive, topic]) {
      expect(sink?.records).toBeGreaterThan(50);
      expect(sink).toMatchObject({ lost: 0, repeated: 0, different: 0 });
    }
  });

  test('at least once: nothing is lost, something is repeated', async () => {
    for (const sink of Object.values(await crashed('at-least-once'))) {
      expect(sink).toMatchObject({ lost: 0, different: 0 });
      expect(sink.repeated).toBeGreaterThan(0);
    }
  });

  test('at most once: something is lost, nothing is repeated', async () => {
    for (const sink of Object.values(await crashed('at-most-once'))) {
      expect(sink).toMatchObject({ repeated: 0, different: 0 });
      expect(sink.lost).toBeGreaterThan(0);
    }
  });
});
