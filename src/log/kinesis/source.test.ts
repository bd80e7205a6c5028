import { expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import type { Api } from './client.ts';
import { SubscribedSource } from './source.ts';

/** A service whose consumer was deregistered: it can be polled, and refuses subscriptions with the error named. */
function apiWithout(failure: string): Api {
  const command = class {};
  const sdk = {
    GetShardIteratorCommand: command,
    GetRecordsCommand: command,
    SubscribeToShardCommand: command,
  };
  const answer = { ShardIterator: 'i', NextShardIterator: 'i', MillisBehindLatest: 0, Records: [record] };
  return {
    ...{ clock: systemClock, sdk },
    send: async () => answer,
    open: () => ({
      answer: Promise.reject(Object.assign(new Error(failure), { name: failure })),
      end: () => undefined,
    }),
  } as unknown as Api;
}
const record = { SequenceNumber: '7', Data: new Uint8Array([1]), ApproximateArrivalTimestamp: new Date(5) };

function sourceOf(failure: string) {
  const gone: string[] = [];
  let arn: string | undefined = 'arn:1';
  const source = new SubscribedSource({
    ...{ api: apiWithout(failure), stream: 's', shard: 'shard-0', position: 'oldest' },
    ...{ everyMs: 0, pollMs: 0, consumerArn: () => arn },
    onConsumerGone: (which) => {
      gone.push(which);
      arn = undefined;
    },
  });
  return { source, gone };
}

test('a consumer that is gone is told of, and the shard is polled meanwhile', async () => {
  const { source, gone } = sourceOf('ResourceNotFoundException');
  expect((await source.next()).records).toEqual([{ sequence: '7', data: record.Data, arrivedAt: 5 }]);
  expect(gone).toEqual(['arn:1']);
});

test('any other failure is the caller’s, who asks again', async () => {
  const { source, gone } = sourceOf('LimitExceededException');
  await expect(source.next()).rejects.toThrow('LimitExceededException');
  expect(gone).toEqual([]);
});
