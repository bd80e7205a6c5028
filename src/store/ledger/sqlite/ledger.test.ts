import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { ledgerConformance } from '../conformance.ts';
import { accessConformance } from '../conformance-access.ts';
import { commitAll, raise, sampleAt, sampleRevision, sampleSubscription } from '../sample.ts';
import { sinkConformance } from '../sinks/conformance.ts';
import { OPEN_BY_LEVEL } from './acts.ts';
import { feedQuery } from './documents.ts';
import { HELD_STATIONS } from './held.ts';
import { openSqliteLedger } from './ledger.ts';
import { initial } from './migrations/0001-initial.ts';
import { lookups } from './migrations/0007-lookups.ts';
import { schemaVersion } from './schema.ts';

const place = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atalaia-ledger-'));
  return {
    open: () => openSqliteLedger({ path: join(folder, 'data', 'ledger.sqlite') }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};
ledgerConformance('sqlite', place);
sinkConformance('sqlite', place);
accessConformance('sqlite', place);

describe('openSqliteLedger', () => {
  const inFolder = async (work: (path: string) => Promise<void>): Promise<void> => {
    const folder = await mkdtemp(join(tmpdir(), 'atalaia-ledger-'));
    try {
      await work(join(folder, 'ledger.sqlite'));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };

  it('writes ahead, syncs fully and stores the schema version', () =>
    inFolder(async (path) => {
      const ledger = await openSqliteLedger({ path });
      const raw = new DatabaseSync(path);
      expect(raw.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
      expect(raw.prepare('PRAGMA user_version').get()).toEqual({ user_version: schemaVersion });
      raw.close();
      await ledger.close();
    }));

  it('finds the messages of a feed and the stations that wait by an index', () =>
    inFolder(async (path) => {
      await (await openSqliteLedger({ path })).close();
      const raw = new DatabaseSync(path);
      const planOf = (sql: string, values: readonly (string | number)[]): string =>
        JSON.stringify(
          raw
            .prepare(`EXPLAIN QUERY PLAN ${sql}`)
            .all(...values)
            .map(({ detail }) => detail),
        );
      const feed = (filter: object) => {
        const { sql, values } = feedQuery('c.*, c.rowid AS number', 200, filter);
        return planOf(sql, values);
      };
      expect(feed({})).toMatch(/USING INDEX cap_created/);
      expect(feed({ before: '5.2' })).toMatch(/SEARCH c USING INDEX cap_created/);
      expect(feed({ hazard: 'rain' })).toMatch(/SEARCH c USING INDEX cap_hazard/);
      expect(feed({ area: '4314902' })).toMatch(/SEARCH c USING INDEX cap_subject/);
      expect(feed({ area: '4314902', before: '5.2' })).not.toMatch(/SCAN c"/);
      expect(planOf(OPEN_BY_LEVEL, [])).toMatch(/USING INDEX alerts_open_level/);
      expect(planOf(HELD_STATIONS, [100])).toMatch(/SCAN many USING INDEX held_stations_last/);
      expect(planOf(HELD_STATIONS, [100])).not.toMatch(/SCAN held|TEMP B-TREE/);
      raw.close();
    }));

  it('takes what older versions kept into the tables of lookups', () => {
    const raw = new DatabaseSync(':memory:');
    raw.exec(initial);
    raw.exec(`INSERT INTO revisions VALUES (1, '0:0:0', 'a1', 1, 'active', 0, 'r', 'A801', 2, '{}');
      INSERT INTO alerts VALUES ('a1', 1, 1, 'r', 'rain', 'station', 'A801', 'red', 'active', 0, 0, 0, 0);
      INSERT INTO cap VALUES ('a1', 1, 'i1', 's', '<x/>', 5), ('gone', 1, 'i2', 's', '<x/>', 6);
      INSERT INTO held (kind, station, payload, reason, at) VALUES ('unknown-station', 'X1', x'01', 'r', 1),
        ('quarantine', NULL, x'02', 'r', 2), ('unknown-station', 'X1', x'03', 'r', 3)`);
    raw.exec(lookups);
    const rows = (sql: string): unknown[] =>
      raw
        .prepare(sql)
        .all()
        .map((row) => Object.values(row));
    expect(rows('SELECT hazard, subject_kind, subject_id FROM cap ORDER BY created_at')).toEqual([
      ['rain', 'station', 'A801'],
      [null, null, null],
    ]);
    expect(rows('SELECT station, reports, first_id, last_id FROM held_stations')).toEqual([['X1', 2, 1, 3]]);
    raw.close();
  });

  it('refuses a file of a newer program and leaves it as it is', () =>
    inFolder(async (path) => {
      await (await openSqliteLedger({ path })).close();
      const raw = new DatabaseSync(path);
      raw.exec(`PRAGMA user_version = ${schemaVersion + 1}`);
      await expect(openSqliteLedger({ path })).rejects.toMatchObject({ code: 'ATL_STORE_VERSION' });
      expect(raw.prepare('PRAGMA user_version').get()).toEqual({ user_version: schemaVersion + 1 });
      raw.close();
    }));

  it('says what is wrong with a file that is no database', () =>
    inFolder(async (path) => {
      await writeFile(path, 'this is no database, only a text of some length\n'.repeat(100));
      await expect(openSqliteLedger({ path })).rejects.toMatchObject({
        code: 'ATL_STORE',
        message: expect.stringContaining(path),
      });
    }));

  it('reads deliveries of version 5: whole subscriptions, and a group that was never sent', () =>
    inFolder(async (path) => {
      const ledger = await openSqliteLedger({ path });
      const alerts = ['a1', 'a2'];
      await commitAll(
        ledger,
        alerts.map((alert) => raise(alert)),
      );
      const own = { id: 's', name: 'Ana', channel: 'ops', address: 'signs/all' };
      const rows = (await ledger.outbox(9)).map(({ revision: { seq } }) => ({
        seq,
        deliveries: [
          { subscription: { ...sampleSubscription('s'), ...own }, destination: 'ops', bunch: 'rain' },
        ],
      }));
      await ledger.expand(rows, sampleAt);
      await ledger.close();
      const raw = new DatabaseSync(path);
      raw.exec(`DROP INDEX deliveries_delivered; DROP INDEX deliveries_dead; DROP INDEX deliveries_red; DROP INDEX deliveries_due; ALTER TABLE deliveries DROP COLUMN lift;
        CREATE INDEX deliveries_due ON deliveries (rank DESC, seq, key) WHERE state IN ('waiting', 'sending');
        DROP INDEX cap_hazard; DROP INDEX cap_subject; DROP INDEX alerts_open_level; DROP TABLE held_stations;
        DROP TABLE drafts; DROP TABLE audit; DROP TABLE observed_events; DROP TABLE feedback; DROP TABLE handovers;
        DROP TABLE foreign_alerts; DROP TABLE foreign_ends;
        DROP TABLE subscriber_requests; DROP TABLE consents; DROP INDEX deliveries_destination;
        ALTER TABLE cap DROP COLUMN hazard; ALTER TABLE cap DROP COLUMN subject_kind; ALTER TABLE cap DROP COLUMN subject_id;
        UPDATE deliveries SET leader = 'a1.1.s' WHERE key = 'a2.1.s'; PRAGMA user_version = 5`);
      const old = { ...sampleSubscription('s'), ...own, places: [{ latitude: -30, longitude: -51, km: 9 }] };
      raw.prepare('UPDATE deliveries SET subscription = ?').run(JSON.stringify(old));
      raw.close();
      const again = await openSqliteLedger({ path });
      const who = { channel: 'ops', notTo: [], claimer: 'one' };
      const claimed = await again.claim({ ...who, now: sampleAt, leaseUntil: sampleAt + 1, limit: 9 });
      expect(claimed.map(({ key, subscription }) => [key, subscription])).toEqual([
        ['a1.1.s', own],
        ['a2.1.s', own],
      ]);
      await again.close();
    }));

  it('stamps outbox rows with the clock it was given', () =>
    inFolder(async (path) => {
      const ledger = await openSqliteLedger({ path, now: () => 42 });
      const { epoch } = await ledger.acquire(0);

      const revisions = [{ offset: 0, index: 0, revision: sampleRevision() }];
      await ledger.commit([{ partition: 0, epoch, from: 0, to: 1, revisions, clockAt: 1 }]);
      expect(await ledger.oldestOutboxAt()).toBe(42);
      await ledger.close();
    }));
});
