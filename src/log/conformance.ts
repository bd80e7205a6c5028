import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Append, Log, LogEntry } from './log.ts';

export interface LogConformance {
  /** A new, empty log of at least 4 partitions; of one that trims in pieces, of pieces under 64 KiB. */
  open(): Promise<Log>;
  /** The same log again after a close; absent when the log cannot be opened twice. */
  reopen?(): Promise<Log>;
  /**
   * Kills what keeps the log and starts it again, while the log stays open here; absent when it is this process.
   * Resolves when it is back.
   */
  restart?(): Promise<void>;
  /** Offsets are 0, 1, 2 … in each partition, as long as nobody else writes; default true. */
  readonly isDense?: boolean;
  cleanup(): Promise<void>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (entry: LogEntry): string => `${entry.key}:${new TextDecoder().decode(entry.payload)}`;
const one = (partition: number, key: string, text: string): Append => ({
  partition,
  key,
  payload: bytes(text),
});

/** The first `count` entries from a position on; offsets may have holes. */
async function readAll(log: Log, partition: number, from: number, count: number): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  while (entries.length < count) {
    const position = (entries.at(-1)?.offset ?? from - 1) + 1;
    const more = await log.read(partition, position, count - entries.length, 10_000);
    if (more.length === 0) break;
    entries.push(...more);
  }
  return entries;
}

/** What every log must do, whatever broker is behind it. */
export function logConformance(name: string, subject: LogConformance): void {
  describe(`log conformance: ${name}`, () => {
    let log: Log;
    beforeEach(async () => {
      log = await subject.open();
    });
    afterEach(async () => {
      await log.close();
      await subject.cleanup();
    });

    describe('appends', () => appendTests(() => log, subject));
    describe('reads', () => readTests(() => log));
    describe('groups and retention', () => keepTests(() => log));
    describe('interruptions', () =>
      interruptionTests(
        () => log,
        (next) => {
          log = next;
        },
        subject,
      ));
  });
}

function appendTests(log: () => Log, subject: LogConformance): void {
  test('offsets rise in each partition, in the order given, and name the record', async () => {
    const batch = [0, 1, 0, 2, 1, 0].map((partition, i) => one(partition, `k${partition}`, `v${i}`));
    const offsets = await log().append(batch);
    const again = await log().append(batch.slice(0, 1));
    expect(offsets).toHaveLength(6);
    expect(again).toHaveLength(1);
    const ofZero = [offsets[0], offsets[2], offsets[5], again[0]];
    expect(ofZero).toEqual([...ofZero].sort((a, b) => a! - b!));
    expect(new Set(ofZero).size).toBe(4);
    expect((await readAll(log(), 0, 0, 4)).map((e) => [e.offset, textOf(e)])).toEqual(
      ['k0:v0', 'k0:v2', 'k0:v5', 'k0:v0'].map((text, i) => [ofZero[i], text]),
    );
    expect((await readAll(log(), 1, 0, 2)).map((e) => [e.partition, e.offset])).toEqual([
      [1, offsets[1]],
      [1, offsets[4]],
    ]);
    expect((await log().bounds(0)).next).toBe(ofZero[3]! + 1);
  });

  if (subject.isDense !== false)
    test('offsets are dense from 0', async () => {
      const batch = [0, 1, 0, 2, 1, 0].map((partition) => one(partition, 'k', 'v'));
      expect(await log().append(batch)).toEqual([0, 0, 1, 0, 1, 2]);
      expect(await log().append(batch.slice(0, 1))).toEqual([3]);
      expect(await log().bounds(0)).toEqual({ oldest: 0, next: 4 });
    });

  test('keeps 20 concurrent appends in the order of their calls, per key', async () => {
    const calls = Array.from({ length: 20 }, (_, i) =>
      log().append([one(3, `k${i % 3}`, `${i}a`), one(3, `k${i % 3}`, `${i}b`)]),
    );
    const offsets = (await Promise.all(calls)).flat();
    const entries = await readAll(log(), 3, 0, 40);
    expect(entries.map(textOf)).toEqual(calls.flatMap((_, i) => [`k${i % 3}:${i}a`, `k${i % 3}:${i}b`]));
    expect(entries.map((entry) => entry.offset)).toEqual(offsets);
  });

  test('keeps the order over many concurrent appends to all partitions', async () => {
    const calls = Array.from({ length: 200 }, (_, i) =>
      log().append([0, 1, 2, 3].map((partition) => one(partition, 'k', String(i)))),
    );
    const offsets = await Promise.all(calls);
    for (const partition of [0, 1, 2, 3]) {
      const entries = await readAll(log(), partition, 0, 200);
      expect(entries.map((e) => [e.offset, textOf(e)])).toEqual(
        offsets.map((of, i) => [of[partition], `k:${i}`]),
      );
    }
  });

  test('an append of nothing resolves, one to a partition that is not there rejects', async () => {
    expect(await log().append([])).toEqual([]);
    await expect(log().append([one(log().partitions, 'k', 'v')])).rejects.toMatchObject({
      code: 'ATL_USAGE',
    });
    await expect(log().read(-1, 0, 1)).rejects.toMatchObject({ code: 'ATL_USAGE' });
    await expect(log().read(0, -1, 1)).rejects.toMatchObject({ code: 'ATL_USAGE' });
  });
}

function readTests(log: () => Log): void {
  test('reads from a position, at most the limit', async () => {
    const offsets = await log().append(Array.from({ length: 10 }, (_, i) => one(0, 'ação', String(i))));
    expect((await readAll(log(), 0, offsets[4]!, 3)).map(textOf)).toEqual(['ação:4', 'ação:5', 'ação:6']);
    expect((await log().read(0, 0, 2, 1000)).length).toBeLessThanOrEqual(2);
    // Backwards and again: a position is the caller's, not the log's.
    expect((await readAll(log(), 0, offsets[8]!, 2)).map(textOf)).toEqual(['ação:8', 'ação:9']);
    expect((await readAll(log(), 0, offsets[1]!, 1)).map(textOf)).toEqual(['ação:1']);
    expect(await log().read(0, 0, 0)).toEqual([]);
  });

  test('a read that may not wait brings what is there', async () => {
    const offsets = await log().append([one(2, 'k', '1'), one(2, 'k', '2')]);
    expect((await log().read(2, offsets[0]!, 1)).map(textOf)).toEqual(['k:1']);
    expect((await log().read(2, offsets[1]! + 1, 10)).map(textOf)).toEqual([]);
  });

  test('an empty partition has no entries and equal bounds', async () => {
    expect(await log().read(1, 0, 10)).toEqual([]);
    expect(await log().read(1, 0, 10, 20)).toEqual([]);
    const { oldest, next } = await log().bounds(1);
    expect(oldest).toBe(next);
  });

  test('a waiting read ends when an entry comes', async () => {
    const waiting = log().read(2, 0, 10, 30_000);
    await log().append([one(1, 'x', 'other')]);
    await log().append([one(2, 'x', 'mine')]);
    expect((await waiting).map(textOf)).toEqual(['x:mine']);
  });

  test('reads that wait do not hold up one another, nor appends', async () => {
    const idle = [0, 1, 2].map((partition) => log().read(partition, 0, 10, 8000));
    await new Promise((done) => setTimeout(done, 100));
    const from = performance.now();
    for (let i = 0; i < 5; i++) {
      const mine = log().read(3, i, 1, 8000);
      await log().append([one(3, 'k', String(i))]);
      expect((await mine).length).toBeLessThanOrEqual(1);
    }
    expect((await readAll(log(), 3, 0, 5)).map(textOf)).toEqual([0, 1, 2, 3, 4].map((i) => `k:${i}`));
    expect(performance.now() - from).toBeLessThan(7000);
    await log().append([0, 1, 2].map((partition) => one(partition, 'k', 'end')));
    expect((await Promise.all(idle)).map((entries) => entries.map(textOf))).toEqual([
      ['k:end'],
      ['k:end'],
      ['k:end'],
    ]);
  });

  test('carries an empty payload and one of 1 MiB', async () => {
    const large = new Uint8Array(1 << 20).map((_, i) => i * 31);
    await log().append([
      { partition: 0, key: '', payload: new Uint8Array(0) },
      { partition: 0, key: 'big', payload: large },
    ]);
    const [empty, big] = await readAll(log(), 0, 0, 2);
    expect(empty?.key).toBe('');
    expect(empty?.payload.length).toBe(0);
    expect(Buffer.compare(big!.payload, large)).toBe(0);
  });

  test('delivers bytes that nobody can decode as they are, and what lies behind them', async () => {
    const poison = new Uint8Array([0xff, 0, 0x80, 0xc3, 0x28, 10, 13, 0xfe, 0]);
    await log().append([
      one(1, 'k', 'before'),
      { partition: 1, key: 'k', payload: poison },
      one(1, 'k', 'after'),
    ]);
    const entries = await readAll(log(), 1, 0, 3);
    expect(Buffer.from(entries[1]!.payload)).toEqual(Buffer.from(poison));
    expect(textOf(entries[2]!)).toBe('k:after');
  });
}

function keepTests(log: () => Log): void {
  test('tells the lag of a group by its commits', async () => {
    const offsets = await log().append([0, 0, 0, 1].map((partition) => one(partition, 'k', 'v')));
    expect(await log().lag('g')).toBe(4);
    await log().commit('g', 0, offsets[1]! + 1);
    await log().commit('g', 1, offsets[3]! + 1);
    expect(await log().lag('g')).toBe(1);
    expect(await log().lag('h')).toBe(4);
  });

  test('a read below the oldest kept record rejects and names both offsets', async () => {
    const payload = new Uint8Array(32 << 10);
    const offsets: number[] = [];
    for (let i = 0; i < 20; i++) offsets.push(...(await log().append([{ partition: 0, key: 'k', payload }])));
    await log().read(0, 0, 1, 5000);
    await log().trim([offsets[15]!]);
    const { oldest, next } = await log().bounds(0);
    expect(oldest).toBeGreaterThan(0);
    expect(oldest).toBeLessThanOrEqual(offsets[15]!);
    expect(next).toBe(offsets[19]! + 1);
    for (const waitMs of [0, 200]) {
      await expect(log().read(0, 0, 1, waitMs)).rejects.toMatchObject({
        code: 'ATL_LOG_GAP',
        message: expect.stringMatching(new RegExp(`\\b0\\b.*\\b${oldest}\\b`)),
      });
    }
    const kept = offsets.filter((offset) => offset >= oldest);
    expect((await readAll(log(), 0, oldest, kept.length)).map((entry) => entry.offset)).toEqual(kept);
    expect(await log().lag('g')).toBeLessThanOrEqual(next - oldest);
  });

  test('trims no partition that was not named', async () => {
    await log().append([one(0, 'k', 'a'), one(1, 'k', 'b')]);
    await log().trim([1, 0]);
    expect((await readAll(log(), 1, 0, 1)).map(textOf)).toEqual(['k:b']);
  });
}

function interruptionTests(log: () => Log, replace: (log: Log) => void, subject: LogConformance): void {
  test('after a close everything rejects, a waiting read too', async () => {
    const waiting = expect(log().read(0, 0, 1, 30_000)).rejects.toMatchObject({ code: 'ATL_LOG_CLOSED' });
    await log().close();
    await waiting;
    await expect(log().append([one(0, '', 'x')])).rejects.toMatchObject({ code: 'ATL_LOG_CLOSED' });
    await expect(log().read(0, 0, 1)).rejects.toMatchObject({ code: 'ATL_LOG_CLOSED' });
    await expect(log().bounds(0)).rejects.toMatchObject({ code: 'ATL_LOG_CLOSED' });
  });

  if (subject.reopen)
    test('what was acknowledged is there after a reopen, and offsets and positions go on', async () => {
      const [first] = await log().append([one(0, 'a', '1'), one(3, 'b', '2')]);
      await log().commit('g', 0, first! + 1);
      await log().close();
      replace(await subject.reopen!());
      expect((await readAll(log(), 3, 0, 1)).map(textOf)).toEqual(['b:2']);
      expect(await log().lag('g')).toBe(1);
      const [second] = await log().append([one(0, 'a', '3')]);
      expect(second).toBeGreaterThan(first!);
      expect((await readAll(log(), 0, 0, 2)).map((e) => [e.offset, textOf(e)])).toEqual([
        [first, 'a:1'],
        [second, 'a:3'],
      ]);
    });

  if (subject.restart)
    test('goes on by itself when the broker was killed between appends', { timeout: 120_000 }, async () => {
      const [first] = await log().append([one(0, 'k', 'before')]);
      await subject.restart!();
      expect((await readAll(log(), 0, first!, 1)).map(textOf)).toEqual(['k:before']);
      const [second] = await log().append([one(0, 'k', 'after')]);
      expect((await readAll(log(), 0, second!, 1)).map(textOf)).toEqual(['k:after']);
    });

  if (subject.restart)
    test('keeps order and every acknowledged record when the broker is killed during appends', {
      timeout: 120_000,
    }, async () => {
      const acknowledged: { readonly offset: number; readonly text: string }[] = [];
      const refused = new Set<string>();
      let isOver = false;
      const writer = async (name: string): Promise<void> => {
        for (let i = 0; !isOver; i++) {
          const text = `${i}`;
          await log()
            .append([one(2, name, text)])
            .then(
              ([offset]) => acknowledged.push({ offset: offset!, text: `${name}:${text}` }),
              () => refused.add(`${name}:${text}`),
            );
        }
      };
      const waiting = log().read(1, 0, 1, 60_000);
      const writers = Array.from({ length: 20 }, (_, i) => writer(`w${i}`));
      await new Promise((done) => setTimeout(done, 300));
      await subject.restart!();
      await log().append([one(1, 'k', 'up')]);
      const before = acknowledged.length;
      while (acknowledged.length < before + 100) await new Promise((done) => setTimeout(done, 10));
      isOver = true;
      await Promise.all(writers);
      expect((await waiting).map(textOf)).toEqual(['k:up']);
      const { next } = await log().bounds(2);
      const entries: LogEntry[] = [];
      for (let at = 0; at < next; at = (entries.at(-1)?.offset ?? next) + 1)
        entries.push(...(await log().read(2, at, 10_000, 10_000)));
      const kept = new Map(entries.map((entry) => [entry.offset, textOf(entry)]));
      expect(acknowledged.filter(({ offset, text }) => kept.get(offset) !== text)).toEqual([]);
      // Each writer waits for its answer: its records lie in order, and only refused ones may be missing or there.
      for (let w = 0; w < 20; w++) {
        const own = entries
          .filter((entry) => entry.key === `w${w}`)
          .map((entry) => Number(textOf(entry).split(':')[1]));
        expect(own).toEqual([...new Set(own)].sort((a, b) => a - b));
      }
      expect(entries.length).toBeLessThanOrEqual(acknowledged.length + refused.size);
    });
}
