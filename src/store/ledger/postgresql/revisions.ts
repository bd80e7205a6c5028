import { invariant } from '../../../lib/errors.ts';
import type { AlertRevision } from '../../../model/alert.ts';
import { levelNames } from '../../../model/rule.ts';
import type { AlertState, StoredRevision } from '../stored-revision.ts';
import type { Row, Session } from './session.ts';

export interface NewRevision {
  readonly position: string;
  readonly revision: AlertRevision;
}

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

/** Adds revisions, their outbox rows and the newest state of their alerts, in the order given. */
export async function insertRevisions(
  session: Session,
  rows: readonly NewRevision[],
  createdAt: number,
): Promise<void> {
  // Last, so that the lock on the counter is held as shortly as can be.
  const counter = await session.get(
    "UPDATE counters SET value = value + $1 WHERE name = 'seq' RETURNING value",
    rows.length,
  );
  invariant(counter, 'the ledger has no counter of revisions');
  const firstSeq = Number(counter.value) - rows.length + 1;
  await session.run(
    `WITH added AS (
       INSERT INTO revisions (seq, position, alert, revision, state, at, rule, subject_id, rank, json)
       SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::text[],
         $8::text[], $9::smallint[], $10::text[]) RETURNING seq)
     INSERT INTO outbox (seq, created_at) SELECT seq, $11::bigint FROM added`,
    rows.map((_, index) => firstSeq + index),
    rows.map(({ position }) => position),
    rows.map(({ revision }) => revision.event.alert),
    rows.map(({ revision }) => revision.event.revision),
    rows.map(({ revision }) => stateOf(revision)),
    rows.map(({ revision }) => revision.event.at),
    rows.map(({ revision }) => revision.event.rule),
    rows.map(({ revision }) => revision.event.subject.id),
    rows.map(({ revision }) => levelNames.indexOf(revision.event.level)),
    rows.map(({ revision }) => JSON.stringify(revision)),
    createdAt,
  );
  const isPublic = ({ revision }: NewRevision): boolean => revision.draft === undefined;
  await upsertAlerts(session, rows, firstSeq, isPublic);
  if (!rows.every(isPublic)) await upsertDrafts(session, rows, firstSeq);
}

/** Alerts of which a draft is among the rows: whether the newest of them waits. */
async function upsertDrafts(session: Session, rows: readonly NewRevision[], firstSeq: number): Promise<void> {
  const waits = new Map<string, number>();
  for (const [index, { revision }] of rows.entries()) {
    if (revision.draft?.waits) waits.set(revision.event.alert, firstSeq + index);
    else waits.delete(revision.event.alert);
  }
  const alerts = [...new Set(rows.map(({ revision }) => revision.event.alert))];
  await session.run('DELETE FROM drafts WHERE alert = ANY($1::text[])', alerts);
  await session.run(
    'INSERT INTO drafts (alert, seq) SELECT * FROM unnest($1::text[], $2::bigint[])',
    [...waits.keys()],
    [...waits.values()],
  );
}

/** One row per alert: of several revisions in one commit the last is the present one, the first gives its place in lists. */
async function upsertAlerts(
  session: Session,
  rows: readonly NewRevision[],
  firstSeq: number,
  isPublic: (row: NewRevision) => boolean,
): Promise<void> {
  const newest = new Map<string, { first: number; seq: number; revision: AlertRevision }>();
  for (const [index, row] of rows.entries()) {
    if (!isPublic(row)) continue;
    const { revision } = row;
    const seq = firstSeq + index;
    const { alert } = revision.event;
    newest.set(alert, { first: newest.get(alert)?.first ?? seq, seq, revision });
  }
  const alerts = [...newest.values()];
  if (alerts.length === 0) return;
  const events = alerts.map(({ revision }) => revision.event);
  await session.run(
    // What is public by now waits no more.
    `WITH public AS (DELETE FROM drafts WHERE alert = ANY($1::text[]))
     INSERT INTO alerts (alert, first_seq, seq, rule, hazard, subject_kind, subject_id, level, state, onset_at, at,
       issued_at, expires_at)
     SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
       $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[])
     ON CONFLICT (alert) DO UPDATE SET seq = excluded.seq, rule = excluded.rule, hazard = excluded.hazard,
       level = excluded.level, state = excluded.state, onset_at = excluded.onset_at, at = excluded.at,
       issued_at = excluded.issued_at, expires_at = excluded.expires_at`,
    events.map((event) => event.alert),
    alerts.map(({ first }) => first),
    alerts.map(({ seq }) => seq),
    events.map((event) => event.rule),
    events.map((event) => event.hazard),
    events.map((event) => event.subject.kind),
    events.map((event) => event.subject.id),
    events.map((event) => event.level),
    alerts.map(({ revision }) => stateOf(revision)),
    events.map((event) => event.onsetAt),
    events.map((event) => event.at),
    events.map((event) => event.issuedAt),
    alerts.map(({ revision }) => revision.expiresAt),
  );
}
