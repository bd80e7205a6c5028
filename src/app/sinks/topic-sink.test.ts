import { describe, expect, it } from 'vitest';
import type { AtalaiaError } from '../../lib/errors.ts';
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

describe('one that stands still while the ledger answers', () => {
  /** What happens after the first answers, in turn; each takes so long, ms. */
  async function put(...after: { readonly ms: number; readonly isReplaced?: boolean }[]) {
    const ledger = await openSqliteLedger({ path: ':memory:' });
    const { epoch } = await ledger.acquire(0);
    await ledger.moveSink('topic:alerts', [{ partition: 0, epoch, from: 0, to: 0 }]);
    let now = 0;
    let appends = 0;
    const moveSink: typeof ledger.moveSink = async (...given) => {
      await ledger.moveSink(...given);
      const next = after.shift();
      now += next?.ms ?? 0;
      if (next?.isReplaced) await ledger.acquire(0);
    };
    const sink = new TopicSink({
      topic: {
        bounds: async () => ({ oldest: 0, next: 0 }),
        append: async () => void appends++,
      } as unknown as Log,
      ledger: { sinkPositions: (name: string) => ledger.sinkPositions(name), moveSink } as typeof ledger,
      ...{ name: 'alerts', guarantee: 'exactly-once', isShared: true, clock: { monotonicMs: () => now } },
    });
    await sink.begin([{ partition: 0, epoch, offset: 0 }]);
    const revisions = [{ offset: 0, index: 0, revision: sampleRevision({}) }];
    const failure = await sink
      .put({ ...{ partition: 0, epoch, from: 0, to: 1, clockAt: sampleAt }, revisions })
      .then(
        () => null,
        (error: AtalaiaError) => error.code,
      );
    await ledger.close();
    return { failure, appends };
  }

  it('asks again, and goes on when it holds the partition still', async () => {
    expect(await put({ ms: 5000 }, { ms: 20 })).toEqual({ failure: null, appends: 1 });
  });

  it('appends nothing when another took over meanwhile', async () => {
    expect(await put({ ms: 5000, isReplaced: true })).toEqual({ failure: 'ATL_FENCED', appends: 0 });
  });

  it('does not believe a ledger that is always slow, and says so', async () => {
    const slow = Array.from({ length: 50 }, () => ({ ms: 1500 }));
    expect(await put(...slow)).toEqual({ failure: 'ATL_BUSY', appends: 0 });
  });
});
