import { AtalaiaError } from '../../../lib/errors.ts';
import type { Ledger } from '../ledger.ts';
import type { Database } from './database.ts';

const REPEATS = 'repeats';
const keyOf = (sink: string, partition: number | string): string => `position:${sink}:${partition}`;

/** Positions of sinks without transactions of their own. */
export function sinkStore(db: Database): Pick<Ledger, 'sinkPositions' | 'moveSink'> {
  return {
    async sinkPositions(sink) {
      const prefix = keyOf(sink, '');
      const rows = db.all(
        'SELECT key, value FROM meta WHERE substr(key, 1, ?) = ?',
        [...prefix].length,
        prefix,
      );
      return rows
        .map(({ key, value }) => ({
          partition: Number(String(key).slice(prefix.length)),
          offset: Number(value),
        }))
        .sort((a, b) => a.partition - b.partition);
    },
    async moveSink(sink, moves) {
      db.transaction(() => {
        for (const { partition, epoch, from, to } of moves) {
          fence(db, partition, epoch);
          move(db, keyOf(sink, partition), from, to);
        }
      });
    },
  };
}

/** The revision is in the ledger already. */
export const isThere = (db: Database, alert: string, revision: number): boolean =>
  db.get('SELECT 1 FROM revisions WHERE alert = ? AND revision = ?', alert, revision) !== undefined;

/** Counts a revision that was given again. */
export const countRepeat = (db: Database): void =>
  void db.run(
    `INSERT INTO meta (key, value) VALUES (?, '1') ON CONFLICT (key) DO UPDATE SET value = CAST(value + 1 AS TEXT)`,
    REPEATS,
  );

/** Throws ATL_FENCED unless the partition is held under this epoch. */
export function fence(db: Database, partition: number, epoch: number): void {
  const row = db.get('SELECT epoch FROM positions WHERE partition = ?', partition);
  if (row && Number(row.epoch) === epoch) return;
  throw new AtalaiaError(
    'ATL_FENCED',
    `Partition ${partition}: a write of epoch ${epoch} was refused; ${row ? `the ledger is at epoch ${row.epoch}` : 'nobody has acquired it in this ledger'}. Acquire the partition again and fold on from its position.`,
  );
}

function move(db: Database, key: string, from: number, to: number): void {
  const stored = Number(db.get('SELECT value FROM meta WHERE key = ?', key)?.value ?? 0);
  if (stored !== from) {
    throw new AtalaiaError(
      'ATL_FENCED',
      `${key} is ${stored} in the ledger; a move from ${from} was refused. Fold on from the stored position.`,
    );
  }
  db.run(
    'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    key,
    String(to),
  );
}
