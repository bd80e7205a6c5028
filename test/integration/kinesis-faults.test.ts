import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { type KinesisEvent, openKinesisLog } from '../../src/log/kinesis/kinesis-log.ts';
import type { Log, LogEntry } from '../../src/log/log.ts';
import { memoryCoordination } from '../../src/store/ledger/memory-coordination.ts';
import { KinesisServer, whyNoKinesis } from '../servers/kinesis.ts';
import { type Fault, inTrouble, named, record, withFaults, writers } from '../servers/kinesis-load.ts';

const reason = whyNoKinesis();
const PARTITIONS = 8;
const memoryOffsetIndex = () => memoryCoordination(systemClock).index;
let server: KinesisServer;

const textOf = (entry: LogEntry): string => new TextDecoder().decode(entry.payload);
async function readAll(log: Log, partition: number, limit = 1000): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  const { oldest, next } = await log.bounds(partition);
  for (let at = oldest; at < next; at = (entries.at(-1)?.offset ?? next) + 1)
    entries.push(...(await log.read(partition, at, limit, 1000)));
  return entries;
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > until) throw new Error('It did not come to be within 20 s.');
    await new Promise((done) => setTimeout(done, 50));
  }
}

describe.skipIf(reason !== undefined)(`Kinesis under faults${reason ? ` (${reason})` : ''}`, () => {
  beforeAll(async () => {
    server = await KinesisServer.start();
  });
  afterAll(() => server?.stop());

  const open = (stream: string, more: object = {}) =>
    openKinesisLog({
      ...server.access,
      ...{ stream, partitions: PARTITIONS, shards: 2, pollMs: 10, index: memoryOffsetIndex() },
      ...more,
    });

  for (const consumer of [undefined, 'atalaia-test']) {
    test(`keeps order and offsets over a split and a merge under load, ${consumer ? 'subscribed' : 'polled'}`, async () => {
      const stream = `reshard-${consumer ?? 'polled'}`;
      const index = memoryOffsetIndex();
      const { leases } = memoryCoordination(systemClock);
      const log = await open(stream, {
        index,
        ...(consumer ? { consumer: { name: consumer, leases } } : {}),
      });
      const load = writers(log, PARTITIONS);
      const progress = async (): Promise<void> => {
        const from = load.acknowledged.map(({ size }) => size);
        await eventually(async () => load.acknowledged.every(({ size }, p) => size > from[p]! + 2));
      };
      await progress();
      await server.splitFirst(stream);
      await progress();
      await server.mergeRight(stream);
      await progress();
      await load.stop();
      const counted = await Promise.all(load.acknowledged.map((_, p) => readAll(log, p)));
      await log.close();
      // Counted again from the first record on, with an index that knows nothing, and hardly any memory.
      const again = await open(stream, { cacheBytes: 2000 });
      for (let p = 0; p < PARTITIONS; p++) {
        expect(counted[p]!.map((e) => [e.offset, textOf(e)])).toEqual([...load.acknowledged[p]!]);
        expect(counted[p]!.map(textOf)).toEqual(counted[p]!.map((_, i) => `${p}:${i}`));
        expect(await readAll(again, p, 7)).toEqual(counted[p]);
      }
      await again.close();
      // With the anchors, from the middle of the shards' history.
      const third = await open(stream, { index, cacheBytes: 2000 });
      expect(await readAll(third, 0, 5)).toEqual(counted[0]);
      await third.close();
    });
  }

  test('throttling, partial failures and lost answers cost no record, no order, and write none twice', async () => {
    const trouble = inTrouble(seededRandom(7));
    const events: KinesisEvent[] = [];
    const log = await open('faults', {
      configure: withFaults(trouble.fault),
      onEvent: (event: KinesisEvent) => void events.push(event),
    });
    const calls = Array.from({ length: 300 }, async (_, i) => {
      await new Promise((done) => setTimeout(done, i * 5));
      return log.append([record(i % PARTITIONS, `a${i}`), record((i + 3) % PARTITIONS, `b${i}`)]);
    });
    const offsets = await Promise.all(calls);
    expect(trouble.faults).toBeGreaterThan(20);
    expect(events.some(({ kind }) => kind === 'throttled')).toBe(true);
    const plain = await open('faults');
    for (let p = 0; p < PARTITIONS; p++) {
      const expected = offsets.flatMap(([a, b], i) => [
        ...(i % PARTITIONS === p ? [[a, `a${i}`]] : []),
        ...((i + 3) % PARTITIONS === p ? [[b, `b${i}`]] : []),
      ]);
      expect((await readAll(plain, p)).map((e) => [e.offset, textOf(e)])).toEqual(expected);
    }
    await Promise.all([log.close(), plain.close()]);
  });

  test('two processes that write to the same partitions give every record one offset', async () => {
    const index = memoryOffsetIndex();
    const logs = await Promise.all([open('shared', { index }), open('shared', { index })]);
    const offsets = await Promise.all(
      logs.flatMap((log, l) =>
        Array.from({ length: 40 }, (_, i) =>
          log.append([record(i % 2, `${l}:${i}`)]).then(([offset]) => [i % 2, offset]),
        ),
      ),
    );
    expect(new Set(offsets.map(String)).size).toBe(80);
    for (const p of [0, 1]) {
      const [a, b] = await Promise.all(logs.map((log) => readAll(log, p)));
      expect(a).toHaveLength(40);
      expect(a).toEqual(b);
    }
    await Promise.all(logs.map((log) => log.close()));
  });

  test('records of others in the stream take no offset, and are told of', async () => {
    const events: KinesisEvent[] = [];
    const log = await open('foreign', { onEvent: (event: KinesisEvent) => void events.push(event) });
    await log.append([record(0, 'one')]);
    await server.admin((client, sdk) =>
      client.send(
        new sdk.PutRecordCommand({
          StreamName: 'foreign',
          PartitionKey: '0',
          ExplicitHashKey: '1',
          Data: Buffer.from('x'),
        }),
      ),
    );
    expect(await log.append([record(0, 'two')])).toEqual([1]);
    expect(events.map(({ kind }) => kind)).toContain('foreign');
    await log.close();
  });

  test('an append that the service refuses for good rejects at once', async () => {
    const fault: Fault = async (command, call) => {
      if (command === 'PutRecordsCommand') throw named('AccessDeniedException');
      return call();
    };
    const log = await open('refused', { configure: withFaults(fault) });
    await expect(log.append([record(0, 'x')])).rejects.toMatchObject({ code: 'ATL_CONFIG' });
    await log.close();
  });

  test('an append whose outcome stays unknown rejects in time, and the next one is taken', async () => {
    let isDeaf = true;
    const fault: Fault = async (command, call) => {
      if (command === 'PutRecordsCommand' && isDeaf) throw named('TimeoutError');
      return call();
    };
    const log = await open('deaf', { configure: withFaults(fault), deliveryTimeoutMs: 400 });
    await expect(log.append([record(0, 'lost')])).rejects.toMatchObject({ code: 'ATL_LOG_CLOSED' });
    isDeaf = false;
    expect(await log.append([record(0, 'next')])).toEqual([0]);
    await log.close();
  });
});
