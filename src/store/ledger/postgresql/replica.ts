import type { Database } from './database.ts';
import type { Row, Session, Value } from './session.ts';

/** Reads that a replica may answer. */
export type Reader = Pick<Session, 'all'>;

/** The replica is asked how far it is at most this often while it is read. */
const CHECK_EVERY_MS = 500;

/**
 * Sends reads to the replica while it is known to lag no more than `maxStalenessMs` behind, else to the primary. Bounded
 * without comparing clocks of two machines: the primary tells its position in the write-ahead log at our instant t; once
 * the replica has replayed that position, what it answers is no older than t. `now` is monotonic, ms.
 */
export function boundedReader(
  primary: Pick<Database, 'all' | 'get'>,
  replica: Pick<Database, 'all' | 'get'>,
  maxStalenessMs: number,
  now: () => number,
): Reader {
  let freshAt = Number.NEGATIVE_INFINITY;
  let checkedAt = Number.NEGATIVE_INFINITY;
  let checking: Promise<void> | null = null;

  /** What the replica has not yet reached: under load it is always a little behind the newest. */
  let awaited: { readonly lsn: string; readonly at: number } | null = null;

  const isReached = async (lsn: string): Promise<boolean> =>
    // A server that follows nobody (promoted, or the wrong one) is no replica of ours.
    (
      await replica.get(
        'SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= $1::pg_lsn AS reached',
        lsn,
      )
    )?.reached === true;

  async function check(): Promise<void> {
    checkedAt = now();
    if (awaited && checkedAt - awaited.at > maxStalenessMs) awaited = null;
    if (awaited && (await isReached(awaited.lsn))) {
      freshAt = awaited.at;
      awaited = null;
    }
    if (awaited) return;
    const at = now();
    const row = await primary.get('SELECT pg_current_wal_flush_lsn()::text AS lsn');
    awaited = { lsn: String(row?.lsn), at };
    if (!(await isReached(awaited.lsn))) return;
    freshAt = at;
    awaited = null;
  }

  return {
    async all(sql: string, ...values: readonly Value[]): Promise<readonly Row[]> {
      if (now() - checkedAt >= CHECK_EVERY_MS) {
        // A replica or primary that does not answer leaves the bound to decide.
        checking ??= check()
          .catch(() => {})
          .finally(() => {
            checking = null;
          });
        await checking;
      }
      if (now() - freshAt > maxStalenessMs) return primary.all(sql, ...values);
      try {
        return await replica.all(sql, ...values);
      } catch {
        // Cancelled by replay, or gone: the primary has every row too.
        freshAt = Number.NEGATIVE_INFINITY;
        return primary.all(sql, ...values);
      }
    },
  };
}
