import { AtalaiaError } from '../../../lib/errors.ts';
import type { AlertEvent } from '../../../model/alert.ts';
import type { AlertFilter, Ledger } from '../ledger.ts';
import { toStored } from './revisions.ts';
import type { Row, Session, Value } from './session.ts';

const MAX_PAGE = 10_000;
const EVENTS_PAGE = 500;
type Reads = Pick<Session, 'all'>;

export const SINCE = 'SELECT * FROM revisions WHERE seq > $1 ORDER BY seq LIMIT $2';

/** Reads of alerts and their revisions. */
export function alertQueries(db: Reads): Pick<Ledger, 'alerts' | 'drafts' | 'history' | 'since' | 'events'> {
  return {
    async alerts(filter) {
      const limit = bounded(filter.limit);
      const { sql, values } = alertsQuery(filter);
      const rows = await db.all(sql, ...values);
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return { items: page.map(toStored), next: rows.length > limit && last ? toCursor(last) : null };
    },
    async drafts(limit) {
      const sql = 'SELECT r.* FROM drafts d JOIN revisions r ON r.seq = d.seq ORDER BY d.seq LIMIT $1';
      return (await db.all(sql, bounded(limit))).map(toStored);
    },
    async history(alert) {
      return (await db.all('SELECT * FROM revisions WHERE alert = $1 ORDER BY revision', alert)).map(
        toStored,
      );
    },
    async since(position, limit) {
      let seq = 0;
      if (position !== null) {
        const [known] = await db.all('SELECT seq FROM revisions WHERE position = $1', position);
        if (!known) return undefined;
        seq = Number(known.seq);
      }
      const rows = await db.all(SINCE, seq, bounded(limit));
      return rows.map(toStored);
    },
    events: () => eventPages(db),
  };
}

async function* eventPages(db: Reads): AsyncGenerator<AlertEvent> {
  let after: [number, string, string, number, number] = [Number.MIN_SAFE_INTEGER, '', '', 0, 0];
  while (true) {
    const rows = await db.all(
      `SELECT seq, at, rule, subject_id, revision, json FROM revisions
       WHERE (at, rule, subject_id, revision, seq) > ($1, $2, $3, $4, $5)
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
export function alertsQuery(filter: AlertFilter): {
  readonly sql: string;
  readonly values: readonly Value[];
} {
  const terms: string[] = [];
  const values: Value[] = [];
  /** `?` stands for the value. */
  const add = (term: string, ...bound: readonly Value[]): void => {
    values.push(...bound);
    terms.push(term.replaceAll('?', `$${values.length}`));
  };
  if (filter.state === 'open') add("a.state <> 'ended'");
  else if (filter.state) add('a.state = ?', filter.state);
  if (filter.state === 'active' || filter.state === 'unverified') add("a.state <> 'ended'");
  if (filter.level) add('a.level = ?', filter.level);
  if (filter.rule !== undefined) add('a.rule = ?', filter.rule);
  if (filter.hazard !== undefined) add('a.hazard = ?', filter.hazard);
  if (filter.area !== undefined) {
    add(
      `(a.subject_id = ? OR (a.subject_kind = 'station'
         AND a.subject_id = ANY(ARRAY(SELECT id FROM stations WHERE region = ?))))`,
      filter.area,
    );
  }
  if (filter.from !== undefined) add("(a.state <> 'ended' OR a.at >= ?)", filter.from);
  if (filter.to !== undefined) add('a.onset_at < ?', filter.to);
  if (filter.cursor !== undefined) add('a.first_seq < ?', fromCursor(filter.cursor));
  values.push(bounded(filter.limit) + 1);
  const where = terms.length > 0 ? `WHERE ${terms.join(' AND ')}` : '';
  const sql = `SELECT r.seq, r.position, r.json, a.state, a.first_seq FROM alerts a JOIN revisions r ON r.seq = a.seq
    ${where} ORDER BY a.first_seq DESC LIMIT $${values.length}`;
  return { sql, values };
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
