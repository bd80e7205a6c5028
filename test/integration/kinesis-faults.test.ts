import type { KinesisClient } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/lib/random.ts';
import { type KinesisEvent, openKinesisLog } from '../../src/log/kinesis/kinesis-log.ts';
import { memoryOffsetIndex } from '../../src/log/kinesis/offset-index.ts';
import type { Log, LogEntry } from '../../src/log/log.ts';
import { KinesisServer, whyNoKinesis } from '../servers/kinesis.ts';

const reason = whyNoKinesis();
const PARTITIONS = 8;
let server: KinesisServer;

const textOf = (entry: LogEntry): string => new TextDecoder().decode(entry.payload);
const record = (partition: number, text: string) => ({ partition, key: 'k', payload: Buffer.from(text) });

async function readAll(log: Log, partition: number, limit = 1000): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  const { oldest, next } = await log.bounds(partition);
  for (let at = oldest; at < next; at = (entries.at(-1)?.offset ?? next) + 1)
    entries.push(...(await log.read(partition, at, limit, 1000)));
  return entries;
}

/** A writer per partition that waits for each answer; returns what was acknowledged, by partition. */
function writers(log: Log) {
  let isOver = false;
  const acknowledged = Array.from({ length: PARTITIONS }, () => new Map<number, string>());
  const done = Promise.all(
    acknowledged.map(async (own, partition) => {
      for (let i = 0; !isOver; i++) {
        const [offset] = await log.append([record(partition, `${partition}:${i}`)]);
        own.set(offset as number, `${partition}:${i}`);
      }
    }),
  );
  return {
    acknowledged,
    async stop() {
      isOver = true;
      await done;
    },
  };
}

type Fault = (
  command: string,
  call: () => Promise<unknown>,
  input: { Records?: unknown[] },
) => Promise<unknown>;
const withFaults =
  (fault: Fault) =>
  (client: KinesisClient): void =>
    client.middlewareStack.add(
      (next, context) => async (args) =>
        (await fault(
          (context as { commandName?: string }).commandName ?? '',
          () => next(args),
          args.input as { Records?: unknown[] },
        )) as Awaited<ReturnType<typeof next>>,
      { step: 'initialize', name: 'faults' },
    );
const named = (name: string): Error => Object.assign(new Error(`injected ${name}`), { name });

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

  async function admin<T>(
    call: (client: KinesisClient, sdk: typeof import('@aws-sdk/client-kinesis')) => Promise<T>,
  ) {
    const sdk = await import('@aws-sdk/client-kinesis');
    const { NodeHttpHandler } = await import('@smithy/node-http-handler');
    const { region, endpoint, credentials } = server.access;
    const client = new sdk.KinesisClient({
      ...{ region: region!, endpoint: endpoint!, credentials: credentials! },
      requestHandler: new NodeHttpHandler(),
    });
    return call(client, sdk).finally(() => client.destroy());
  }
  const shardsOf = (stream: string) =>
    admin(
      async (client, sdk) =>
        (await client.send(new sdk.ListShardsCommand({ StreamName: stream }))).Shards ?? [],
    );

  for (const consumer of [undefined, 'atalaia-test']) {
    test(`keeps order and offsets over a split and a merge under load, ${consumer ? 'subscribed' : 'polled'}`, async () => {
      const stream = `reshard-${consumer ?? 'polled'}`;
      const index = memoryOffsetIndex();
      const log = await open(stream, { index, ...(consumer ? { consumer } : {}) });
      const load = writers(log);
      const progress = async (): Promise<void> => {
        const from = load.acknowledged.map(({ size }) => size);
        await eventually(async () => load.acknowledged.every(({ size }, p) => size > from[p]! + 2));
      };
      await progress();
      const [first, second] = await shardsOf(stream);
      await admin((client, sdk) =>
        client.send(
          new sdk.SplitShardCommand({
            StreamName: stream,
            ShardToSplit: first!.ShardId,
            NewStartingHashKey: (2n ** 126n).toString(),
          }),
        ),
      );
      await eventually(async () => (await shardsOf(stream)).length === 4);
      await progress();
      const right = (await shardsOf(stream)).at(-1)!;
      await admin((client, sdk) =>
        client.send(
          new sdk.MergeShardsCommand({
            StreamName: stream,
            ShardToMerge: right.ShardId,
            AdjacentShardToMerge: second!.ShardId,
          }),
        ),
      );
      await eventually(async () => (await shardsOf(stream)).length === 5);
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
    const random = seededRandom(7);
    let faults = 0;
    const fault: Fault = async (command, call, input) => {
      const dice = random();
      if (command === 'GetRecordsCommand' && dice < 0.2)
        throw named('ProvisionedThroughputExceededException');
      if (command === 'GetRecordsCommand' && dice < 0.25) throw named('ExpiredIteratorException');
      if (command !== 'PutRecordsCommand') return call();
      if (dice < 0.15) throw named('ProvisionedThroughputExceededException');
      if (dice < 0.35) {
        // Carried out, but nobody hears of it.
        await call();
        faults++;
        throw named('TimeoutError');
      }
      if (dice > 0.8) {
        // Some entries are refused: they must not be sent, and the answer has to name them.
        const all = input.Records as unknown[];
        const kept = all.map(() => random() < 0.5);
        const sent = all.filter((_, i) => kept[i]);
        faults += all.length - sent.length;
        const refused = { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'injected' };
        if (sent.length === 0)
          return { output: { FailedRecordCount: all.length, Records: all.map(() => refused) }, response: {} };
        input.Records = sent;
        const answer = (await call()) as { output: { Records: unknown[] } };
        const answers = [...answer.output.Records];
        answer.output.Records = kept.map((isKept) => (isKept ? answers.shift() : refused));
        return answer;
      }
      return call();
    };
    const events: KinesisEvent[] = [];
    const log = await open('faults', {
      configure: withFaults(fault),
      onEvent: (event: KinesisEvent) => void events.push(event),
    });
    const calls = Array.from({ length: 300 }, async (_, i) => {
      await new Promise((done) => setTimeout(done, i * 5));
      return log.append([record(i % PARTITIONS, `a${i}`), record((i + 3) % PARTITIONS, `b${i}`)]);
    });
    const offsets = await Promise.all(calls);
    expect(faults).toBeGreaterThan(20);
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
    await admin((client, sdk) =>
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
