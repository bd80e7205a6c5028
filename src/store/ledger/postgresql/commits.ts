import { AtalaiaError, invariant } from '../../../lib/errors.ts';
import type { Ledger, LedgerBatch } from '../ledger.ts';
import { insertActs } from './acts.ts';
import type { Database } from './database.ts';
import { insertRevisions } from './revisions.ts';
import type { Row, Session } from './session.ts';
import { fenceEpochs, rowsOf, withoutRepeats } from './sinks.ts';

interface Position {
  readonly partition: number;
  readonly epoch: number;
  readonly offset: number;
  readonly clockAt: number;
}

/** By name: a prepared statement must not change its columns when a newer program adds one. */
const columns = 'partition, epoch, "offset", clock_at';

const toPosition = (row: Row): Position => ({
  partition: Number(row.partition),
  epoch: Number(row.epoch),
  offset: Number(row.offset),
  clockAt: Number(row.clock_at),
});

/** Positions and commits: who owns a partition, and what its fold adds. `now` stamps outbox rows, epoch ms. */
export function commitStore(
  db: Database,
  now: () => number,
): Pick<Ledger, 'acquire' | 'commit' | 'positions'> {
  return {
    // Repeated after a lost answer it raises the epoch once more, which fences nobody but us.
    async acquire(partition) {
      const row = await db.get(
        `INSERT INTO positions AS p (partition, epoch, "offset", clock_at) VALUES ($1, 1, 0, 0)
         ON CONFLICT (partition) DO UPDATE SET epoch = p.epoch + 1 RETURNING ${columns}`,
        partition,
      );
      invariant(row, 'the upsert of a position returned no row');
      const { epoch, offset, clockAt } = toPosition(row);
      return { epoch, offset, clockAt };
    },
    async commit(batches, what = 'both') {
      if (batches.length === 0) return;
      if (what === 'effects') {
        // After a lost answer it is repeated: what stands already is counted as a repeat, and stays once.
        await db.transaction((session) => commitEffects(session, batches, now()));
        return;
      }
      await db.transaction((session) => commitBatches(session, batches, now()), {
        isCommitted: () => db.transaction((session) => stands(session, batches)),
      });
    },
    async positions() {
      return (await db.all(`SELECT ${columns} FROM positions ORDER BY partition`)).map(toPosition);
    },
  };
}

async function commitBatches(
  session: Session,
  batches: readonly LedgerBatch[],
  createdAt: number,
): Promise<void> {
  const moved = advance(await lockPositions(session, batches), batches);
  const rows = rowsOf(batches);
  await session.run(
    `UPDATE positions AS p SET "offset" = m."offset", clock_at = m.clock_at
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS m (partition, "offset", clock_at)
     WHERE p.partition = m.partition`,
    moved.map(({ partition }) => partition),
    moved.map(({ offset }) => offset),
    moved.map(({ clockAt }) => clockAt),
  );
  if (rows.length > 0) await insertRevisions(session, rows, createdAt);
  await insertActs(session, batches, rows);
}

/** Adds what is not there yet and moves nothing; the epochs alone are the fence. */
async function commitEffects(
  session: Session,
  batches: readonly LedgerBatch[],
  createdAt: number,
): Promise<void> {
  await fenceEpochs(session, batches);
  const rows = await withoutRepeats(session, rowsOf(batches));
  if (rows.length > 0) await insertRevisions(session, rows, createdAt);
  await insertActs(session, batches, rows);
}

/** Takes the row locks in the order of partitions, so that two commits never wait for each other in a ring. */
async function lockPositions(
  session: Session,
  batches: readonly LedgerBatch[],
): Promise<ReadonlyMap<number, Position>> {
  const rows = await session.all(
    `SELECT ${columns} FROM positions WHERE partition = ANY($1::bigint[]) ORDER BY partition FOR UPDATE`,
    batches.map(({ partition }) => partition),
  );
  return new Map(rows.map((row) => [Number(row.partition), toPosition(row)]));
}

/** Compare and swap: where every partition stands after the batches. Throws ATL_FENCED when one does not fit. */
function advance(
  stored: ReadonlyMap<number, Position>,
  batches: readonly LedgerBatch[],
): readonly Position[] {
  const moved = new Map<number, Position>();
  for (const batch of batches) {
    const { partition, epoch, from, to, clockAt } = batch;
    const held = moved.get(partition) ?? stored.get(partition);
    if (!held || held.epoch !== epoch || held.offset !== from) {
      const place = held
        ? `the ledger is at epoch ${held.epoch}, offset ${held.offset}`
        : 'nobody has acquired it in this ledger';
      throw new AtalaiaError(
        'ATL_FENCED',
        `Partition ${partition}: commit of epoch ${epoch} from offset ${from} refused; ${place}. ` +
          'Acquire the partition again and fold on from its position.',
      );
    }
    moved.set(partition, { partition, epoch, offset: to, clockAt });
  }
  return [...moved.values()];
}

/**
 * After a lost COMMIT: does it stand? The row lock waits for a server process that is still at it. All batches are one
 * transaction, so one that moves its position tells for all.
 */
async function stands(session: Session, batches: readonly LedgerBatch[]): Promise<boolean> {
  const stored = await lockPositions(session, batches);
  const telling = batches.find(({ from, to }) => to > from);
  return telling !== undefined && (stored.get(telling.partition)?.offset ?? 0) >= telling.to;
}
