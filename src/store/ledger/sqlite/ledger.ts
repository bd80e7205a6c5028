import { systemClock } from '../../../lib/clock.ts';
import type { AccessStore } from '../access.ts';
import type { Ledger } from '../ledger.ts';
import { accessStore } from './access.ts';
import { actStore } from './acts.ts';
import { auditStore } from './audit.ts';
import { openDatabase } from './database.ts';
import { deadLetterStore } from './dead-letters.ts';
import { deliveryStore } from './deliveries.ts';
import { documentStore } from './documents.ts';
import { foreignStore } from './foreign.ts';
import { handoverStore } from './handover.ts';
import { heldStore } from './held.ts';
import { intakeStore } from './intake.ts';
import { alertQueries } from './queries.ts';
import { registryStore } from './registry.ts';
import { commitStore } from './revisions.ts';
import { migrate } from './schema.ts';
import { sinkStore } from './sinks.ts';
import { subscriberStore } from './subscribers.ts';
import { verificationStore } from './verification.ts';
import { withholdingStore } from './withholding.ts';

interface SqliteLedgerOptions {
  /** File of the database; its folder is made when missing. */
  readonly path: string;
  /** Epoch ms, stamps `createdAt` of outbox rows; the machine's clock unless given. */
  readonly now?: () => number;
}

export interface SqliteLedger extends Ledger {
  readonly access: AccessStore;
}

/**
 * Opens the ledger in one SQLite file: write-ahead log, each commit on disk before it resolves, schema migrated.
 * Rejects with ATL_STORE (unreadable or damaged), ATL_BUSY (locked) or ATL_STORE_VERSION (written by a newer program).
 */
export async function openSqliteLedger(options: SqliteLedgerOptions): Promise<SqliteLedger> {
  const db = openDatabase(options.path);
  try {
    migrate(db, options.path);
  } catch (error) {
    db.close();
    throw error;
  }
  return {
    ...commitStore(db, options.now ?? systemClock.now),
    ...sinkStore(db),
    ...alertQueries(db),
    ...deliveryStore(db),
    ...deadLetterStore(db),
    ...withholdingStore(db),
    ...registryStore(db),
    ...documentStore(db),
    ...intakeStore(db),
    ...heldStore(db),
    ...actStore(db),
    ...auditStore(db),
    ...verificationStore(db),
    ...handoverStore(db),
    ...foreignStore(db),
    ...subscriberStore(db),
    access: accessStore(db),
    async close() {
      db.close();
    },
  };
}
