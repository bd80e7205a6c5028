import type { ActOutcome } from '../../../model/act.ts';
import { levelNames } from '../../../model/rule.ts';
import { actNote } from '../audit.ts';
import type { Ledger, LedgerBatch, OpenCounts } from '../ledger.ts';
import { appendAudit } from './append-audit.ts';
import type { Database } from './database.ts';

const MAX_ACTS = 1000;

/** What people did to alerts, as the fold found it. */
export function actStore(db: Database): Pick<Ledger, 'act' | 'acts' | 'acknowledged' | 'openCounts'> {
  const outcome = (row: { readonly json?: unknown }): ActOutcome =>
    JSON.parse(String(row.json)) as ActOutcome;
  return {
    async act(command) {
      const row = db.get('SELECT json FROM acts WHERE command = ?', command);
      return row ? outcome(row) : undefined;
    },
    async acts(alert) {
      const rows = db.all('SELECT json FROM acts WHERE alert = ? ORDER BY number LIMIT ?', alert, MAX_ACTS);
      return rows.map(outcome).filter(({ refused }) => refused === undefined);
    },
    async acknowledged(alerts) {
      const rows = db.all(
        `SELECT max(number), json FROM acts
         WHERE alert IN (SELECT value FROM json_each(?)) AND json_extract(json, '$.act') = 'acknowledge'
           AND json_extract(json, '$.refused') IS NULL
         GROUP BY alert ORDER BY alert`,
        JSON.stringify(alerts),
      );
      return rows.map(outcome);
    },
    async openCounts() {
      const of = new Map(db.all(OPEN_BY_LEVEL).map(({ level, many }) => [level, Number(many)]));
      const alerts = Object.fromEntries(levelNames.map((level) => [level, of.get(level) ?? 0]));
      const rest = db.get(`SELECT (SELECT count(*) FROM deliveries WHERE state = 'dead') AS dead,
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

/** Part of a commit: a repeat of an act, or of its commit, leaves what stands. */
export function insertActs(db: Database, { acts = [] }: LedgerBatch): void {
  const added = acts.filter(
    ({ outcome }) =>
      db.run(
        'INSERT OR IGNORE INTO acts (command, alert, json) VALUES (?, ?, ?)',
        outcome.command,
        outcome.alert,
        JSON.stringify(outcome),
      ) === 1,
  );
  appendAudit(
    db,
    added.map(({ outcome }) => actNote(outcome)),
  );
}
