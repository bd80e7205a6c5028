import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';
import { byHttp, Feeder, LoadedSystem, storedInPostgresql } from './fault-load.ts';
import { temporaryFolder, until } from './server.ts';

// What the configuration makes of PostgreSQL, by a whole process: a replica for people, two databases for the archive, and
// every question of the dashboard answered by an index.

/** Tables that grow with the stations and the years; `latest` is read whole, a row for each station and quantity. */
const GROWING = /^(alerts|revisions|deliveries|outbox|held|observations_\d+_\d+|hourly)$/;

describe.skipIf(!findPostgresql())(`a process on PostgreSQL by configuration${postgresqlHint}`, () => {
  const folder = temporaryFolder();
  let server: PostgresqlServer;
  let second: PostgresqlServer;
  let replica: PostgresqlServer;
  const systems: LoadedSystem[] = [];
  beforeAll(async () => {
    [server, second] = await Promise.all([PostgresqlServer.start(), PostgresqlServer.start()]);
    replica = await PostgresqlServer.start(server);
  });
  afterAll(async () => {
    for (const system of systems) await system.kill();
    for (const one of [replica, second, server]) await one?.stop();
    folder.remove();
  });

  const system = (name: string, store: string): LoadedSystem => {
    const made = new LoadedSystem(
      folder.path,
      name,
      `store: { kind: postgresql, schema: ${name}, ${store} }\n`,
    );
    systems.push(made);
    return made;
  };
  async function rows<Row>(url: string, sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(sql, [...values])).rows as Row[];
    } finally {
      await client.end();
    }
  }
  /** How many sessions of ours on the replica have asked for this last. */
  const asked = async (like: string): Promise<number> =>
    (
      await rows<{ n: number }>(
        replica.url,
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'atalaia' AND query LIKE $1",
        [like],
      )
    )[0]?.n ?? 0;
  const json = async (url: string): Promise<{ items: { alert: string }[] }> => {
    const answer = await fetch(url);
    expect(answer.status, url).toBe(200);
    return (await answer.json()) as { items: { alert: string }[] };
  };

  test('the archive lies in two databases by region, people read the alerts from a streaming replica', async () => {
    const one = system(
      'sharded',
      `url: "${server.url}", readUrl: "${replica.url}", shards: ["${server.url}", "${second.url}"]`,
    );
    await one.start();
    const feeder = new Feeder(byHttp(one.url));
    await feeder.more(12);
    expect((await json(`${one.url}/api/v1/alerts?limit=5`)).items).toHaveLength(5);
    expect(await asked('%FROM alerts%')).toBeGreaterThan(0);
    // The loss of the replica is no loss: the primary answers.
    await replica.kill(true);
    expect((await json(`${one.url}/api/v1/alerts?limit=5`)).items).toHaveLength(5);
    await feeder.more(3);
    await replica.restart();
    await one.end(feeder);
    await one.verify(feeder, await storedInPostgresql(server.url, 'sharded', [server.url, second.url]));
    const [here, there] = await Promise.all(
      [server, second].map(async ({ url }) => {
        const found = await rows<{ station: string }>(
          url,
          'SELECT DISTINCT station FROM sharded_archive.observations',
        );
        // Station i is of region i modulo 23.
        return new Set(found.map(({ station }) => Number(station.slice(1)) % 23));
      }),
    );
    expect(here?.size).toBeGreaterThan(3);
    expect(there?.size).toBeGreaterThan(3);
    expect([...(here ?? [])].filter((region) => there?.has(region))).toEqual([]);
    expect((here?.size ?? 0) + (there?.size ?? 0)).toBe(23);
  });

  test('people read series from a streaming replica where the archive is one database', async () => {
    const one = system('single', `url: "${server.url}", readUrl: "${replica.url}"`);
    await one.start();
    const feeder = new Feeder(byHttp(one.url));
    await feeder.more(5);
    const points = async (): Promise<number> =>
      (await json(`${one.url}/api/v1/stations/S5/observations`)).items.length;
    await until(async () => (await points()) > 0, 20_000, 'observations to be read');
    // A session tells its last question: a series ends with what neighbours say of its hours.
    await until(async () => (await points()) > 0 && (await asked('%FROM marks%')) > 0, 20_000, 'the replica');
    await one.end(feeder);
  });

  test('no question of the dashboard, nor of the pipeline, reads a growing table from end to end', async () => {
    // So small tables are read by their indexes, too, wherever there is one that fits.
    await rows(server.url, 'ALTER ROLE atalaia SET enable_seqscan = off');
    const scans = async (): Promise<Map<string, number>> => {
      const found = await rows<{ relname: string; scans: string }>(
        server.url,
        "SELECT relname, coalesce(seq_scan, 0)::text AS scans FROM pg_stat_all_tables WHERE schemaname LIKE 'indexed%'",
      );
      return new Map(found.map(({ relname, scans }) => [relname, Number(scans)]));
    };
    const one = system('indexed', `url: "${server.url}"`);
    // The tables are made by a first start.
    await one.start();
    expect(await one.program.signal('SIGTERM')).toBe(0);
    const before = await scans();
    await one.start();
    const feeder = new Feeder(byHttp(one.url));
    await feeder.more(12);
    const { items } = await json(`${one.url}/api/v1/alerts?limit=1`);
    const id = items[0]?.alert;
    const from = new Date(Date.now() - 86_400_000).toISOString().replace(/\.\d+/, '');
    const paths = [
      ...[
        'status',
        'alerts',
        'alerts?state=open',
        'alerts?level=red',
        'alerts?rule=vento',
        'alerts?hazard=wind',
      ],
      ...['alerts?area=r5', `alerts?from=${from}`, `alerts/${id}`, 'rules', 'subscriptions', 'stations'],
      ...['stations/S5', 'stations/S5/observations', `stations/S5/observations?from=${from}&every=PT1H`],
    ].map((path) => `${one.url}/api/v1/${path}`);
    for (const url of paths) await json(url);
    // Its message is made when its turn comes among those that wait to be sent.
    const message = `${one.url}/api/v1/alerts/${id}/cap.xml`;
    await until(
      async () => (await fetch(message)).status === 200,
      30_000,
      'the CAP message of the newest alert',
    );
    for (const path of [
      `/api/v1/alerts/${id}/cap.xml`,
      '/cap/feed.atom',
      '/cap/feed.rss',
      '/metrics',
      '/readyz',
    ])
      expect((await fetch(one.url + path)).status, path).toBe(200);
    await one.end(feeder);
    // Sessions tell their counts when they end.
    await until(
      async () =>
        (await rows(server.url, "SELECT 1 FROM pg_stat_activity WHERE application_name = 'atalaia'"))
          .length === 0,
      20_000,
      'the sessions to end',
    );
    const after = await scans();
    expect([...after.keys()].filter((name) => GROWING.test(name)).length).toBeGreaterThan(5);
    const scanned = [...after].filter(([name, n]) => GROWING.test(name) && n > (before.get(name) ?? 0));
    expect(scanned).toEqual([]);
    // It can fail: this one has no index to go by.
    await rows(server.url, 'SELECT count(*) FROM indexed_ledger.revisions WHERE ctid IS NULL');
  });
});
