import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { type Fault, SimulatedBroker } from './fixture.ts';
import { Sender } from './sender.ts';

/** Time that jumps to the next timer as soon as nothing else is to be done. */
function jumpingClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    monotonicMs: () => now,
    after(ms, callback) {
      const due = now + ms;
      let isCancelled = false;
      setImmediate(() =>
        setImmediate(() => {
          if (isCancelled) return;
          now = Math.max(now, due);
          callback();
        }),
      );
      return () => {
        isCancelled = true;
      };
    },
  };
}

const senderOf = (broker: SimulatedBroker, more: object = {}): Sender =>
  new Sender(broker.topic(jumpingClock()), {
    maxQueuedBytes: 1 << 20,
    deliveryTimeoutMs: 1e9,
    compression: 'none',
    onOutage: () => undefined,
    ...more,
  });
const message = (partition: number, text: string) => ({
  topic: 't',
  partition,
  key: Buffer.from('k'),
  value: Buffer.from(text),
});

const faults = fc.array(
  fc.constantFrom<Fault>(
    'none',
    'request-lost',
    'answer-lost',
    'answer-slow',
    'not-leader',
    'not-enough-after-append',
  ),
  { maxLength: 30 },
);

test('whatever requests and answers are lost, every record is written once, in order, at the offset told', async () => {
  await fc.assert(
    fc.asyncProperty(
      faults,
      fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 5 }), { maxLength: 40 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
      async (script, calls, pauses) => {
        const broker = new SimulatedBroker(script);
        const sender = senderOf(broker);
        const wanted = new Map<number, string[]>();
        const answers: Promise<readonly number[]>[] = [];
        for (const [i, partitions] of calls.entries()) {
          const messages = partitions.map((partition, j) => message(partition, `${i}/${j}`));
          for (const { partition, value } of messages)
            wanted.set(partition, [...(wanted.get(partition) ?? []), value.toString()]);
          answers.push(sender.append(messages));
          if (pauses[i % pauses.length]) await new Promise(setImmediate);
        }
        const offsets = await Promise.all(answers);
        for (const [partition, texts] of wanted) expect(broker.partition(partition).values).toEqual(texts);
        calls.forEach((partitions, i) => {
          partitions.forEach((partition, j) => {
            expect(broker.partition(partition).values[offsets[i]![j]!]).toBe(`${i}/${j}`);
          });
        });
        await sender.close(0);
      },
    ),
    { numRuns: 150 },
  );
});

test('a broker that forgot the producer is met by another one, and nothing is lost', async () => {
  const broker = new SimulatedBroker(['none', 'state-lost']);
  const sender = senderOf(broker);
  expect(await sender.append([message(0, 'a')])).toEqual([0]);
  expect(await sender.append([message(0, 'b')])).toEqual([1]);
  expect(broker.partition(0).values).toEqual(['a', 'b']);
  expect(broker.identities).toBe(2);
});

test('when the producer is forgotten while a batch is in doubt, it is refused, not repeated', async () => {
  const broker = new SimulatedBroker(['none', 'answer-lost', 'state-lost']);
  const sender = senderOf(broker);
  await sender.append([message(0, 'a')]);
  await expect(sender.append([message(0, 'b')])).rejects.toMatchObject({
    code: 'ATL_LOG_CLOSED',
    message: expect.stringContaining('not known'),
  });
  expect(await sender.append([message(0, 'c')])).toEqual([2]);
  expect(broker.partition(0).values).toEqual(['a', 'b', 'c']);
});

test('an answer that cannot be true is not believed', async () => {
  const broker = new SimulatedBroker();
  const sender = senderOf(broker);
  await sender.append([message(0, 'a'), message(0, 'b')]);
  broker.answerOffset = 1;
  await expect(sender.append([message(0, 'c')])).rejects.toMatchObject({ code: 'ATL_LOG_CLOSED' });
});

test('batches over the limit of the topic are sent in smaller ones; one record over it is refused', async () => {
  const broker = new SimulatedBroker();
  broker.maxBatchRecords = 4;
  const sender = senderOf(broker);
  const value = 'x'.repeat(8 << 10);
  const offsets = await sender.append(Array.from({ length: 20 }, () => message(0, value)));
  expect(offsets).toEqual(Array.from({ length: 20 }, (_, i) => i));
  broker.maxBatchRecords = 0;
  await expect(sender.append([message(0, 'y')])).rejects.toMatchObject({ code: 'ATL_TOO_LARGE' });
});

test('what the user has no right to is refused with the reason', async () => {
  const broker = new SimulatedBroker();
  broker.refuseWith = 29;
  await expect(senderOf(broker).append([message(0, 'a')])).rejects.toMatchObject({
    code: 'ATL_CONFIG',
    message: expect.stringContaining('TOPIC_AUTHORIZATION_FAILED'),
  });
});

test('calls are answered in time; what was sent keeps its place before what comes later', async () => {
  const broker = new SimulatedBroker(Array<Fault>(12).fill('request-lost'));
  const outages: (string | undefined)[] = [];
  const sender = senderOf(broker, {
    deliveryTimeoutMs: 1000,
    onOutage: (failure: string | undefined) => outages.push(failure),
  });
  const first = sender.append([message(0, 'a')]);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  await expect(first).rejects.toMatchObject({ code: 'ATL_LOG_CLOSED' });
  const codes = new Set<string>();
  for (let i = 0, isKept = false; !isKept && i < 20; i++) {
    isKept = await sender.append([message(0, 'b')]).then(
      ([offset]) => offset === 1,
      (error) => !codes.add(error.code),
    );
  }
  // Nothing of what was refused as busy was written, and it was refused as busy only.
  expect([...codes]).toEqual(['ATL_BUSY']);
  expect(broker.partition(0).values).toEqual(['a', 'b']);
  expect(outages).toEqual(['NETWORK', undefined]);
});

test('a queue over its bound answers busy, and a close refuses what waits', async () => {
  const broker = new SimulatedBroker(Array<Fault>(1000).fill('request-lost'));
  const sender = senderOf(broker, { maxQueuedBytes: 300 });
  const first = sender.append([message(0, 'x'.repeat(200))]);
  await expect(sender.append([message(0, 'x'.repeat(200))])).rejects.toMatchObject({ code: 'ATL_BUSY' });
  const refused = expect(first).rejects.toMatchObject({ code: 'ATL_LOG_CLOSED' });
  await sender.close(100);
  await refused;
  await expect(sender.append([message(0, 'y')])).rejects.toMatchObject({ code: 'ATL_LOG_CLOSED' });
});
