import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ledgerConformance } from '../../src/store/ledger/conformance.ts';
import { accessConformance } from '../../src/store/ledger/conformance-access.ts';
import type { Ledger } from '../../src/store/ledger/ledger.ts';
import { CLAIM, claimValues } from '../../src/store/ledger/postgresql/deliveries.ts';
import { feedQuery } from '../../src/store/ledger/postgresql/documents.ts';
import { HELD_STATIONS } from '../../src/store/ledger/postgresql/held.ts';
import { openPostgresLedger, schemaVersion } from '../../src/store/ledger/postgresql/ledger.ts';
import { initial } from '../../src/store/ledger/postgresql/migrations/0001-initial.ts';
import { lookups } from '../../src/store/ledger/postgresql/migrations/0008-lookups.ts';
import { alertsQuery, SINCE } from '../../src/store/ledger/postgresql/queries.ts';
import { commitAll, raise, sampleAt, sampleSubscription } from '../../src/store/ledger/sample.ts';
import { sinkConformance } from '../../src/store/ledger/sinks/conformance.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';

// The ledger on a real PostgreSQL server: what one file on one machine does not show.

describe.skipIf(!findPostgresql())(`PostgreSQL ledger${postgresqlHint}`, () => {
  let server: PostgresqlServer;
  beforeAll(async () => {
    server = await PostgresqlServer.start();
  });
  afterAll(() => server?.stop());

  const newSchema = (): string => `s${randomBytes(6).toString('hex')}`;
  const open = (schema: string, change = {}) =>
    openPostgresLedger({ url: server.url, schema, connections: 4, ...change });

  const place = async () => {
    const schema = newSchema();
    return { open: () => open(schema), remove: async () => {} };
  };
  ledgerConformance('postgresql', place);
  sinkConformance('postgresql', place);
  accessConformance('postgresql', place);

  /** Runs statements on a connection of the test's own. */
  async function raw<T>(
    schema: string,
    work: (client: pg.Client) => Promise<T>,
    url = server.url,
  ): Promise<T> {
    const client = new pg.Client({ connectionString: url, options: `-c search_path=${schema}` });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  test('who reads on while two writers commit misses no revision', async () => {
    const schema = newSchema();
    const writers = await Promise.all([open(schema), open(schema)]);
    const reader = await open(schema);
    const seen: string[] = [];
    let isWriting = true;
    const reading = (async () => {
      let position: string | null = null;
      for (;;) {
        const wasWriting = isWriting;
        const page: Awaited<ReturnType<Ledger['since']>> = await reader.since(position, 50);
        for (const entry of page ?? []) seen.push(entry.position);
        position = seen.at(-1) ?? null;
        if (!wasWriting && page?.length === 0) return;
      }
    })();
    const COMMITS = 120;
    await Promise.all(
      writers.map(async (ledger, partition) => {
        const { epoch } = await ledger.acquire(partition);
        for (let from = 0; from < COMMITS; from++) {
          // Batches of unlike size: the large one has its numbers long before it is committed.
          const revisions = Array.from({ length: partition === 0 ? 40 : 1 }, (_, index) => ({
            offset: from,
            index,
            revision: raise(`${partition}-${from}-${index}`),
          }));
          await ledger.commit([{ partition, epoch, from, to: from + 1, revisions, clockAt: sampleAt }]);
        }
      }),
    );
    isWriting = false;
    await reading;
    expect(new Set(seen).size).toBe(COMMITS * 41);
    expect(seen).toHaveLength(COMMITS * 41);
    for (const ledger of [...writers, reader]) await ledger.close();
  });

  test('many claimers and expanders: each delivery once, and no lane out of order', async () => {
    const schema = newSchema();
    const ledgers = await Promise.all([open(schema), open(schema), open(schema)]);
    const first = ledgers[0];
    const ALERTS = 20;
    const REVISIONS = 4;
    await commitAll(
      first,
      Array.from({ length: ALERTS * REVISIONS }, (_, index) =>
        raise(`a${index % ALERTS}`, { revision: 1 + Math.floor(index / ALERTS) }),
      ),
    );
    const told = new Map<string, number[]>();
    let left = ALERTS * REVISIONS;
    await Promise.all(
      ledgers.map(async (ledger, number) => {
        while (left > 0) {
          const rows = await ledger.outbox(7);
          // The newest first: an earlier revision may still be in the outbox when a later one is expanded.
          await ledger.expand(
            rows.toReversed().map(({ revision }) => ({
              seq: revision.seq,
              deliveries: [{ subscription: sampleSubscription('s'), destination: 'ops s' }],
            })),
            sampleAt,
          );
          const claimed = await ledger.claim({
            channel: 'ops',
            notTo: [],
            now: sampleAt,
            leaseUntil: sampleAt + 60_000,
            limit: 3,
            claimer: `c${number}`,
          });
          for (const { alert, revision } of claimed) told.set(alert, [...(told.get(alert) ?? []), revision]);
          left -= claimed.length;
          await ledger.settle(claimed.map(({ key }) => ({ key, state: 'delivered', at: sampleAt })));
        }
      }),
    );
    expect(told.size).toBe(ALERTS);
    for (const revisions of told.values()) expect(revisions).toEqual([1, 2, 3, 4]);
    for (const ledger of ledgers) await ledger.close();
  });

  test('a delivery is not due while an earlier revision of its alert is still in the outbox', async () => {
    const ledger = await open(newSchema());
    await commitAll(ledger, [raise('a'), raise('a', { revision: 2, event: 'updated' })]);
    const [one, two] = await ledger.outbox(2);
    const expand = (seq: number | undefined) =>
      ledger.expand(
        [{ seq: seq ?? -1, deliveries: [{ subscription: sampleSubscription('s'), destination: 'd' }] }],
        sampleAt,
      );
    const claim = async () =>
      (
        await ledger.claim({
          channel: 'ops',
          notTo: [],
          now: sampleAt,
          leaseUntil: sampleAt + 1,
          limit: 9,
          claimer: 'x',
        })
      ).map(({ key }) => key);
    await expand(two?.revision.seq);
    expect(await claim()).toEqual([]);
    await expand(one?.revision.seq);
    expect(await claim()).toEqual(['a.1.s']);
    await ledger.close();
  });

  test('two processes that open together migrate once; a newer schema is refused', async () => {
    const schema = newSchema();
    const ledgers = await Promise.all([open(schema), open(schema), open(schema)]);
    for (const ledger of ledgers) await ledger.close();
    const versions = await raw(schema, async (client) => {
      const { rows } = await client.query('SELECT version FROM schema_version ORDER BY 1');
      await client.query('INSERT INTO schema_version (version) VALUES ($1)', [schemaVersion + 1]);
      return rows;
    });
    expect(versions).toEqual(Array.from({ length: schemaVersion }, (_, index) => ({ version: index + 1 })));
    await expect(open(schema)).rejects.toMatchObject({ code: 'ATL_STORE_VERSION' });
  });

  test('says what is wrong: address, database, server that is away, settings that lose data', async () => {
    await expect(open('s', { url: 'mysql://x' })).rejects.toMatchObject({ code: 'ATL_CONFIG' });
    const away = 'postgresql://atalaia:secret@127.0.0.1:1/postgres';
    await expect(open('s', { url: away, retryMs: 100 })).rejects.toMatchObject({
      code: 'ATL_STORE',
      message: expect.not.stringContaining('secret'),
    });
    await expect(open('s', { url: server.url.replace('/postgres', '/none') })).rejects.toMatchObject({
      code: 'ATL_CONFIG',
    });
    const unsafe = `${server.url}?options=-c%20synchronous_commit%3Doff`;
    await expect(open('s', { url: unsafe })).rejects.toMatchObject({
      code: 'ATL_CONFIG',
      message: expect.stringContaining('synchronous_commit'),
    });
  });

  test('keeps texts with NUL, which PostgreSQL cannot hold, as the replacement character', async () => {
    const ledger = await open(newSchema());
    await ledger.skip({ partition: 0, offset: 1, reason: 'a\0b', at: sampleAt });
    expect((await ledger.skips())[0]?.reason).toBe('a\uFFFDb');
    await ledger.close();
  });

  test('what is asked often is answered by an index', async () => {
    const schema = newSchema();
    const ledger = await open(schema);
    await commitAll(
      ledger,
      Array.from({ length: 20_000 }, (_, index) =>
        raise(`a${index}`, index % 50 === 0 ? {} : { event: 'ended', endReason: 'cleared' }),
      ),
    );
    const rows = await ledger.outbox(5000);
    const deliveries = [{ subscription: sampleSubscription('s'), destination: 'd' }];
    await ledger.expand(
      rows.map(({ revision }) => ({ seq: revision.seq, deliveries })),
      sampleAt,
    );
    await ledger.settle(
      rows.slice(0, 4900).map(({ revision }) => ({
        key: `${revision.revision.event.alert}.1.s`,
        state: 'delivered',
        at: sampleAt,
      })),
    );
    const claim = { channel: 'ops', notTo: [], now: sampleAt, leaseUntil: sampleAt, limit: 20, claimer: 'x' };
    const statements = [
      alertsQuery({ state: 'open', limit: 50 }),
      alertsQuery({ state: 'open', level: 'red', limit: 50 }),
      alertsQuery({ limit: 50 }),
      alertsQuery({ area: 'A999', limit: 50 }),
      { sql: CLAIM, values: claimValues(claim) },
      { sql: SINCE, values: [10_000, 500] },
      ...[{}, { hazard: 'rare' }, { area: '4314902' }, { hazard: 'rain', before: '5000.5000' }].map(
        (filter) => feedQuery('c.*', 200, filter),
      ),
      { sql: HELD_STATIONS, values: [100] },
    ];
    await raw(schema, async (client) => {
      await client.query(`INSERT INTO cap (alert, revision, identifier, sent_text, xml, created_at, hazard, subject_kind, subject_id)
        SELECT 'a' || n, 1, 'i' || n, 's', 'x', n, CASE WHEN n % 5000 = 0 THEN 'rare' ELSE 'rain' END, 'station', 'A' || n % 500
        FROM generate_series(1, 20000) n`);
      await client.query(
        `INSERT INTO stations SELECT 'A' || n, '43149' || n % 50, '{}' FROM generate_series(1, 500) n`,
      );
      await client.query(`INSERT INTO held (token, kind, station, payload, reason, at)
        SELECT gen_random_uuid(), 'unknown-station', 'X' || n, '', '', n FROM generate_series(1, 5000) n`);
      await client.query('ANALYZE');
      const plan = async (sql: string, values: readonly unknown[]): Promise<string> =>
        JSON.stringify((await client.query(`EXPLAIN (FORMAT JSON) ${sql}`, [...values])).rows);
      for (const { sql, values } of statements) {
        const text = await plan(sql, values);
        expect(text).toMatch(/"Index Name":/);
        expect(text).not.toMatch(
          /"Seq Scan"[^{}]*"Relation Name":"(alerts|revisions|deliveries|cap|held|held_stations)"/,
        );
      }
      expect(await plan("SELECT * FROM alerts WHERE hazard = 'x'", [])).toMatch(
        /"Seq Scan"[^{}]*"Relation Name":"(alerts|revisions|deliveries)"/,
      );
    });
    await ledger.close();
  });

  test('takes what older versions kept into the tables of lookups', async () => {
    const schema = newSchema();
    await raw(schema, async (client) => {
      await client.query(`CREATE SCHEMA ${schema}`);
      await client.query(initial);
      await client.query(`INSERT INTO revisions VALUES (1, '0:0:0', 'a1', 1, 'active', 0, 'r', 'A801', 2, '{}');
        INSERT INTO alerts VALUES ('a1', 1, 1, 'r', 'rain', 'station', 'A801', 'red', 'active', 0, 0, 0, 0);
        INSERT INTO cap (alert, revision, identifier, sent_text, xml, created_at)
          VALUES ('a1', 1, 'i1', 's', '<x/>', 5), ('gone', 1, 'i2', 's', '<x/>', 6);
        INSERT INTO held (token, kind, station, payload, reason, at)
          SELECT gen_random_uuid(), kind, station, '', 'r', 1
          FROM (VALUES ('unknown-station', 'X1'), ('quarantine', NULL), ('unknown-station', 'X1')) v (kind, station)`);
      await client.query(lookups);
      const rows = async (sql: string): Promise<unknown[]> =>
        (await client.query(sql)).rows.map(Object.values);
      expect(await rows('SELECT hazard, subject_kind, subject_id FROM cap ORDER BY created_at')).toEqual([
        ['rain', 'station', 'A801'],
        [null, null, null],
      ]);
      expect(await rows('SELECT station, reports::int FROM held_stations')).toEqual([['X1', 2]]);
      // A process of an older version goes on writing.
      await client.query(`INSERT INTO cap (alert, revision, identifier, sent_text, xml, created_at)
        VALUES ('a1', 2, 'i3', 's', '<x/>', 7)`);
      await client.query(`INSERT INTO held (token, kind, station, payload, reason, at)
        VALUES (gen_random_uuid(), 'unknown-station', 'X1', '', 'r', 1)`);
      await client.query("DELETE FROM held WHERE kind = 'quarantine' OR id = 1");
      expect(await rows('SELECT hazard FROM cap WHERE created_at = 7')).toEqual([['rain']]);
      expect(
        await rows('SELECT station, reports::int, first_id::int, last_id::int FROM held_stations'),
      ).toEqual([['X1', 2, 3, 4]]);
    });
  });

  test('a row that another transaction holds is not waited for without end', async () => {
    const schema = newSchema();
    const ledger = await open(schema, { lockTimeoutMs: 200, retryMs: 300 });
    const { epoch } = await ledger.acquire(0);
    await raw(schema, async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT * FROM positions FOR UPDATE');
      const batch = { partition: 0, epoch, from: 0, to: 1, revisions: [], clockAt: sampleAt };
      await expect(ledger.commit([batch])).rejects.toMatchObject({ code: 'ATL_BUSY' });
      await client.query('ROLLBACK');
      await ledger.commit([batch]);
    });
    await ledger.close();
  });

  test('goes on after its connections were cut, and after a restart of the server', async () => {
    const own = await PostgresqlServer.start();
    const ledger = await openPostgresLedger({ url: own.url });
    try {
      await commitAll(ledger, [raise('a')]);
      await raw(
        'public',
        (client) =>
          client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
            'atalaia',
          ]),
        own.url,
      );
      await commitAll(ledger, [raise('b')]);
      await own.kill(true);
      const commit = commitAll(ledger, [raise('c')]);
      await own.restart();
      await commit;
      expect((await ledger.since(null, 9))?.map(({ revision }) => revision.event.alert)).toEqual([
        'a',
        'b',
        'c',
      ]);
    } finally {
      await ledger.close();
      await own.stop();
    }
  });

  test('a replica answers people while it keeps the bound, else the primary does', async () => {
    const replica = await PostgresqlServer.start(server);
    const schema = newSchema();
    const ledger = await open(schema, { readUrl: replica.url, maxStalenessMs: 1500 });
    try {
      await commitAll(ledger, [raise('a')]);
      const alerts = async () =>
        (await ledger.forPeople.alerts({ limit: 9 })).items.map(({ revision }) => revision.event.alert);
      const asked = () =>
        raw(
          'public',
          async (client) =>
            (
              await client.query(
                "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'atalaia' AND query LIKE '%FROM alerts%'",
              )
            ).rows[0].n as number,
          replica.url,
        );
      const askedAfterAll = async () => [await alerts(), await asked()];
      await expect.poll(askedAfterAll).toEqual([['a'], 1]);
      await raw('public', (client) => client.query('SELECT pg_wal_replay_pause()'), replica.url);
      await commitAll(ledger, [raise('b')]);
      // Within the bound the replica may be behind; past it the primary answers.
      await expect.poll(alerts).toEqual(['b', 'a']);
      await raw('public', (client) => client.query('SELECT pg_wal_replay_resume()'), replica.url);
      await replica.stop();
      expect(await alerts()).toEqual(['b', 'a']);
      // The pipeline's own reads never come from there.
      expect((await ledger.alerts({ limit: 9 })).items).toHaveLength(2);
    } finally {
      await ledger.close();
      await replica.stop();
    }
  });
});
