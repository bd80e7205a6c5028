import type { Handover, HandoverStore } from '../handover.ts';
import type { Database } from './database.ts';
import { bounded } from './queries.ts';

/** Notes of shifts. */
export const handoverStore = (db: Database): HandoverStore => ({
  async putHandover(note) {
    const sql = 'INSERT INTO handovers (id, json) VALUES ($1, $2) ON CONFLICT DO NOTHING';
    return (await db.run(sql, note.id, JSON.stringify(note))) === 1;
  },
  async handovers({ before, limit }) {
    const sql = `SELECT json FROM handovers
      WHERE $1::text IS NULL OR number < (SELECT number FROM handovers WHERE id = $1) ORDER BY number DESC LIMIT $2`;
    const rows = await db.all(sql, before ?? null, bounded(limit));
    return rows.map(({ json }) => JSON.parse(String(json)) as Handover);
  },
});
