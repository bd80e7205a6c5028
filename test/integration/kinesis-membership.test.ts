import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, membershipConformance, Watcher } from '../../src/log/conformance-membership.ts';
import { openKinesisMembership } from '../../src/log/kinesis/membership.ts';
import type { Membership } from '../../src/log/membership.ts';
import { coordinationConformance } from '../../src/store/ledger/conformance-coordination.ts';
import type { Coordination } from '../../src/store/ledger/coordination.ts';
import { openPostgresCoordination } from '../../src/store/ledger/postgresql/coordination.ts';
import { openSqliteCoordination } from '../../src/store/ledger/sqlite/coordination.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';
import { temporaryFolder } from './server.ts';

// Leases need the ledger alone: the stream's name is a name.

const PARTITIONS = 8;
const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);

/** A membership over a connection of its own, as a process has it. */
async function openMembership(tables: Promise<Coordination>, ttlMs = 1500): Promise<Membership> {
  const { leases, close } = await tables;
  const membership = await openKinesisMembership({ leases, stream: 's', partitions: PARTITIONS, ttlMs });
  return {
    join: (group, events) => membership.join(group, events),
    async close() {
      await membership.close();
      await close();
    },
  };
}

describe('partitions by leases in SQLite', () => {
  const folder = temporaryFolder();
  afterAll(() => folder.remove());
  membershipConformance('Kinesis, leases in SQLite', {
    partitions: PARTITIONS,
    isShared: true,
    open: () => openMembership(openSqliteCoordination({ path: join(folder.path, 'ledger.sqlite') })),
  });
});

describe.skipIf(!findPostgresql())(`partitions by leases in PostgreSQL${postgresqlHint}`, () => {
  let server: PostgresqlServer;
  let schemas = 0;
  const tables = (schema = 'leases') => openPostgresCoordination({ url: server.url, schema });
  beforeAll(async () => {
    server = await PostgresqlServer.start();
  });
  afterAll(() => server?.stop());

  coordinationConformance('postgresql', async () => {
    const schema = `c${schemas++}`;
    return { open: () => tables(schema), remove: async () => undefined };
  });

  membershipConformance('Kinesis, leases in PostgreSQL', {
    partitions: PARTITIONS,
    isShared: true,
    open: () => openMembership(tables()),
  });

  test('while the database is away all is lost, and all comes back with it', async () => {
    const [a, b] = [new Watcher('a'), new Watcher('b')];
    const memberships = [await openMembership(tables()), await openMembership(tables())];
    const members = [await memberships[0]!.join('away', a), await memberships[1]!.join('away', b)];
    const held = () => members.map(({ partitions }) => partitions.length);
    await eventually(held, [PARTITIONS / 2, PARTITIONS / 2]);
    await server.kill(true);
    await eventually(() => [a.held.size, b.held.size], [0, 0]);
    expect([a.reasons.at(-1), b.reasons.at(-1)]).toEqual(['lost', 'lost']);
    await server.restart();
    await eventually(() => members.flatMap(({ partitions }) => partitions).sort((x, y) => x - y), all);
    await eventually(held, [PARTITIONS / 2, PARTITIONS / 2]);
    await Promise.all(memberships.map((membership) => membership.close()));
    expect([...a.conflicts, ...b.conflicts]).toEqual([]);
  });

  test('many calls on the same leases at once end all, in whatever order they name them', async () => {
    const one = await tables('plan');
    const names = Array.from({ length: 200 }, (_, i) => `s/g/partition/${i}`);
    const held = await one.leases.take('a', names, 60_000);
    const calls = Array.from({ length: 40 }, (_, i) =>
      i % 2
        ? one.leases.renew('a', i % 4 === 1 ? held : [...held].reverse(), 60_000)
        : one.leases.take(`o${i}`, [...names].reverse(), 60_000),
    );
    const answers = await Promise.all(calls);
    for (const [i, answer] of answers.entries()) expect(answer.length).toBe(i % 2 ? names.length : 0);
    await one.close();
  });
});
