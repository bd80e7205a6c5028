import type { ActOutcome } from '../../../model/act.ts';
import { levelNames } from '../../../model/rule.ts';
import { actNote, timeoutNote } from '../audit.ts';
import type { Ledger, LedgerBatch, OpenCounts } from '../ledger.ts';
import { appendAudit } from './audit.ts';
import type { Database } from './database.ts';
import type { NewRevision } from './revisions.ts';
import type { Row, Session } from './session.ts';

const MAX_ACTS = 1000;

const outcomeOf = (row: Row): ActOutcome => JSON.parse(String(row.json)) as ActOutcome;

/** What people did to alerts, as the fold found it. */
export function actStore(db: Database): Pick<Ledger, 'act' | 'acts' | 'acknowledged' | 'openCounts'> {
  return {
    async act(command) {
      const row = await db.get('SELECT json FROM acts WHERE command = $1', command);
      return row ? outcomeOf(row) : undefined;
    },
    async acts(alert) {
      const sql = `SELECT json FROM acts WHERE alert = $1 ORDER BY number LIMIT ${MAX_ACTS}`;
      return (await db.all(sql, alert)).map(outcomeOf).filter(({ refused }) => refused === undefined);
    },
    async acknowledged(alerts) {
      const sql = `SELECT DISTINCT ON (alert) json FROM acts
        WHERE alert = ANY($1::text[]) AND json::jsonb ->> 'act' = 'acknowledge' AND json::jsonb ->> 'refused' IS NULL
        ORDER BY alert, number DESC`;
      return (await db.all(sql, alerts)).map(outcomeOf);
    },
    async openCounts() {
      const of = new Map((await db.all(OPEN_BY_LEVEL)).map(({ level, many }) => [level, Number(many)]));
      const alerts = Object.fromEntries(levelNames.map((level) => [level, of.get(level) ?? 0]));
      const rest = await db.get(`SELECT (SELECT count(*) FROM deliveries WHERE state = 'dead') AS dead,
        (SELECT count(*) FROM held_stations) AS stations`);
      return {
        alerts: alerts as OpenCounts['alerts'],
        dead: Number(rest?.dead),
        stations: Number(rest?.stations),
      };
    },
  };
}

export const OPEN_BY_LEVEL =
  "SELECT level, count(*) AS many FROM alerts WHERE state <> 'ended' GROUP BY level";

/** Part of a commit, with the `rows` that are new in it: a repeat of an act, or of its commit, leaves what stands. */
export async function insertActs(
  session: Session,
  batches: readonly LedgerBatch[],
  rows: readonly NewRevision[],
): Promise<void> {
  const outcomes = batches.flatMap(({ acts = [] }) => acts.map(({ outcome }) => outcome));
  const timeouts = rows.flatMap(({ revision }) => timeoutNote(revision) ?? []);
  if (outcomes.length === 0) return appendAudit(session, timeouts);
  const added = await session.all(
    `INSERT INTO acts (command, alert, json) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
     ON CONFLICT (command) DO NOTHING RETURNING command`,
    outcomes.map(({ command }) => command),
    outcomes.map(({ alert }) => alert),
    outcomes.map((outcome) => JSON.stringify(outcome)),
  );
  const fresh = new Set(added.map(({ command }) => String(command)));
  const notes = outcomes.filter(({ command }) => fresh.delete(command)).map(actNote);
  await appendAudit(session, [...timeouts, ...notes]);
}
