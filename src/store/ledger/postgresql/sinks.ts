import { AtalaiaError } from '../../../lib/errors.ts';
import type { Ledger, LedgerBatch } from '../ledger.ts';
import type { Database } from './database.ts';
import type { NewRevision } from './revisions.ts';
import type { Row, Session } from './session.ts';

const REPEATS = 'repeats';
const keyOf = (sink: string, partition: number | string): string => `position:${sink}:${partition}`;

interface Held {
  readonly partition: number;
  readonly epoch: number;
}
type Moves = Parameters<Ledger['moveSink']>[1];

/** Positions of sinks without transactions of their own. */
export function sinkStore(db: Database): Pick<Ledger, 'sinkPositions' | 'moveSink'> {
  return {
    async sinkPositions(sink) {
      const prefix = keyOf(sink, '');
      const rows = await db.all('SELECT key, value FROM meta WHERE starts_with(key, $1)', prefix);
      return rows
        .map(({ key, value }) => ({
          partition: Number(String(key).slice(prefix.length)),
          offset: Number(value),
        }))
        .sort((a, b) => a.partition - b.partition);
    },
    async moveSink(sink, moves) {
      if (moves.length === 0) return;
      await db.transaction((session) => moveAll(session, sink, moves), {
        isCommitted: () => db.transaction((session) => stands(session, sink, moves)),
      });
    },
  };
}

/**
 * Locks the positions of the batches' partitions, in their order, and throws ATL_FENCED unless each is held under the
 * epoch given.
 */
export async function fenceEpochs(session: Session, batches: readonly Held[]): Promise<void> {
  const rows = await session.all(
    'SELECT partition, epoch FROM positions WHERE partition = ANY($1::bigint[]) ORDER BY partition FOR UPDATE',
    batches.map(({ partition }) => partition),
  );
  const epochs = new Map(rows.map((row) => [Number(row.partition), Number(row.epoch)]));
  for (const { partition, epoch } of batches) {
    const held = epochs.get(partition);
    if (held === epoch) continue;
    throw new AtalaiaError(
      'ATL_FENCED',
      `Partition ${partition}: a write of epoch ${epoch} was refused; ${held === undefined ? 'nobody has acquired it in this ledger' : `the ledger is at epoch ${held}`}. Acquire the partition again and fold on from its position.`,
    );
  }
}

/** The rows that the ledger does not have yet; the others, and repeats among the rows, are counted. */
export async function withoutRepeats(
  session: Session,
  rows: readonly NewRevision[],
): Promise<readonly NewRevision[]> {
  const nameOf = ({ revision: { event } }: NewRevision): string => `${event.alert} ${event.revision}`;
  const found = await session.all(
    `SELECT r.alert, r.revision FROM revisions AS r
     JOIN unnest($1::text[], $2::bigint[]) AS t (alert, revision) ON t.alert = r.alert AND t.revision = r.revision`,
    rows.map(({ revision }) => revision.event.alert),
    rows.map(({ revision }) => revision.event.revision),
  );
  const there = new Set(found.map(({ alert, revision }) => `${alert} ${revision}`));
  const fresh = rows.filter((row) => {
    const isFresh = !there.has(nameOf(row));
    there.add(nameOf(row));
    return isFresh;
  });
  if (fresh.length < rows.length) {
    await session.run(
      `INSERT INTO meta AS m (key, value) VALUES ($1, $2::bigint::text)
       ON CONFLICT (key) DO UPDATE SET value = (m.value::bigint + $2::bigint)::text`,
      REPEATS,
      rows.length - fresh.length,
    );
  }
  return fresh;
}

/** What a batch adds, each with its position. */
export const rowsOf = (batches: readonly LedgerBatch[]): readonly NewRevision[] =>
  batches.flatMap(({ partition, revisions }) =>
    revisions.map(({ offset, index, revision }) => ({
      position: `${partition}:${offset}:${index}`,
      revision,
    })),
  );

async function moveAll(session: Session, sink: string, moves: Moves): Promise<void> {
  await fenceEpochs(session, moves);
  const moved = await stored(session, sink, moves);
  for (const { partition, from, to } of moves) {
    const key = keyOf(sink, partition);
    const at = moved.get(key) ?? 0;
    if (at !== from) {
      throw new AtalaiaError(
        'ATL_FENCED',
        `${key} is ${at} in the ledger; a move from ${from} was refused. Fold on from the stored position.`,
      );
    }
    moved.set(key, to);
  }
  await session.run(
    `INSERT INTO meta (key, value) SELECT * FROM unnest($1::text[], $2::text[]) AS t (key, value) ORDER BY key
     ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    [...moved.keys()],
    [...moved.values()].map(String),
  );
}

async function stored(session: Session, sink: string, moves: Moves): Promise<Map<string, number>> {
  const rows: readonly Row[] = await session.all(
    'SELECT key, value FROM meta WHERE key = ANY($1::text[])',
    moves.map(({ partition }) => keyOf(sink, partition)),
  );
  return new Map(rows.map(({ key, value }) => [String(key), Number(value)]));
}

/** After a lost COMMIT: one move that changes its position tells for all; the row lock waits for a process still at it. */
async function stands(session: Session, sink: string, moves: Moves): Promise<boolean> {
  await session.all(
    'SELECT partition FROM positions WHERE partition = ANY($1::bigint[]) ORDER BY partition FOR UPDATE',
    moves.map(({ partition }) => partition),
  );
  const telling = moves.find(({ from, to }) => to > from);
  if (telling === undefined) return false;
  return ((await stored(session, sink, moves)).get(keyOf(sink, telling.partition)) ?? 0) >= telling.to;
}
