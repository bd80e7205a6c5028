import { sleep, systemClock } from '../../src/lib/clock.ts';
import { seededRandom } from '../../src/lib/random.ts';
import type { KinesisAccess } from '../../src/log/kinesis/client.ts';
import { openKinesisLog } from '../../src/log/kinesis/kinesis-log.ts';
import { openKinesisMembership } from '../../src/log/kinesis/membership.ts';
import type { LogEntry } from '../../src/log/log.ts';
import { openPostgresCoordination } from '../../src/store/ledger/postgresql/coordination.ts';
import { openPostgresLedger } from '../../src/store/ledger/postgresql/ledger.ts';
import { raise } from '../../src/store/ledger/sample.ts';
import { openSqliteCoordination } from '../../src/store/ledger/sqlite/coordination.ts';
import { openSqliteLedger } from '../../src/store/ledger/sqlite/ledger.ts';
import { named, withFaults } from './kinesis-load.ts';

/** What a worker is told by its first argument, as JSON. */
export interface WorkerPlan {
  readonly access: KinesisAccess;
  readonly stream: string;
  readonly partitions: number;
  readonly ttlMs: number;
  /** Enhanced fan-out: what the consumers of all workers are called. */
  readonly consumer?: string;
  readonly store: { readonly path: string } | { readonly url: string; readonly schema: string };
  /** Refuses a part of the reads, by chance of this seed. */
  readonly seed: number;
}

// A process of its own that shares a stream: it commits each record of the partitions that it holds as a revision of
// an alert of that name, and tells on standard output what it holds. To be stopped and killed by a test.
const { access, stream, partitions, ttlMs, consumer, store, seed } = JSON.parse(
  process.argv[2] as string,
) as WorkerPlan;
const isFile = 'path' in store;
const ledger = await (isFile ? openSqliteLedger(store) : openPostgresLedger(store));
const shared = await (isFile ? openSqliteCoordination(store) : openPostgresCoordination(store));
const random = seededRandom(seed);
const log = await openKinesisLog({
  ...access,
  ...{ stream, partitions, pollMs: 60, index: shared.index },
  ...(consumer === undefined ? {} : { consumer: { name: consumer, leases: shared.leases } }),
  configure: withFaults(async (command, call) => {
    if (command === 'GetRecordsCommand' && random() < 0.1)
      throw named('ProvisionedThroughputExceededException');
    return call();
  }),
});

interface Running {
  isOver: boolean;
  done: Promise<void>;
  epoch: number;
  offset: number;
}
const running = new Map<number, Running>();
const text = new TextDecoder();

/** Reads on and commits until it is over or fenced; what else fails is tried again. */
async function fold(partition: number, state: Running): Promise<void> {
  while (!state.isOver) {
    try {
      const entries = await log.read(partition, state.offset, 50, 100);
      if (entries.length > 0) await commit(partition, state, entries);
    } catch (error) {
      console.log(`refused ${partition} ${codeOf(error)}`);
      if (codeOf(error) === 'ATL_FENCED') return;
      await sleep(systemClock, 200);
    }
  }
}

async function commit(partition: number, state: Running, entries: readonly LogEntry[]): Promise<void> {
  const { epoch, offset: from } = state;
  const to = (entries.at(-1)?.offset ?? 0) + 1;
  const revisions = entries.map(({ offset, payload }) => ({
    offset,
    index: 0,
    revision: raise(text.decode(payload)),
  }));
  await ledger.commit([{ partition, epoch, from, to, revisions, clockAt: 0 }]);
  state.offset = to;
}

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? String(error);

const membership = await openKinesisMembership({ leases: shared.leases, stream, partitions, ttlMs });
await membership.join('fold', {
  async onAssigned(given) {
    for (const partition of given) {
      const { epoch, offset } = await ledger.acquire(partition);
      const state: Running = { isOver: false, done: Promise.resolve(), epoch, offset };
      state.done = fold(partition, state);
      running.set(partition, state);
    }
    console.log(`assigned ${given.join()}`);
  },
  async onRevoked(gone, reason) {
    for (const partition of gone) {
      const state = running.get(partition) as Running;
      running.delete(partition);
      state.isOver = true;
      await state.done;
      if (reason === 'revoked') continue;
      // What a zombie would do once another one holds it: its place and its epoch are old. Before, a commit would be in
      // order, only that nobody may make it.
      const { epoch, offset } = state;
      const stored = (await ledger.positions()).find((position) => position.partition === partition);
      if (stored?.epoch === epoch) continue;
      const late = { offset, index: 0, revision: raise(`zombie ${partition}`) };
      await ledger
        .commit([{ partition, epoch, from: offset, to: offset + 1, revisions: [late], clockAt: 0 }])
        .then(
          () => console.log(`COMMITTED ${partition}`),
          (error) => console.log(`late ${partition} ${codeOf(error)}`),
        );
    }
    console.log(`${reason} ${gone.join()}`);
  },
});
process.once('SIGTERM', async () => {
  await membership.close();
  await log.close();
  await shared.close();
  await ledger.close();
});
