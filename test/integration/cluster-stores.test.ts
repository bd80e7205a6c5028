import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PARTITIONS, Showers } from '../../bench/guarantees-input.ts';
import { type CheckpointFlaw, CheckpointStore } from '../../src/app/checkpoints/checkpoints.ts';
import { DocumentCache } from '../../src/app/documents.ts';
import { openPostgresLedger, type PostgresqlLedger } from '../../src/store/ledger/postgresql/ledger.ts';
import { type FoldSnapshot, PartitionFold } from '../../src/stream/fold.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';

// What processes that share a ledger in PostgreSQL have in common beside it: checkpoints, and turns.

function folded(): FoldSnapshot {
  const documents = new DocumentCache();
  const showers = new Showers(5, documents);
  for (let i = 0; i < 20; i++) showers.step();
  const fold = new PartitionFold(documents.foldOptions());
  for (const record of showers.records[PARTITIONS - 1] ?? []) fold.apply(record);
  return fold.snapshot();
}

describe.skipIf(!findPostgresql())(`stores that processes share${postgresqlHint}`, () => {
  let server: PostgresqlServer;
  const ledgers: PostgresqlLedger[] = [];
  const open = async (schema: string): Promise<PostgresqlLedger> => {
    const ledger = await openPostgresLedger({ url: server.url, schema });
    ledgers.push(ledger);
    return ledger;
  };
  beforeAll(async () => {
    server = await PostgresqlServer.start();
  });
  afterAll(async () => {
    for (const ledger of ledgers) await ledger.close();
    await server?.stop();
  });

  test('a checkpoint of one process is read by another; a damaged one is passed over for the one before', async () => {
    const [one, two] = [await open('common'), await open('common')];
    const told: [string, CheckpointFlaw][] = [];
    const a = new CheckpointStore(one.checkpoints, () => {});
    const b = new CheckpointStore(two.checkpoints, (...flaw) => told.push(flaw));
    const snapshot = folded();
    expect(await b.newest(3, 100)).toBeUndefined();
    await a.write({ partition: 3, offset: 10, snapshot });
    await a.write({ partition: 3, offset: 20, snapshot });
    await a.write({ partition: 4, offset: 15, snapshot });
    expect(await b.newest(3, 100)).toEqual({ partition: 3, offset: 20, snapshot });
    expect((await b.newest(3, 19))?.offset).toBe(10);
    expect(await b.newest(3, 9)).toBeUndefined();
    const sealed = await b.newestSealed(3, 100);
    expect(sealed?.offset).toBe(20);
    const damaged = Uint8Array.from(sealed?.bytes ?? []);
    damaged[30] = (damaged[30] as number) ^ 1;
    await b.writeSealed(3, 20, damaged);
    expect((await b.newest(3, 100))?.offset).toBe(10);
    expect(told).toEqual([[expect.stringMatching(/PostgreSQL .* 3-20$/), 'damaged']]);
  });

  test('the rules of what is kept are those of files; who was replaced removes nothing', async () => {
    const ledger = await open('pruned');
    const store = new CheckpointStore(ledger.checkpoints, () => {});
    const snapshot = folded();
    for (let offset = 10; offset <= 80; offset += 10) await store.write({ partition: 0, offset, snapshot });
    const { epoch } = await ledger.acquire(0);
    const kept = (): Promise<readonly number[]> => ledger.checkpoints.offsets(0);
    await store.thin(0, [45], 25, epoch);
    expect(await kept()).toEqual([20, 30, 40, 70, 80]);
    await ledger.acquire(0);
    await store.prune(0, 55, [], epoch);
    expect(await kept()).toEqual([20, 30, 40, 70, 80]);
    expect(await store.prune(0, 55, [], epoch + 1)).toBe(40);
    expect(await kept()).toEqual([40, 70, 80]);
  });

  test('turns: one process at a time, whatever the work throws', async () => {
    const all = [await open('turns'), await open('turns'), await open('turns')];
    let inside = 0;
    let most = 0;
    let done = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside);
      await new Promise((next) => setTimeout(next, 5));
      inside--;
      if (++done % 4 === 0) throw new Error(`turn ${done}`);
    };
    const turns = await Promise.allSettled(
      Array.from({ length: 36 }, (_, i) => (all[i % 3] as PostgresqlLedger).exclusively(work)),
    );
    expect([most, done]).toEqual([1, 36]);
    const thrown = turns.flatMap((turn) =>
      turn.status === 'rejected' ? [(turn.reason as Error).message] : [],
    );
    expect(thrown.sort()).toEqual(Array.from({ length: 9 }, (_, i) => `turn ${4 * (i + 1)}`).sort());
    // More turns wait than there are connections, and what they do takes connections too.
    const asked = await Promise.all(
      Array.from({ length: 30 }, () => all[0]?.exclusively(async () => all[0]?.positions())),
    );
    expect(asked).toHaveLength(30);
  });

  test('a process that loses its connection lets the next one in', async () => {
    const [one, two] = [await open('let_in'), await open('let_in')];
    const gate = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const first = one.exclusively(async () => {
      entered.resolve();
      await gate.promise;
      return 'first';
    });
    await entered.promise;
    const second = two.exclusively(async () => 'second');
    await server.kill(true);
    await server.restart();
    expect(await second).toBe('second');
    gate.resolve();
    expect(await first).toBe('first');
    expect(await one.exclusively(async () => 'again')).toBe('again');
  });
});
