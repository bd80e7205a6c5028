import type { Feedback, ObservedEvent } from '../../../model/observed-event.ts';
import type { VerificationStore } from '../verification.ts';
import type { Database } from './database.ts';
import { bounded } from './queries.ts';
import { toStored } from './revisions.ts';

/** What happened, and what people say of alerts. */
export const verificationStore = (db: Database): VerificationStore => ({
  async putObserved(events) {
    return db.transaction(() => {
      let added = 0;
      for (const event of events)
        added += db.run(
          'INSERT OR IGNORE INTO observed_events VALUES (?, ?, ?, ?, ?)',
          event.id,
          event.hazard,
          event.from,
          event.to,
          JSON.stringify(event),
        );
      return added;
    });
  },
  async observed({ from, to, hazard, before, limit }) {
    const terms: string[] = ['1'];
    const values: (string | number)[] = [];
    const add = (term: string, value: string | number): void => {
      terms.push(term);
      values.push(value);
    };
    if (from !== undefined) add('to_at >= ?', from);
    if (to !== undefined) add('from_at < ?', to);
    if (hazard !== undefined) add('hazard = ?', hazard);
    if (before !== undefined)
      add('(from_at, id) < (SELECT from_at, id FROM observed_events WHERE id = ?)', before);
    const sql = `SELECT json FROM observed_events WHERE ${terms.join(' AND ')} ORDER BY from_at DESC, id DESC LIMIT ?`;
    return db
      .all(sql, ...values, bounded(limit))
      .map(({ json }) => JSON.parse(String(json)) as ObservedEvent);
  },
  async dropObserved(id) {
    return db.run('DELETE FROM observed_events WHERE id = ?', id) === 1;
  },
  async putFeedback(feedback) {
    db.run('INSERT INTO feedback (alert, json) VALUES (?, ?)', feedback.alert, JSON.stringify(feedback));
  },
  async feedback(alerts) {
    const sql = 'SELECT json FROM feedback WHERE alert IN (SELECT value FROM json_each(?)) ORDER BY number';
    return db.all(sql, JSON.stringify(alerts)).map(({ json }) => JSON.parse(String(json)) as Feedback);
  },
  async histories(alerts) {
    const sql =
      'SELECT * FROM revisions WHERE alert IN (SELECT value FROM json_each(?)) ORDER BY alert, revision';
    return db.all(sql, JSON.stringify(alerts)).map(toStored);
  },
});
