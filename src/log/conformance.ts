import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Log, LogEntry } from './log.ts';

export interface LogConformance {
  /** A new, empty log of at least 4 partitions; of one that trims in pieces, of pieces under 64 KiB. */
  open(): Promise<Log>;
  /** The same log again after a close; absent when the log cannot be opened twice. */
  reopen?(): Promise<Log>;
  cleanup(): Promise<void>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (entry: LogEntry): string => `${entry.key}:${new TextDecoder().decode(entry.payload)}`;

async function readAll(log: Log, partition: number, from: number, count: number): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  while (entries.length < count) {
    const more = await log.read(partition, from + entries.length, count - entries.length, 5000);
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

    test('gives dense offsets from 0 in each partition, in the order given', async () => {
      const batch = [0, 1, 0, 2, 1, 0].map((partition, i) => ({
        partition,
        key: `k${partition}`,
        payload: bytes(`v${i}`),
      }));
      expect(await log.append(batch)).toEqual([0, 0, 1, 0, 1, 2]);
      expect(await log.append(batch.slice(0, 1))).toEqual([3]);
      expect(await log.bounds(0)).toEqual({ oldest: 0, next: 4 });
      expect((await readAll(log, 0, 0, 4)).map(textOf)).toEqual(['k0:v0', 'k0:v2', 'k0:v5', 'k0:v0']);
      expect((await readAll(log, 1, 0, 2)).map((e) => [e.partition, e.offset])).toEqual([
        [1, 0],
        [1, 1],
      ]);
    });

    test('keeps 20 concurrent appends in the order of their calls, per key', async () => {
      const calls = Array.from({ length: 20 }, (_, i) =>
        log.append([
          { partition: 3, key: `k${i % 3}`, payload: bytes(`${i}a`) },
          { partition: 3, key: `k${i % 3}`, payload: bytes(`${i}b`) },
        ]),
      );
      expect(await Promise.all(calls)).toEqual(calls.map((_, i) => [2 * i, 2 * i + 1]));
      const seen = (await readAll(log, 3, 0, 40)).map(textOf);
      expect(seen).toEqual(calls.flatMap((_, i) => [`k${i % 3}:${i}a`, `k${i % 3}:${i}b`]));
    });

    test('reads from a position, at most the limit', async () => {
      await log.append(
        Array.from({ length: 10 }, (_, i) => ({ partition: 0, key: 'ação', payload: bytes(String(i)) })),
      );
      expect((await readAll(log, 0, 4, 3)).map(textOf)).toEqual(['ação:4', 'ação:5', 'ação:6']);
      expect((await log.read(0, 0, 2, 1000)).length).toBeLessThanOrEqual(2);
    });

    test('an empty partition has no entries and equal bounds', async () => {
      expect(await log.read(1, 0, 10)).toEqual([]);
      expect(await log.read(1, 0, 10, 20)).toEqual([]);
      expect(await log.bounds(1)).toEqual({ oldest: 0, next: 0 });
    });

    test('a waiting read ends when an entry comes', async () => {
      const waiting = log.read(2, 0, 10, 30_000);
      await log.append([{ partition: 1, key: 'x', payload: bytes('other') }]);
      await log.append([{ partition: 2, key: 'x', payload: bytes('mine') }]);
      expect((await waiting).map(textOf)).toEqual(['x:mine']);
    });

    test('carries an empty payload and one of 1 MiB', async () => {
      const large = new Uint8Array(1 << 20).map((_, i) => i * 31);
      await log.append([
        { partition: 0, key: '', payload: new Uint8Array(0) },
        { partition: 0, key: 'big', payload: large },
      ]);
      const [empty, big] = await readAll(log, 0, 0, 2);
      expect(empty?.payload.length).toBe(0);
      expect(Buffer.compare(big!.payload, large)).toBe(0);
    });

    test('tells the lag of a group by its commits', async () => {
      await log.append([0, 0, 0, 1].map((partition) => ({ partition, key: 'k', payload: bytes('v') })));
      expect(await log.lag('g')).toBe(4);
      await log.commit('g', 0, 2);
      await log.commit('g', 1, 1);
      expect(await log.lag('g')).toBe(1);
      expect(await log.lag('h')).toBe(4);
    });

    test('a read below the oldest kept record rejects and names both offsets', async () => {
      const payload = new Uint8Array(32 << 10);
      for (let i = 0; i < 20; i++) await log.append([{ partition: 0, key: 'k', payload }]);
      await log.trim([15]);
      const { oldest, next } = await log.bounds(0);
      expect(oldest).toBeGreaterThan(0);
      expect(oldest).toBeLessThanOrEqual(15);
      expect(next).toBe(20);
      await expect(log.read(0, 0, 1)).rejects.toMatchObject({
        code: 'ATL_LOG_GAP',
        message: expect.stringMatching(new RegExp(`\\b0\\b.*\\b${oldest}\\b`)),
      });
      expect((await readAll(log, 0, oldest, 20 - oldest)).length).toBe(20 - oldest);
    });

    test('after a close everything rejects, a waiting read too', async () => {
      const waiting = expect(log.read(0, 0, 1, 30_000)).rejects.toMatchObject({ code: 'ATL_LOG_CLOSED' });
      await log.close();
      await waiting;
      await expect(log.append([{ partition: 0, key: '', payload: bytes('x') }])).rejects.toMatchObject({
        code: 'ATL_LOG_CLOSED',
      });
      await expect(log.read(0, 0, 1)).rejects.toMatchObject({ code: 'ATL_LOG_CLOSED' });
    });

    test.skipIf(!subject.reopen)(
      'what was acknowledged is there after a reopen, and offsets go on',
      async () => {
        await log.append([
          { partition: 0, key: 'a', payload: bytes('1') },
          { partition: 3, key: 'b', payload: bytes('2') },
        ]);
        await log.commit('g', 0, 1);
        await log.close();
        log = await subject.reopen!();
        expect((await readAll(log, 3, 0, 1)).map(textOf)).toEqual(['b:2']);
        expect(await log.append([{ partition: 0, key: 'a', payload: bytes('3') }])).toEqual([1]);
        expect((await readAll(log, 0, 0, 2)).map(textOf)).toEqual(['a:1', 'a:3']);
      },
    );
  });
}
