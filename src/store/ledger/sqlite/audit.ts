import type { AuditStore } from '../audit.ts';
import { appendAudit, toEntry } from './append-audit.ts';
import type { Database } from './database.ts';
import { bounded } from './queries.ts';

export const auditStore = (db: Database): AuditStore => ({
  async record(notes) {
    db.transaction(() => appendAudit(db, notes));
  },
  async audit({ after, before, limit }) {
    const rows =
      after === undefined
        ? db.all(
            'SELECT * FROM audit WHERE number < ? ORDER BY number DESC LIMIT ?',
            before ?? Number.MAX_SAFE_INTEGER,
            bounded(limit),
          )
        : db.all('SELECT * FROM audit WHERE number > ? ORDER BY number LIMIT ?', after, bounded(limit));
    return rows.map(toEntry);
  },
});
