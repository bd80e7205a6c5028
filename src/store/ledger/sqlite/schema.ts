import { AtalaiaError } from '../../../lib/errors.ts';
import type { Database } from './database.ts';
import { initial } from './migrations/0001-initial.ts';
import { coordination } from './migrations/0002-coordination.ts';
import { acts } from './migrations/0003-acts.ts';
import { access } from './migrations/0004-access.ts';
import { withholding } from './migrations/0005-withholding.ts';
import { redLane } from './migrations/0006-red-lane.ts';
import { lookups } from './migrations/0007-lookups.ts';
import { review } from './migrations/0008-review.ts';
import { verification } from './migrations/0009-verification.ts';
import { handovers } from './migrations/0010-handovers.ts';
import { foreign } from './migrations/0011-foreign.ts';
import { subscribers } from './migrations/0012-subscribers.ts';
import { channelRecord } from './migrations/0013-channel-record.ts';

/** Migrations in order; the schema version is the number of those applied. A released one is never edited. */
const migrations: readonly string[] = [
  initial,
  coordination,
  acts,
  access,
  withholding,
  redLane,
  lookups,
  review,
  verification,
  handovers,
  foreign,
  subscribers,
  channelRecord,
];

/** The schema version that this program writes. */
export const schemaVersion = migrations.length;

/**
 * Brings the schema up to date, each migration in a transaction of its own together with its version number.
 * Throws ATL_STORE_VERSION when the file was written by a newer program.
 */
export function migrate(db: Database, path: string): void {
  refuseNewer(versionOf(db), path);
  for (const [index, sql] of migrations.entries()) {
    db.transaction(() => {
      // Read again under the write lock: another process may have migrated meanwhile.
      const version = versionOf(db);
      refuseNewer(version, path);
      if (version > index) return;
      db.script(sql);
      db.script(`PRAGMA user_version = ${index + 1}`);
    });
  }
}

function refuseNewer(version: number, path: string): void {
  if (version <= schemaVersion) return;
  throw new AtalaiaError(
    'ATL_STORE_VERSION',
    `The ledger ${path} has schema version ${version}; this program knows versions up to ${schemaVersion}. ` +
      'Start the newer program, or restore a backup made by this version.',
  );
}

const versionOf = (db: Database): number => Number(db.get('PRAGMA user_version')?.user_version ?? 0);
