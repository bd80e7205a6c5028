import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';
import { byHttp, Feeder, LoadedSystem, seeded, storedInPostgresql, tellSeed } from './fault-load.ts';
import { pause, temporaryFolder } from './server.ts';

// A whole process on PostgreSQL: the server is killed and started again under load.

describe.skipIf(!findPostgresql())(`a process on PostgreSQL${postgresqlHint}`, () => {
  const folder = temporaryFolder();
  let server: PostgresqlServer;
  let system: LoadedSystem | undefined;
  beforeAll(async () => {
    server = await PostgresqlServer.start();
  });
  afterAll(async () => {
    await system?.kill();
    await server?.stop();
    folder.remove();
  });

  test('the server killed with SIGKILL: reports are acknowledged meanwhile, the alerts are those of replay', async () => {
    const random = seeded(tellSeed('PostgreSQL'));
    system = new LoadedSystem(
      folder.path,
      'postgresql',
      'store: { kind: postgresql, url: { env: TEST_DATABASE }, schema: faults }\n',
      { TEST_DATABASE: server.url },
    );
    await system.start();
    const feeder = new Feeder(byHttp(system.url));
    await feeder.more(4);
    // Once all of its processes at once, as the loss of the machine, and once the first alone; with a pause, and at once.
    for (const [isWhole, awayMs] of [
      [true, 0],
      [random() < 0.5, 4000],
    ] as const) {
      await pause(random() * 1000);
      const killedAt = performance.now();
      await server.kill(isWhole);
      await pause(awayMs);
      const before = feeder.acknowledged.length;
      await server.restart();
      const restartedAt = performance.now();
      const { alertMs } = await system.recovered(feeder, killedAt);
      console.log(
        `${isWhole ? 'all processes' : 'the postmaster'} killed, away for ${Math.round(restartedAt - killedAt)} ms: alerts again ${Math.round(killedAt + alertMs - restartedAt)} ms after the start, ${before} batches acknowledged before it`,
      );
      await feeder.more(5);
    }
    await system.end(feeder);
    await system.verify(feeder, await storedInPostgresql(server.url, 'faults'));
    expect(feeder.repeats).toBe(0);
  });
});
