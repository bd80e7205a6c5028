import type { Handover, HandoverStore } from '../handover.ts';
import type { Database } from './database.ts';
import { bounded } from './queries.ts';

/** Notes of shifts. */
export const handoverStore = (db: Database): HandoverStore => ({
  async putHandover(note) {
    const sql = 'INSERT OR IGNORE INTO handovers (id, json) VALUES (?, ?)';
    return db.run(sql, note.id, JSON.stringify(note)) === 1;
  },
  async handovers({ before, limit }) {
    const rows =
      before === undefined
        ? db.all('SELECT json FROM handovers ORDER BY number DESC LIMIT ?', bounded(limit))
        : db.all(
            `SELECT json FROM handovers WHERE number < (SELECT number FROM handovers WHERE id = ?)
             ORDER BY number DESC LIMIT ?`,
            before,
            bounded(limit),
          );
    return rows.map(({ json }) => JSON.parse(String(json)) as Handover);
  },
});
