import { expect, test } from 'vitest';
import { sequenceAfter } from './batch.ts';
import type { KafkaRecord, RecordsBatch } from './client.ts';
import { committedRecords } from './records.ts';

const TRANSACTIONAL = 16;
const CONTROL = 32;

function batch(
  first: number,
  count: number,
  producer: number,
  attributes: number,
  keys?: Buffer,
): RecordsBatch {
  const records = Array.from(
    { length: count },
    (_, offsetDelta): KafkaRecord => ({
      length: 10,
      attributes: 0,
      timestampDelta: 0n,
      offsetDelta,
      key: keys ?? null,
      value: Buffer.from('v'),
      headers: [],
    }),
  );
  return {
    firstOffset: BigInt(first),
    lastOffsetDelta: count - 1,
    producerId: BigInt(producer),
    attributes,
    records,
  } as RecordsBatch;
}
const marker = (offset: number, producer: number, type: number): RecordsBatch =>
  batch(offset, 1, producer, TRANSACTIONAL | CONTROL, Buffer.from([0, 0, 0, type]));
const offsets = (
  records: RecordsBatch[],
  position: number,
  aborted: [producer: number, first: number][] = [],
): [number[], number] => {
  const abortedTransactions = aborted.map(([producerId, firstOffset]) => ({
    producerId: BigInt(producerId),
    firstOffset: BigInt(firstOffset),
  }));
  const found = committedRecords({ records, abortedTransactions }, position);
  return [found.records.map(({ offset }) => offset), found.next];
};

test('a batch that begins before the position gives what lies from it on', () => {
  expect(offsets([batch(0, 5, -1, 0), batch(5, 2, -1, 0)], 3)).toEqual([[3, 4, 5, 6], 7]);
  expect(offsets([], 3)).toEqual([[], 3]);
});

test('aborted transactions are left out, the same producer is heard again afterwards', () => {
  const log = [
    batch(0, 2, 7, TRANSACTIONAL),
    batch(2, 1, 8, TRANSACTIONAL),
    batch(3, 1, -1, 0),
    marker(4, 7, 0),
    marker(5, 8, 1),
    batch(6, 1, 7, TRANSACTIONAL),
    marker(7, 7, 1),
  ];
  expect(offsets(log, 0, [[7, 0]])).toEqual([[2, 3, 6], 8]);
  expect(offsets(log, 6)).toEqual([[6], 8]);
});

test('two aborted transactions of one producer, listed in any order', () => {
  const log = [
    batch(0, 1, 7, TRANSACTIONAL),
    marker(1, 7, 0),
    batch(2, 1, 7, TRANSACTIONAL),
    marker(3, 7, 1),
    batch(4, 1, 7, TRANSACTIONAL),
    marker(5, 7, 0),
  ];
  expect(
    offsets(log, 0, [
      [7, 4],
      [7, 0],
    ]),
  ).toEqual([[2], 6]);
});

test('nothing but markers moves the position behind them', () => {
  expect(offsets([marker(4, 7, 1), marker(5, 8, 0)], 4)).toEqual([[], 6]);
});

test('sequences begin again behind the largest 32-bit number', () => {
  expect(sequenceAfter(2 ** 31 - 2, 1)).toBe(2 ** 31 - 1);
  expect(sequenceAfter(2 ** 31 - 1, 1)).toBe(0);
  expect(sequenceAfter(2 ** 31 - 2, 5)).toBe(3);
});
