import { expect, it } from 'vitest';
import type { Log } from '../../log/log.ts';
import { sampleAt, sampleRevision } from '../../store/ledger/sample.ts';
import { openSqliteLedger } from '../../store/ledger/sqlite/ledger.ts';
import { TopicSink } from './topic-sink.ts';

it('hands on what is public, and nothing of what waits for approval', async () => {
  const ledger = await openSqliteLedger({ path: ':memory:' });
  const { epoch } = await ledger.acquire(0);
  const appended: string[] = [];
  const topic = {
    bounds: async () => ({ oldest: 0, next: 0 }),
    append: async (records: readonly { readonly payload: Uint8Array }[]) => {
      appended.push(...records.map(({ payload }) => Buffer.from(payload).toString('utf8')));
    },
  } as unknown as Log;
  const sink = new TopicSink({ topic, name: 'alerts', ledger, guarantee: 'exactly-once', isShared: false });
  await sink.begin([{ partition: 0, epoch, offset: 0 }]);
  const draft = { draft: { waits: true, authors: [] } };
  const revisions = [sampleRevision({}, draft), sampleRevision({ revision: 2 })];
  await sink.put({
    ...{ partition: 0, epoch, from: 0, to: 1, clockAt: sampleAt },
    revisions: revisions.map((revision, index) => ({ offset: 0, index, revision })),
  });
  expect(appended.map((text) => JSON.parse(text))).toMatchObject([{ index: 1, event: { revision: 2 } }]);
  await ledger.close();
});
