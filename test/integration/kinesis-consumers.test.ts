import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { type KinesisEvent, openKinesisLog } from '../../src/log/kinesis/kinesis-log.ts';
import type { Log } from '../../src/log/log.ts';
import { memoryCoordination } from '../../src/store/ledger/memory-coordination.ts';
import { KinesisServer, whyNoKinesis } from '../servers/kinesis.ts';
import { record } from '../servers/kinesis-load.ts';
import { until } from './server.ts';

// Enhanced fan-out for several processes: each reads under a name of its own, which others take up when it is gone.

const reason = whyNoKinesis();
/** Time of the lease of a name: what a killed process leaves is free after it. */
const LEASE_MS = 3000;
let server: KinesisServer;

/** A process as the stream sees it; `die` is its `kill -9`: nothing is given back, nothing prolonged. */
async function join(stream: string, shared: ReturnType<typeof memoryCoordination>) {
  let isDead = false;
  const events: KinesisEvent[] = [];
  const ifAlive = <T>(call: () => Promise<T>): Promise<T> =>
    isDead ? Promise.reject(new Error('dead')) : call();
  const leases: typeof shared.leases = {
    list: (prefix) => ifAlive(() => shared.leases.list(prefix)),
    take: (...given) => ifAlive(() => shared.leases.take(...given)),
    renew: (...given) => ifAlive(() => shared.leases.renew(...given)),
    release: (...given) => ifAlive(() => shared.leases.release(...given)),
    forget: (prefix) => ifAlive(() => shared.leases.forget(prefix)),
  };
  const log = await openKinesisLog({
    ...server.access,
    ...{ stream, partitions: 2, pollMs: 20, index: shared.index },
    consumer: { name: 'atalaia', leases, leaseMs: LEASE_MS },
    onEvent: (event) => void events.push(event),
  });
  return {
    log,
    events,
    die: () => {
      isDead = true;
    },
  };
}

/** The names without the ledger's own part; other names as they are. */
const registered = async (stream: string): Promise<string[]> =>
  (await registeredInFull(stream)).map((name) => name.replace(/-[0-9a-f]{8}-(\d+)$/, '-$1'));

const registeredInFull = (stream: string): Promise<string[]> =>
  server.admin(async (client, sdk) => {
    const { StreamDescriptionSummary: found } = await client.send(
      new sdk.DescribeStreamSummaryCommand({ StreamName: stream }),
    );
    const { Consumers = [] } = await client.send(
      new sdk.ListStreamConsumersCommand({ StreamARN: found?.StreamARN, MaxResults: 100 }),
    );
    return Consumers.filter(({ ConsumerStatus }) => ConsumerStatus === 'ACTIVE')
      .map(({ ConsumerName = '' }) => ConsumerName)
      .sort();
  });

async function register(stream: string, name: string): Promise<void> {
  await server.admin(async (client, sdk) => {
    const { StreamDescriptionSummary: found } = await client.send(
      new sdk.DescribeStreamSummaryCommand({ StreamName: stream }),
    );
    await client.send(
      new sdk.RegisterStreamConsumerCommand({ StreamARN: found?.StreamARN, ConsumerName: name }),
    );
  });
  await until(async () => (await registeredInFull(stream)).includes(name), 20_000, `consumer ${name}`);
}

async function deregister(stream: string, name: string): Promise<void> {
  await server.admin(async (client, sdk) => {
    const { StreamDescriptionSummary: found } = await client.send(
      new sdk.DescribeStreamSummaryCommand({ StreamName: stream }),
    );
    await client.send(
      new sdk.DeregisterStreamConsumerCommand({ StreamARN: found?.StreamARN, ConsumerName: name }),
    );
  });
}

const read = async (log: Log): Promise<string[]> =>
  (await log.read(0, 0, 100, 2000)).map(({ payload }) => new TextDecoder().decode(payload));

describe.skipIf(reason !== undefined)(`consumers of Kinesis${reason ? ` (${reason})` : ''}`, () => {
  beforeAll(async () => {
    server = await KinesisServer.start();
  });
  afterAll(() => server?.stop());

  test('three that come at once have three names, read alike, and leave none behind', async () => {
    const shared = memoryCoordination(systemClock);
    const all = await Promise.all([1, 2, 3].map(() => join('three', shared)));
    expect(await registered('three')).toEqual(['atalaia-1', 'atalaia-2', 'atalaia-3']);
    for (const [i, { log }] of all.entries()) await log.append([record(0, `r${i}`)]);
    for (const { log } of all)
      await until(async () => (await read(log)).join() === 'r0,r1,r2', 20_000, 'the three records');
    await Promise.all(all.map(({ log }) => log.close()));
    expect(await registered('three')).toEqual([]);
  });

  test("the name of one that was killed is the next one's, and what nobody holds is deregistered", async () => {
    const shared = memoryCoordination(systemClock);
    const [first, second] = [await join('killed', shared), await join('killed', shared)];
    // Left by a process of long ago; and a consumer of somebody else.
    const [ledger] = /(?<=-)[0-9a-f]{8}(?=-)/.exec(String(await registeredInFull('killed'))) ?? [];
    await register('killed', `atalaia-${ledger}-17`);
    await register('killed', 'atalaia-lake');
    first.die();
    expect(await registered('killed')).toEqual(['atalaia-1', 'atalaia-17', 'atalaia-2', 'atalaia-lake']);
    await until(
      async () => (await shared.leases.list('killed/:consumer/')).some(({ isLive }) => !isLive),
      4 * LEASE_MS,
      'the end of the lease',
    );
    const third = await join('killed', shared);
    expect(await registered('killed')).toEqual(['atalaia-1', 'atalaia-2', 'atalaia-lake']);
    await third.log.append([record(0, 'after')]);
    expect(await read(second.log)).toEqual(['after']);
    expect(await read(third.log)).toEqual(['after']);
    await Promise.all([second.log.close(), third.log.close()]);
    // The dead one cannot give back a name that is not its own any more.
    await first.log.close();
    expect(await registered('killed')).toEqual(['atalaia-lake']);
  });

  test('with all twenty names taken the stream is polled, until one is free', async () => {
    const shared = memoryCoordination(systemClock);
    const first = await join('many', shared);
    const [name = ''] = await registeredInFull('many');
    await first.log.close();
    const others = Array.from({ length: 20 }, (_, i) => `many/:consumer/${name.replace(/-1$/, '')}/${i + 1}`);
    const held = await shared.leases.take('others', others, 60_000);
    const late = await join('many', shared);
    expect(late.events.map(({ kind }) => kind)).toEqual(['no-consumer']);
    expect(await registered('many')).toEqual([]);
    await late.log.append([record(0, 'polled')]);
    await shared.leases.release('others', held.slice(6, 7));
    await until(() => late.events.at(-1)?.kind === 'consumer', 20_000, 'a name');
    expect(await registered('many')).toEqual(['atalaia-7']);
    await late.log.append([record(0, 'pushed')]);
    expect(await read(late.log)).toEqual(['polled', 'pushed']);
    await late.log.close();
  });

  test('one that somebody else deregistered is registered again, and reads on', async () => {
    const shared = memoryCoordination(systemClock);
    const { log, events } = await join('gone', shared);
    await log.append([record(0, 'before')]);
    expect(await read(log)).toEqual(['before']);
    const [name = ''] = await registeredInFull('gone');
    await deregister('gone', name);
    await log.append([record(0, 'after')]);
    await until(async () => (await read(log)).join() === 'before,after', 60_000, 'the record behind it');
    await until(async () => (await registeredInFull('gone')).includes(name), 60_000, 'the consumer');
    await until(() => events.at(-1)?.kind === 'consumer', 20_000, 'it to be told');
    expect(events.map(({ kind }) => kind)).toEqual(['no-consumer', 'consumer']);
    await log.append([record(0, 'again')]);
    await until(async () => (await read(log)).join() === 'before,after,again', 20_000, 'the next');
    await log.close();
  });

  test('two systems with a ledger each leave each other alone', async () => {
    const [ours, theirs] = [memoryCoordination(systemClock), memoryCoordination(systemClock)];
    const first = await join('shared', ours);
    const second = await join('shared', theirs);
    const names = await registeredInFull('shared');
    expect([names.length, new Set(names).size]).toEqual([2, 2]);
    expect(await registered('shared')).toEqual(['atalaia-1', 'atalaia-1']);
    await second.log.close();
    expect(await registered('shared')).toEqual(['atalaia-1']);
    await first.log.close();
  });
});
