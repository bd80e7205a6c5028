import { AtalaiaError } from '../../../lib/errors.ts';
import type { AlertRevision } from '../../../model/alert.ts';
import { levelNames } from '../../../model/rule.ts';
import type { AlertState, Ledger, LedgerBatch, StoredRevision } from '../ledger.ts';
import type { Database, Row } from './database.ts';
import { countRepeat, fence, isThere } from './sinks.ts';

/** The state an alert is in from this revision on. */
const stateOf = (revision: AlertRevision): AlertState => {
  if (revision.event.event === 'ended') return 'ended';
  return revision.unverified ? 'unverified' : 'active';
};

/** A row of `revisions` (or of a join that carries its columns) as the port shows it. */
export const toStored = (row: Row): StoredRevision => ({
  seq: Number(row.seq),
  position: String(row.position),
  revision: JSON.parse(String(row.json)) as AlertRevision,
  state: String(row.state) as AlertState,
});

/** Positions and commits: who owns a partition, and what its fold adds. `now` stamps outbox rows, epoch ms. */
export function commitStore(
  db: Database,
  now: () => number,
): Pick<Ledger, 'acquire' | 'commit' | 'positions'> {
  return {
    async acquire(partition) {
      const row = db.get(
        `INSERT INTO positions (partition, epoch, "offset", clock_at) VALUES (?, 1, 0, 0)
         ON CONFLICT (partition) DO UPDATE SET epoch = epoch + 1 RETURNING epoch, "offset", clock_at`,
        partition,
      ) as Row;
      return { epoch: Number(row.epoch), offset: Number(row.offset), clockAt: Number(row.clock_at) };
    },
    async commit(batches, what = 'both') {
      if (batches.length === 0) return;
      db.transaction(() => {
        for (const batch of batches) {
          if (what === 'both') advance(db, batch);
          else fence(db, batch.partition, batch.epoch);
          for (const { offset, index, revision } of batch.revisions) {
            if (what === 'effects' && isThere(db, revision.event.alert, revision.event.revision)) {
              countRepeat(db);
              continue;
            }
            insertRevision(db, `${batch.partition}:${offset}:${index}`, revision, now());
          }
        }
      });
    },
    async positions() {
      const rows = db.all('SELECT * FROM positions ORDER BY partition');
      return rows.map((row) => ({
        partition: Number(row.partition),
        epoch: Number(row.epoch),
        offset: Number(row.offset),
        clockAt: Number(row.clock_at),
      }));
    },
  };
}

function advance(db: Database, batch: LedgerBatch): void {
  const changed = db.run(
    'UPDATE positions SET "offset" = ?, clock_at = ? WHERE partition = ? AND epoch = ? AND "offset" = ?',
    batch.to,
    batch.clockAt,
    batch.partition,
    batch.epoch,
    batch.from,
  );
  if (changed === 1) return;
  const row = db.get('SELECT epoch, "offset" FROM positions WHERE partition = ?', batch.partition);
  const stored = row
    ? `the ledger is at epoch ${row.epoch}, offset ${row.offset}`
    : 'nobody has acquired it in this ledger';
  throw new AtalaiaError(
    'ATL_FENCED',
    `Partition ${batch.partition}: commit of epoch ${batch.epoch} from offset ${batch.from} refused; ${stored}. ` +
      'Acquire the partition again and fold on from its position.',
  );
}

function insertRevision(db: Database, position: string, revision: AlertRevision, createdAt: number): void {
  const { event } = revision;
  const state = stateOf(revision);
  const row = db.get(
    `INSERT INTO revisions (position, alert, revision, state, at, rule, subject_id, rank, json)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`,
    position,
    event.alert,
    event.revision,
    state,
    event.at,
    event.rule,
    event.subject.id,
    levelNames.indexOf(event.level),
    JSON.stringify(revision),
  ) as Row;
  const seq = Number(row.seq);
  db.run(
    `INSERT INTO alerts (alert, first_seq, seq, rule, hazard, subject_kind, subject_id, level, state, onset_at, at,
       issued_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (alert) DO UPDATE SET seq = excluded.seq, rule = excluded.rule, hazard = excluded.hazard,
       level = excluded.level, state = excluded.state, onset_at = excluded.onset_at, at = excluded.at,
       issued_at = excluded.issued_at, expires_at = excluded.expires_at`,
    event.alert,
    seq,
    seq,
    event.rule,
    event.hazard,
    event.subject.kind,
    event.subject.id,
    event.level,
    state,
    event.onsetAt,
    event.at,
    event.issuedAt,
    revision.expiresAt,
  );
  db.run('INSERT INTO outbox (seq, created_at) VALUES (?, ?)', seq, createdAt);
}
