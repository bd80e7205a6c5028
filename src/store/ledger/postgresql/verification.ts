import type { Feedback, ObservedEvent } from '../../../model/observed-event.ts';
import type { VerificationStore } from '../verification.ts';
import type { Database } from './database.ts';
import { bounded } from './queries.ts';
import { toStored } from './revisions.ts';
import type { Value } from './session.ts';

/** What happened, and what people say of alerts. */
export const verificationStore = (db: Database): VerificationStore => ({
  async putObserved(events) {
    // Sorted, so that two writers take their locks in one order.
    const sorted = events.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    return db.run(
      `INSERT INTO observed_events
       SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[]) ON CONFLICT DO NOTHING`,
      sorted.map(({ id }) => id),
      sorted.map(({ hazard }) => hazard),
      sorted.map(({ from }) => from),
      sorted.map(({ to }) => to),
      sorted.map((event) => JSON.stringify(event)),
    );
  },
  async observed({ from, to, hazard, before, limit }) {
    const terms: string[] = ['true'];
    const values: Value[] = [];
    const add = (term: string, value: Value): void => {
      terms.push(term.replace('?', `$${values.push(value)}`));
    };
    if (from !== undefined) add('to_at >= ?', from);
    if (to !== undefined) add('from_at < ?', to);
    if (hazard !== undefined) add('hazard = ?', hazard);
    if (before !== undefined)
      add('(from_at, id) < (SELECT from_at, id FROM observed_events WHERE id = ?)', before);
    const sql = `SELECT json FROM observed_events WHERE ${terms.join(' AND ')}
      ORDER BY from_at DESC, id DESC LIMIT $${values.push(bounded(limit))}`;
    return (await db.all(sql, ...values)).map(({ json }) => JSON.parse(String(json)) as ObservedEvent);
  },
  async dropObserved(id) {
    return (await db.run('DELETE FROM observed_events WHERE id = $1', id)) === 1;
  },
  async putFeedback(feedback) {
    const json = JSON.stringify(feedback);
    await db.run('INSERT INTO feedback (alert, json) VALUES ($1, $2)', feedback.alert, json);
  },
  async feedback(alerts) {
    const sql = 'SELECT json FROM feedback WHERE alert = ANY($1::text[]) ORDER BY number';
    return (await db.all(sql, alerts)).map(({ json }) => JSON.parse(String(json)) as Feedback);
  },
  async histories(alerts) {
    const sql = 'SELECT * FROM revisions WHERE alert = ANY($1::text[]) ORDER BY alert, revision';
    return (await db.all(sql, alerts)).map(toStored);
  },
});
