import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOUR_MS } from '../../src/model/time.ts';
import { batch, observation } from '../../src/store/archive/conformance.ts';
import { openPostgresArchive } from '../../src/store/archive/postgresql/archive.ts';
import type { Ledger } from '../../src/store/ledger/ledger.ts';
import { openPostgresLedger } from '../../src/store/ledger/postgresql/ledger.ts';
import { raise, sampleAt, sampleSubscription } from '../../src/store/ledger/sample.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';

// `kill -9` of the server at seeded moments while everything is being committed: what was acknowledged is there, once.

const KILLS = process.env.ATALAIA_TEST === 'all' ? 80 : 10;
const seed = Number(process.env.ATALAIA_TEST_SEED ?? Date.now() % 1_000_000);
const PARTITIONS = [0, 1, 2];
const LEASE_MS = 1_000_000;
/** A restart with its recovery takes seconds on a busy machine. */
const RETRY_MS = 60_000;

/** Mulberry32. */
function seeded(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.skipIf(!findPostgresql())(`PostgreSQL under kill -9${postgresqlHint}`, () => {
  let server: PostgresqlServer;
  beforeAll(async () => {
    server = await PostgresqlServer.start();
  });
  afterAll(() => server?.stop());

  test(`${KILLS} kills, seed ${seed}: nothing acknowledged is lost, nothing is there twice`, async () => {
    const random = seeded(seed);
    const ledger = await openPostgresLedger({ url: server.url, retryMs: RETRY_MS });
    const archive = await openPostgresArchive({ url: server.url, retryMs: RETRY_MS, now: () => sampleAt });
    const work = { isOver: false };
    const positions = new Map<string, number>();
    const archived = { offset: 0, rows: 0 };
    const handled: string[] = [];

    async function foldAndCommit(partition: number): Promise<void> {
      const { epoch } = await ledger.acquire(partition);
      for (let from = 0; !work.isOver; from++) {
        const revisions = [0, 1].map((index) => ({
          offset: from,
          index,
          revision: raise(`${partition}-${from}-${index}`),
        }));
        await ledger.commit([{ partition, epoch, from, to: from + 1, revisions, clockAt: sampleAt }]);
        positions.set(`${partition}`, from + 1);
      }
    }
    async function archiveAll(): Promise<void> {
      for (let from = 0; !work.isOver; from++) {
        const rows = Array.from({ length: 50 }, (_, index) =>
          observation(0, 1, {
            station: `S${index}`,
            observedAt: sampleAt + from * 60_000,
            intervalMs: 60_000,
          }),
        );
        await archive.commit([batch(from, from + 1, rows)]);
        archived.offset = from + 1;
        archived.rows += rows.length;
      }
    }
    const claimAndSettle = async (): Promise<number> => {
      const rows = await ledger.outbox(200);
      const deliveries = [{ subscription: sampleSubscription('s'), destination: 'd' }];
      await ledger.expand(
        rows.map(({ revision }) => ({ seq: revision.seq, deliveries })),
        sampleAt,
      );
      const claimed = await ledger.claim({
        channel: 'ops',
        notTo: [],
        now: sampleAt,
        leaseUntil: sampleAt + LEASE_MS,
        limit: 200,
        claimer: 'one',
      });
      handled.push(...claimed.map(({ key }) => key));
      await ledger.settle(claimed.map(({ key }) => ({ key, state: 'delivered', at: sampleAt })));
      return claimed.length + rows.length;
    };
    async function dispatch(): Promise<void> {
      while (!work.isOver) await claimAndSettle();
    }

    const running = Promise.all([...PARTITIONS.map(foldAndCommit), archiveAll(), dispatch()]);
    // A failure shows at once, not after the last kill.
    const failed = running.then(
      () => undefined,
      (error: unknown) => error,
    );
    for (let kill = 0; kill < KILLS; kill++) {
      const error = await Promise.race([failed, pause(50 + random() * 500).then(() => 'working')]);
      if (error !== 'working') throw error;
      await server.kill(random() < 0.5);
      await server.restart();
    }
    work.isOver = true;
    await running;

    await ledger.reclaim('one', sampleAt);
    while ((await claimAndSettle()) > 0);
    await checkLedger(ledger, positions, handled);
    expect(await archive.positions()).toEqual([{ partition: 0, epoch: 1, offset: archived.offset }]);
    const question = { station: 'S7', from: 0, to: 2 ** 42, everyMs: null, limit: 100_000 };
    expect(await archive.series(question)).toHaveLength(archived.offset);
    const hours = await archive.series({ ...question, everyMs: HOUR_MS });
    expect(hours.reduce((sum, { values }) => sum + (values.rainfall?.count ?? 0), 0)).toBe(archived.offset);
    console.log(`${handled.length} revisions and ${archived.rows} observations over ${KILLS} kills`);
    await archive.close();
    await ledger.close();
  });
});

async function checkLedger(
  ledger: Ledger,
  positions: ReadonlyMap<string, number>,
  handled: readonly string[],
): Promise<void> {
  const expected = PARTITIONS.flatMap((partition) =>
    Array.from({ length: 2 * (positions.get(`${partition}`) ?? 0) }, (_, index) =>
      [partition, Math.floor(index / 2), index % 2].join(':'),
    ),
  );
  expect(expected.length).toBeGreaterThan(KILLS);
  const seen: string[] = [];
  const seqs: number[] = [];
  for (;;) {
    const page = (await ledger.since(seen.at(-1) ?? null, 1000)) ?? [];
    if (page.length === 0) break;
    seen.push(...page.map(({ position }) => position));
    seqs.push(...page.map(({ seq }) => seq));
  }
  expect(seen.toSorted()).toEqual(expected.toSorted());
  expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  expect((await ledger.positions()).map(({ partition, offset }) => [`${partition}`, offset])).toEqual(
    [...positions].sort(),
  );
  expect(new Set(handled).size).toBe(expected.length);
  // A claim whose answer was lost was handled by nobody, so none is handled twice.
  expect(handled).toHaveLength(expected.length);
}
