import { expect, test } from 'vitest';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Log, LogEntry } from '../../log/log.ts';
import { encodeRecord } from '../../log/record-codec.ts';
import type { LogRecord } from '../../model/record.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { CheckpointStore } from '../checkpoints/checkpoints.ts';
import { DocumentCache, toDocument } from '../documents.ts';
import { FoldedPartition } from './partition-fold.ts';

const entry = (offset: number, record: LogRecord | null): LogEntry => ({
  partition: 0,
  offset,
  key: '',
  payload: record ? encodeRecord(record) : Buffer.from('no record'),
});
const tick = (at: number): LogRecord => ({ kind: 'tick', at });

/** A partition over these entries; `skipped` gathers the offsets that are passed over for ever. */
async function partition(entries: readonly LogEntry[], documents = new DocumentCache()) {
  const skipped: number[] = [];
  const reads: number[] = [];
  const log = {
    async read(_: number, offset: number, limit: number) {
      reads.push(offset);
      return entries.filter((one) => one.offset >= offset).slice(0, limit);
    },
  } as unknown as Log;
  const ledger = {
    async skip({ offset }: { offset: number }) {
      skipped.push(offset);
    },
  } as unknown as Ledger;
  const checkpoints = { newest: async () => undefined } as unknown as CheckpointStore;
  const folded = await FoldedPartition.open(
    0,
    { log, ledger, checkpoints, documents, latenessMs: 1000, skips: new Set(), onSkipped: () => {} },
    { ledger: 0, archive: 0, topic: 0 },
  );
  return { folded, skipped, reads };
}

test('after a record that cannot be folded the fold is made again up to it and no further, over holes in the offsets', async () => {
  const entries = [
    entry(3, tick(1000)),
    entry(7, tick(2000)),
    entry(9, null),
    entry(12, tick(9000)),
    entry(13, tick(10_000)),
  ];
  const { folded, skipped, reads } = await partition(entries);
  await folded.fold(entries.slice(0, 3));
  expect(skipped).toEqual([9]);
  expect(folded.clockAt).toBe(2000);
  expect(folded.offset).toBe(10);
  expect(reads).toEqual([0]);
});

test.each(['ATL_BUSY', 'ATL_STORE'] as const)('%s of the store skips no record', async (code) => {
  const { hash } = toDocument([]);
  const busy = new AtalaiaError(code, 'later');
  const documents = new DocumentCache(() => Promise.reject(busy));
  const command = entry(0, { kind: 'command', id: 'c', command: { type: 'rules', hash } });
  const { folded, skipped } = await partition([command], documents);
  await expect(folded.fold([command])).rejects.toBe(busy);
  expect(skipped).toEqual([]);
  expect(folded.offset).toBe(0);
});
