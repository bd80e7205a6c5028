import { AtalaiaError } from '../../../lib/errors.ts';
import type { AlertEvent } from '../../../model/alert.ts';
import type { AlertFilter, Ledger } from '../ledger.ts';
import type { Database, Row } from './database.ts';
import { toStored } from './revisions.ts';

const MAX_PAGE = 10_000;
const EVENTS_PAGE = 500;

/** Reads of alerts and their revisions. */
export function alertQueries(
  db: Database,
): Pick<Ledger, 'alerts' | 'drafts' | 'history' | 'since' | 'events'> {
  return {
    async alerts(filter) {
      const limit = bounded(filter.limit);
      const { where, values } = conditions(filter);
      const rows = db.all(
        `SELECT r.seq, r.position, r.json, a.state, a.first_seq FROM alerts a JOIN revisions r ON r.seq = a.seq
         ${where} ORDER BY a.first_seq DESC LIMIT ?`,
        ...values,
        limit + 1,
      );
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return { items: page.map(toStored), next: rows.length > limit && last ? toCursor(last) : null };
    },
    async drafts(limit) {
      return db
        .all(
          'SELECT r.* FROM drafts d JOIN revisions r ON r.seq = d.seq ORDER BY d.seq LIMIT ?',
          bounded(limit),
        )
        .map(toStored);
    },
    async history(alert) {
      return db.all('SELECT * FROM revisions WHERE alert = ? ORDER BY revision', alert).map(toStored);
    },
    async since(position, limit) {
      const seq =
        position === null ? 0 : db.get('SELECT seq FROM revisions WHERE position = ?', position)?.seq;
      if (seq === undefined) return undefined;
      const rows = db.all(
        'SELECT * FROM revisions WHERE seq > ? ORDER BY seq LIMIT ?',
        Number(seq),
        bounded(limit),
      );
      return rows.map(toStored);
    },
    events: () => eventPages(db),
  };
}

async function* eventPages(db: Database): AsyncGenerator<AlertEvent> {
  let after: [number, string, string, number, number] = [Number.MIN_SAFE_INTEGER, '', '', 0, 0];
  while (true) {
    const rows = db.all(
      `SELECT seq, at, rule, subject_id, revision, json FROM revisions
       WHERE (at, rule, subject_id, revision, seq) > (?, ?, ?, ?, ?)
       ORDER BY at, rule, subject_id, revision, seq LIMIT ${EVENTS_PAGE}`,
      ...after,
    );
    for (const row of rows) yield (JSON.parse(String(row.json)) as { event: AlertEvent }).event;
    const last = rows.at(-1);
    if (!last || rows.length < EVENTS_PAGE) return;
    after = [
      Number(last.at),
      String(last.rule),
      String(last.subject_id),
      Number(last.revision),
      Number(last.seq),
    ];
  }
}

/** Alerts whose span from onset to newest event overlaps [from, to); paging goes by the first revision, newest first. */
function conditions(filter: AlertFilter): { where: string; values: (string | number)[] } {
  const terms: string[] = [];
  const values: (string | number)[] = [];
  const add = (term: string, ...bound: readonly (string | number)[]): void => {
    terms.push(term);
    values.push(...bound);
  };
  if (filter.state === 'open') add("a.state <> 'ended'");
  else if (filter.state) add('a.state = ?', filter.state);
  if (filter.level) add('a.level = ?', filter.level);
  if (filter.rule !== undefined) add('a.rule = ?', filter.rule);
  if (filter.hazard !== undefined) add('a.hazard = ?', filter.hazard);
  if (filter.area !== undefined) {
    const inRegion =
      "(a.subject_kind = 'station' AND a.subject_id IN (SELECT id FROM stations WHERE region = ?))";
    add(`(a.subject_id = ? OR ${inRegion})`, filter.area, filter.area);
  }
  if (filter.from !== undefined) add("(a.state <> 'ended' OR a.at >= ?)", filter.from);
  if (filter.to !== undefined) add('a.onset_at < ?', filter.to);
  if (filter.cursor !== undefined) add('a.first_seq < ?', fromCursor(filter.cursor));
  return { where: terms.length > 0 ? `WHERE ${terms.join(' AND ')}` : '', values };
}

const toCursor = (row: Row): string => Buffer.from(`a1:${row.first_seq}`).toString('base64url');

function fromCursor(cursor: string): number {
  const match = /^a1:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (match) return Number(match[1]);
  throw new AtalaiaError(
    'ATL_USAGE',
    'The cursor is none of ours. Take it from `next` of the page before, or leave it out.',
  );
}

/** A page size between 1 and {@link MAX_PAGE}. */
export const bounded = (limit: number): number => Math.min(MAX_PAGE, Math.max(1, Math.trunc(limit) || 1));
