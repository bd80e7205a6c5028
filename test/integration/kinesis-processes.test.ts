import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/lib/random.ts';
import { openKinesisLog } from '../../src/log/kinesis/kinesis-log.ts';
import type { Ledger } from '../../src/store/ledger/ledger.ts';
import { openPostgresCoordination } from '../../src/store/ledger/postgresql/coordination.ts';
import { openPostgresLedger } from '../../src/store/ledger/postgresql/ledger.ts';
import { openSqliteCoordination } from '../../src/store/ledger/sqlite/coordination.ts';
import { openSqliteLedger } from '../../src/store/ledger/sqlite/ledger.ts';
import { KinesisServer, whyNoKinesis } from '../servers/kinesis.ts';
import { inTrouble, withFaults, writers } from '../servers/kinesis-load.ts';
import type { WorkerPlan } from '../servers/kinesis-worker.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';
import { pause, temporaryFolder, until } from './server.ts';

// Several processes share a stream that is split and merged under load while the service refuses and forgets; one is
// killed, one sleeps beyond its leases and wakes. The ledger must have each record once, in order.

const reason = whyNoKinesis();
const PARTITIONS = 8;
const LIMIT_MS = 60_000;
const SEED = Number(process.env.SEED ?? 11);
const folder = temporaryFolder();
let server: KinesisServer;
let database: PostgresqlServer | undefined;

/** A worker, and what it has told. */
class Worker {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  told = '';

  constructor(plan: WorkerPlan) {
    const script = join(import.meta.dirname, '../servers/kinesis-worker.ts');
    this.#child = spawn(process.execPath, [script, JSON.stringify(plan)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
    });
    this.#ended = once(this.#child, 'exit');
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.told += text;
    });
  }

  /** Partitions that it holds by what it told, ascending. */
  get held(): readonly number[] {
    const held = new Set<number>();
    for (const [, what, list] of this.told.matchAll(/^(assigned|revoked|lost) ([\d,]+)$/gm))
      for (const partition of (list as string).split(',').map(Number))
        what === 'assigned' ? held.add(partition) : held.delete(partition);
    return [...held].sort((a, b) => a - b);
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name);
  }

  async end(name: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill(name);
      await this.#ended;
    }
    return this.#child.exitCode;
  }
}

const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
const share = (...workers: readonly Worker[]): Promise<void> =>
  until(
    () =>
      workers.every(({ held }) => held.length === PARTITIONS / workers.length) &&
      new Set(workers.flatMap(({ held }) => held)).size === PARTITIONS,
    LIMIT_MS,
    `${workers.length} workers to share: ${workers.map(({ told }) => told).join(' | ')}`,
  );

/** Stops a worker, but not in the middle of a transaction: of one file nobody else could write any more. */
async function putToSleep(worker: Worker, ledger: Ledger): Promise<void> {
  for (;;) {
    worker.signal('SIGSTOP');
    const isFree = await ledger.putMeta('probe', 'x').then(
      () => true,
      () => false,
    );
    if (isFree) return;
    worker.signal('SIGCONT');
    await pause(100);
  }
}

describe.skipIf(reason !== undefined)(`processes on Kinesis${reason ? ` (${reason})` : ''}`, () => {
  const workers: Worker[] = [];
  beforeAll(async () => {
    server = await KinesisServer.start();
    if (findPostgresql()) database = await PostgresqlServer.start();
  });
  afterEach(async () => {
    for (const worker of workers.splice(0)) {
      worker.signal('SIGCONT');
      await worker.end('SIGKILL');
    }
  });
  afterAll(async () => {
    await server?.stop();
    await database?.stop();
    folder.remove();
  });

  for (const kind of ['polled, ledger in SQLite', 'subscribed, ledger in PostgreSQL'] as const) {
    const isFile = kind.includes('SQLite');
    test.skipIf(!isFile && !findPostgresql())(
      `a kill, a zombie, a split and a merge under load: ${kind}${isFile ? '' : postgresqlHint}`,
      async () => {
        console.log(`seed ${SEED}`);
        const stream = isFile ? 'polled' : 'subscribed';
        const store: WorkerPlan['store'] = isFile
          ? { path: join(folder.path, 'ledger.sqlite') }
          : { url: (database as PostgresqlServer).url, schema: 'shared' };
        const shared = await ('path' in store
          ? openSqliteCoordination(store)
          : openPostgresCoordination(store));
        const trouble = inTrouble(seededRandom(SEED));
        const log = await openKinesisLog({
          ...server.access,
          ...{ stream, partitions: PARTITIONS, shards: 2, pollMs: 60, index: shared.index },
          configure: withFaults(trouble.fault),
        });
        const ledger = await ('path' in store ? openSqliteLedger(store) : openPostgresLedger(store));
        const committed = async (): Promise<number> =>
          (await ledger.positions()).reduce((sum, { offset }) => sum + offset, 0);
        const progress = async (): Promise<void> => {
          const from = await committed();
          await until(async () => (await committed()) > from + 5 * PARTITIONS, LIMIT_MS, 'commits');
        };
        const work = (): Worker => {
          const worker = new Worker({
            access: server.access,
            ...{ stream, partitions: PARTITIONS, ttlMs: 3000, store, seed: SEED + workers.length },
            ...(isFile ? {} : { consumer: 'worker' }),
          });
          workers.push(worker);
          return worker;
        };

        const load = writers(log, PARTITIONS);
        const [a, b] = [work(), work()];
        await share(a, b);
        await progress();
        await server.splitFirst(stream);
        await progress();

        await a.end('SIGKILL');
        await share(b);
        await progress();
        const c = work();
        await share(b, c);
        await server.mergeRight(stream);
        await progress();

        const slept = c.held;
        await putToSleep(c, ledger);
        await until(() => b.held.length === PARTITIONS, LIMIT_MS, `b to hold all: ${b.told}`);
        await progress();
        c.signal('SIGCONT');
        await until(() => c.told.includes('lost'), LIMIT_MS, `the zombie to be told: ${c.told}`);
        for (const partition of slept) expect(c.told).toContain(`late ${partition} ATL_FENCED`);
        expect(c.told).not.toContain('COMMITTED');
        await share(b, c);
        await progress();

        await load.stop();
        const wanted = load.acknowledged.reduce((sum, { size }) => sum + size, 0);
        await until(async () => (await committed()) === wanted, LIMIT_MS, 'all to be committed');
        expect(await Promise.all([b.end('SIGTERM'), c.end('SIGTERM')])).toEqual([0, 0]);
        expect(trouble.faults).toBeGreaterThan(5);

        const found = all.map((): [number, string][] => []);
        for (let position: string | null = null; ; ) {
          const page: Awaited<ReturnType<typeof ledger.since>> = await ledger.since(position, 1000);
          if (!page?.length) break;
          for (const entry of page) {
            const [partition, offset] = entry.position.split(':').map(Number) as [number, number];
            found[partition]?.push([offset, entry.revision.event.alert]);
          }
          position = page.at(-1)?.position ?? null;
        }
        expect(found).toEqual(load.acknowledged.map((own) => [...own]));
        expect(found.map((own) => own.map(([, text]) => text))).toEqual(
          found.map((own, p) => own.map((_, i) => `${p}:${i}`)),
        );
        await Promise.all([log.close(), ledger.close()]);
        await shared.close();
      },
    );
  }
});
