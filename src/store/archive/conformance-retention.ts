import { expect, test } from 'vitest';
import type { Observation } from '../../model/observation.ts';
import { HOUR_MS } from '../../model/time.ts';
import type { Archive, ArchiveBatch } from './archive.ts';

const month = (number: number): number => Date.UTC(2024, number - 1, 1);

/** A reading of hourly rain `hours` after the beginning of a month of 2024. */
const rain = (
  number: number,
  hours: number,
  value = 1000,
  change: Partial<Observation> = {},
): Observation => ({
  station: 'A801',
  quantity: 'rainfall',
  observedAt: month(number) + hours * HOUR_MS,
  intervalMs: HOUR_MS,
  receivedAt: month(number) + hours * HOUR_MS + 60_000,
  value,
  flag: 'good',
  arrival: 'on-time',
  ...change,
});

const batch = (at: number, observations: readonly Observation[], partition = 0): ArchiveBatch => ({
  partition,
  epoch: 1,
  from: at,
  to: at + 1,
  observations,
});

/** Months, their marks, and what retention takes and leaves. */
export function retentionTests(archive: () => Archive): void {
  const marks = async () => new Map((await archive().months()).map(({ month, mark }) => [month, mark]));
  const readings = async () => {
    const all = { station: 'A801', from: 0, to: month(12), everyMs: null, limit: 100 };
    return (await archive().series(all)).map(({ at }) => at);
  };

  test('a month begins with its first instant; its mark changes with every change of it, and with no other', async () => {
    expect(await archive().months()).toEqual([]);
    await archive().commit([batch(0, [rain(2, -HOUR_MS / 3_600_000), rain(2, 0), rain(3, 1)])]);
    const seen = [await marks()];
    expect([...(seen[0]?.keys() ?? [])]).toEqual([month(1), month(2), month(3)]);
    const changes = [
      rain(2, 0, 2000, { arrival: 'correction' }),
      rain(2, 0, 2000, { arrival: 'correction', flag: 'suspect', check: 'range' }),
      rain(2, 5),
      rain(2, 5, 1000, { station: 'B' }),
      rain(2, 5, 1000, { station: 'C' }),
    ];
    for (const [i, change] of changes.entries()) {
      await archive().commit([batch(i + 1, [change])]);
      seen.push(await marks());
    }
    expect(new Set(seen.map((at) => at.get(month(2)))).size).toBe(seen.length);
    for (const other of [month(1), month(3)]) expect(new Set(seen.map((at) => at.get(other))).size).toBe(1);
    expect((await archive().months()).every(({ isWhole }) => isWhole)).toBe(true);
  });

  test('retention takes whole months; hours and latest values stay, a late report makes no hour anew', async () => {
    const b = { station: 'B' };
    await archive().commit([
      batch(0, [
        rain(1, 5),
        rain(2, 0, 3000),
        rain(2, 4, 7000),
        rain(2, 9, 500, b),
        rain(3, 1),
        rain(3, 2, 4000),
      ]),
    ]);
    expect(await archive().dropBefore(month(2) - 1)).toEqual({ months: [], rows: 0 });
    expect(await archive().dropBefore(month(3) + HOUR_MS)).toEqual({ months: [month(1), month(2)], rows: 4 });
    expect(await readings()).toEqual([month(3) + HOUR_MS, month(3) + 2 * HOUR_MS]);
    const part = { intervalMs: 300_000, arrival: 'late' as const };
    await archive().commit([batch(1, [rain(2, 3.5, 5, part), rain(3, 3, 6000)])]);
    const [old, kept] = await archive().months();
    expect([old?.month, old?.isWhole, kept?.month, kept?.isWhole]).toEqual([month(2), false, month(3), true]);
    const sums = async () => {
      const span = { from: 0, to: month(12), by: 'hour' as const, limit: 100 };
      const found = await archive().aggregates({ stations: ['A801', 'B'], quantity: 'rainfall', ...span });
      return [...found.sum];
    };
    expect(await sums()).toEqual([1, 3, 7, 1, 4, 6, 0.5]);
    expect((await archive().latest()).map(({ station, value }) => [station, value])).toEqual([
      ['A801', 6],
      ['B', 0.5],
    ]);
    expect(await archive().dropBefore(month(3))).toEqual({ months: [month(2)], rows: 1 });
    expect(await sums()).toEqual([1, 3, 7, 1, 4, 6, 0.5]);
  });

  test('with marks it stops before the first month that is not as it was copied', async () => {
    await archive().commit([batch(0, [rain(1, 5), rain(2, 4), rain(3, 1)])]);
    const copied = await marks();
    await archive().commit([batch(1, [rain(2, 5, 9000, { arrival: 'late' })])]);
    expect(await archive().dropBefore(month(4), new Map())).toEqual({ months: [], rows: 0 });
    expect(await archive().dropBefore(month(4), copied)).toEqual({ months: [month(1)], rows: 1 });
    expect(await readings()).toHaveLength(3);
    expect((await archive().months()).map(({ isWhole }) => isWhole)).toEqual([true, true]);
    expect(await archive().dropBefore(month(4), await marks())).toEqual({
      months: [month(2), month(3)],
      rows: 3,
    });
    // Nothing is left; what comes now is stored and summed as ever.
    await archive().commit([batch(2, [rain(5, 1, 2500)])]);
    expect(await readings()).toEqual([month(5) + HOUR_MS]);
    const span = { from: month(5), to: month(6), by: 'span' as const, limit: 9 };
    const sums = await archive().aggregates({ stations: ['A801'], quantity: 'rainfall', ...span });
    expect([...sums.sum]).toEqual([2.5]);
  });
}
