import { expect, test } from 'vitest';
import type { Clock } from '../lib/clock.ts';
import type { Append, Log, LogEntry } from '../log/log.ts';
import { decodeRecord } from '../log/record-codec.ts';
import { appendTick, Ticker } from './ticker.ts';

const T0 = 1_714_435_200_000;

/** A log in memory that several tickers share. */
function memoryLog(partitions: number): Log & { readonly all: LogEntry[][] } {
  const all: LogEntry[][] = Array.from({ length: partitions }, () => []);
  return {
    all,
    partitions,
    append: async (records: readonly Append[]) =>
      records.map(({ partition, key, payload }) => {
        const entries = all[partition] as LogEntry[];
        entries.push({ partition, offset: entries.length, key, payload });
        return entries.length - 1;
      }),
    read: async (partition: number, offset: number, limit: number) =>
      (all[partition] as LogEntry[]).slice(offset, offset + limit),
    bounds: async (partition: number) => ({ oldest: 0, next: (all[partition] as LogEntry[]).length }),
  } as unknown as Log & { readonly all: LogEntry[][] };
}

const ticksOf = (entries: readonly LogEntry[]): string[] =>
  entries
    .filter(({ key }) => key === 'tick')
    .map(({ payload }) => {
      const record = decodeRecord(payload);
      return record.kind === 'tick' ? `${(record.at - T0) / 1000}${record.gap ? ' gap' : ''}` : '';
    });

function tickerOf(log: Log, time: { now: number }, held?: () => readonly number[]): Ticker {
  const clock: Clock = { now: () => time.now, monotonicMs: () => time.now, after: () => () => {} };
  return new Ticker(
    log,
    clock,
    Number.NEGATIVE_INFINITY,
    (error) => {
      throw error;
    },
    held,
  );
}

test('one process ticks every partition once a second, and marks where it was down', async () => {
  const log = memoryLog(2);
  const time = { now: T0 };
  const ticker = tickerOf(log, time);
  for (const second of [0, 0.5, 1, 12, 11]) {
    time.now = T0 + second * 1000;
    await ticker.once();
  }
  for (const entries of log.all) expect(ticksOf(entries)).toEqual(['0', '1', '12 gap']);
});

test('a partition that goes to another process is ticked on without a gap and without a tick twice', async () => {
  const log = memoryLog(2);
  const time = { now: T0 };
  const held = { a: [0, 1], b: [] as number[] };
  const [a, b] = [tickerOf(log, time, () => held.a), tickerOf(log, time, () => held.b)];
  const second = async (at: number): Promise<void> => {
    time.now = T0 + at * 1000;
    await a.once();
    await b.once();
  };
  await second(0);
  await second(1);
  // More reports than one look takes lie behind the last tick.
  for (let i = 0; i < 1500; i++)
    await log.append([{ partition: 1, key: 'A801', payload: Buffer.from('{}') }]);
  Object.assign(held, { a: [0], b: [1] });
  await second(1);
  for (let at = 2; at < 30; at++) await second(at);
  // And back again, while the first has known nothing of it for long.
  Object.assign(held, { a: [0, 1], b: [] });
  await second(30);
  // Soon after, and in the second of the other's tick.
  Object.assign(held, { a: [0], b: [1] });
  for (let at = 31; at < 34; at++) await second(at);
  Object.assign(held, { a: [0, 1], b: [] });
  await second(33);
  const whole = Array.from({ length: 34 }, (_, at) => String(at));
  expect(ticksOf(log.all[0] as LogEntry[])).toEqual(whole);
  expect(ticksOf(log.all[1] as LogEntry[])).toEqual(whole);
});

test('a process that stood still and does not know that it was replaced tells no gap where there is none', async () => {
  const log = memoryLog(1);
  const time = { now: T0 };
  const [zombie, holder] = [tickerOf(log, time, () => [0]), tickerOf(log, time, () => [0])];
  await zombie.once();
  for (let at = 5; at <= 60; at += 5) {
    time.now = T0 + at * 1000;
    await holder.once();
  }
  time.now += 1000;
  await zombie.once();
  expect(ticksOf(log.all[0] as LogEntry[]).filter((text) => text.includes('gap'))).toEqual([]);
  // Where nobody was there, there is one.
  time.now += 20_000;
  await zombie.once();
  expect(ticksOf(log.all[0] as LogEntry[]).at(-1)).toBe('81 gap');
});

test('nothing is ticked where nothing is held, and the clock counts as told', async () => {
  const log = memoryLog(2);
  const time = { now: T0 };
  await appendTick(log, T0 - 1000, false);
  const ticker = tickerOf(log, time, () => []);
  await ticker.once();
  expect(log.all.map(({ length }) => length)).toEqual([1, 1]);
  expect(ticker.lastAt).toBe(T0);
});
