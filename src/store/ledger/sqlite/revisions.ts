import { AtalaiaError } from '../../../lib/errors.ts';
import type { AlertRevision } from '../../../model/alert.ts';
import { levelNames } from '../../../model/rule.ts';
import { timeoutNote } from '../audit.ts';
import type { Ledger, LedgerBatch } from '../ledger.ts';
import type { AlertState, StoredRevision } from '../stored-revision.ts';
import { insertActs } from './acts.ts';
import { appendAudit } from './append-audit.ts';
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
    acquire: acquireTogether(db),
    async commit(batches, what = 'both') {
      if (batches.length === 0) return;
      db.transaction(() => {
        for (const batch of batches) {
          if (what === 'both') advance(db, batch);
          else fence(db, batch.partition, batch.epoch);
          insertActs(db, batch);
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

interface Asked {
  readonly partition: number;
  readonly resolve: (held: Awaited<ReturnType<Ledger['acquire']>>) => void;
  readonly reject: (error: unknown) => void;
}

/** Partitions asked for in one turn are taken over in one transaction: a sync for each held a recovery up the longest. */
function acquireTogether(db: Database): Ledger['acquire'] {
  let waiting: Asked[] = [];
  const take = (partition: number): Awaited<ReturnType<Ledger['acquire']>> => {
    const row = db.get(
      `INSERT INTO positions (partition, epoch, "offset", clock_at) VALUES (?, 1, 0, 0)
       ON CONFLICT (partition) DO UPDATE SET epoch = epoch + 1 RETURNING epoch, "offset", clock_at`,
      partition,
    ) as Row;
    return { epoch: Number(row.epoch), offset: Number(row.offset), clockAt: Number(row.clock_at) };
  };
  const takeAll = (): void => {
    const asked = waiting;
    waiting = [];
    try {
      const held = db.transaction(() => asked.map(({ partition }) => take(partition)));
      for (const [i, { resolve }] of asked.entries()) resolve(held[i] as (typeof held)[number]);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  };
  return (partition) =>
    new Promise((resolve, reject) => {
      if (waiting.push({ partition, resolve, reject }) === 1) queueMicrotask(takeAll);
    });
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
  db.run('INSERT INTO outbox (seq, created_at) VALUES (?, ?)', seq, createdAt);
  if (revision.draft?.waits)
    db.run(
      'INSERT INTO drafts (alert, seq) VALUES (?, ?) ON CONFLICT (alert) DO UPDATE SET seq = excluded.seq',
      event.alert,
      seq,
    );
  else if (event.revision > 1) db.run('DELETE FROM drafts WHERE alert = ?', event.alert);
  const note = timeoutNote(revision);
  if (note) appendAudit(db, [note]);
  if (!revision.draft) upsertAlert(db, revision, state, seq);
}

/** The newest public revision of an alert. */
function upsertAlert(
  db: Database,
  { event, expiresAt }: AlertRevision,
  state: AlertState,
  seq: number,
): void {
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
    expiresAt,
  );
}
