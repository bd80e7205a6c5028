import { backup, DatabaseSync } from 'node:sqlite';
import { AtalaiaError } from '../../../lib/errors.ts';

/** All pages in one step: a step sees one state, and a writer between two steps would begin the copy anew. */
const ALL_PAGES = 2 ** 30;

/** A consistent copy of the ledger, by SQLite's own online backup; others may go on writing. @throws AtalaiaError ATL_STORE */
export async function copyLedger(path: string, to: string): Promise<void> {
  let source: DatabaseSync | undefined;
  try {
    source = new DatabaseSync(path, { timeout: 5000 });
    await backup(source, to, { rate: ALL_PAGES });
  } catch (cause) {
    throw failed(path, cause);
  } finally {
    source?.close();
  }
  onFile(to, (copy) => {
    const [row] = copy.prepare('PRAGMA integrity_check(1)').all();
    if (row?.integrity_check !== 'ok')
      throw new Error(`the copy is damaged: ${String(row?.integrity_check)}`);
    // One file, without a write-ahead log beside it.
    copy.exec('PRAGMA journal_mode = DELETE');
  });
}

/** Drops every delivery that was not made yet, and notes `value` under `key`, in one transaction. Returns how many there were. */
export function dropUndelivered(path: string, key: string, value: string): number {
  return onFile(path, (ledger) => {
    ledger.exec('BEGIN IMMEDIATE');
    const { changes } = ledger
      .prepare(
        "UPDATE deliveries SET state = 'dropped', claimer = NULL, last_error = 'restored from a backup' WHERE state IN ('waiting', 'sending')",
      )
      .run();
    // What was held back then is not told now.
    ledger.exec('UPDATE deliveries SET withheld = NULL WHERE withheld IS NOT NULL');
    ledger
      .prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value')
      .run(key, value);
    ledger.exec('COMMIT');
    return Number(changes);
  });
}

function onFile<T>(path: string, work: (ledger: DatabaseSync) => T): T {
  let ledger: DatabaseSync | undefined;
  try {
    ledger = new DatabaseSync(path, { timeout: 5000 });
    return work(ledger);
  } catch (cause) {
    throw failed(path, cause);
  } finally {
    ledger?.close();
  }
}

const failed = (path: string, cause: unknown): AtalaiaError =>
  new AtalaiaError(
    'ATL_STORE',
    `The ledger ${path} failed: ${(cause as Error).message}. Check rights and free space, then try again.`,
    { cause },
  );
