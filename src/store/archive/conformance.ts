import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Observation } from '../../model/observation.ts';
import { HOUR_MS } from '../../model/time.ts';
import type { Archive, ArchiveBatch } from './archive.ts';
import { markTests } from './conformance-marks.ts';
import { retentionTests } from './conformance-retention.ts';
import { packRows } from './packed.ts';

const T0 = Date.UTC(2024, 3, 30);
const at = (hours: number): number => T0 + hours * HOUR_MS;

/** An observation of hourly rainfall at A801; `value` scaled. */
export const observation = (
  hours: number,
  value: number,
  change: Partial<Observation> = {},
): Observation => ({
  station: 'A801',
  quantity: 'rainfall',
  observedAt: at(hours),
  intervalMs: HOUR_MS,
  receivedAt: at(hours) + 60_000,
  value,
  flag: 'good',
  arrival: 'on-time',
  ...change,
});

export const batch = (
  from: number,
  to: number,
  observations: readonly Observation[] = [],
  change: Partial<ArchiveBatch> = {},
): ArchiveBatch => ({
  partition: 0,
  epoch: 1,
  from,
  to,
  observations,
  ...change,
});

/** What every archive engine must do. `open` opens the archive kept in a folder, again after a close. */
export function archiveConformance(name: string, open: (folder: string) => Promise<Archive>): void {
  describe(`archive ${name}`, () => {
    let folder: string;
    let archive: Archive;
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'atalaia-archive-'));
      archive = await open(folder);
    });
    afterEach(async () => {
      await archive.close();
      rmSync(folder, { recursive: true, force: true });
    });

    const query = { station: 'A801', from: at(0), to: at(48), everyMs: null, limit: 1000 };
    const rain = async (everyMs: number | null = null) =>
      (await archive.series({ ...query, everyMs })).map((p) => [
        (p.at - T0) / HOUR_MS,
        p.values.rainfall?.value,
      ]);
    const exported = async (
      bounds: { from?: number; to?: number; stations?: string[] } = {},
    ): Promise<string[]> => {
      const path = join(folder, "it's.csv");
      const { rows } = await archive.export({ path, format: 'csv', ...bounds });
      const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
      expect(lines).toHaveLength(rows + 1);
      return lines;
    };

    test('an empty archive answers with nothing', async () => {
      expect(await archive.positions()).toEqual([]);
      expect(await archive.durablePositions()).toEqual([]);
      expect(await archive.latest()).toEqual([]);
      expect(await rain()).toEqual([]);
      expect(await rain(HOUR_MS)).toEqual([]);
      await archive.commit([]);
      expect(await exported()).toHaveLength(1);
    });

    test('rows and position are committed together and read back', async () => {
      await archive.commit([batch(0, 10, [observation(1, 1500), observation(2, 2500)])]);
      expect(await archive.positions()).toEqual([{ partition: 0, epoch: 1, offset: 10 }]);
      expect(await rain()).toEqual([
        [1, 1.5],
        [2, 2.5],
      ]);
      expect(await archive.latest()).toEqual([
        {
          station: 'A801',
          quantity: 'rainfall',
          observedAt: at(2),
          intervalMs: HOUR_MS,
          receivedAt: at(2) + 60_000,
          value: 2.5,
          flag: 'good',
        },
      ]);
    });

    test('a batch that was committed is skipped whole', async () => {
      const first = batch(0, 10, [observation(1, 1500)]);
      await archive.commit([first]);
      await archive.commit([first, batch(10, 12, [observation(2, 1000)])]);
      await archive.commit([batch(3, 9, [observation(5, 9000)])]);
      expect(await rain()).toEqual([
        [1, 1.5],
        [2, 1],
      ]);
      expect((await archive.positions())[0]?.offset).toBe(12);
    });

    test('what comes packed is stored beside what does not, and can be given again', async () => {
      const packed = [packRows([observation(2, 700), observation(3, 900)])];
      const whole = batch(0, 4, [observation(1, 500)], { packed });
      await expect(archive.commit([{ ...whole, from: 1 }])).rejects.toMatchObject({ code: 'ATL_FENCED' });
      await archive.commit([whole]);
      await archive.commit([whole]);
      expect(await rain()).toEqual([
        [1, 0.5],
        [2, 0.7],
        [3, 0.9],
      ]);
    });

    test('effects alone are added beside the position, a second time too; the newest row of a key holds', async () => {
      const first = batch(0, 10, [observation(1, 1500)]);
      await archive.commit([first], 'effects');
      await archive.commit([first], 'effects');
      expect(await archive.positions()).toEqual([]);
      await archive.commit([batch(0, 10)]);
      await archive.commit([first], 'effects');
      expect((await archive.positions())[0]?.offset).toBe(10);
      expect(await rain()).toEqual([[1, 1.5]]);
      expect(await rain(HOUR_MS)).toEqual([[1, 1.5]]);
      await archive.commit([batch(10, 10, [], { epoch: 2 })]);
      await expect(archive.commit([first], 'effects')).rejects.toMatchObject({ code: 'ATL_FENCED' });
    });

    test('a gap, an overlap and an older epoch are fenced, and the whole call with them', async () => {
      await archive.commit([batch(0, 10, [observation(1, 1500)], { epoch: 3 })]);
      for (const bad of [
        batch(11, 12, [], { epoch: 3 }),
        batch(9, 12, [], { epoch: 3 }),
        batch(10, 12, [], { epoch: 2 }),
        batch(0, 10, [], { epoch: 2 }),
      ]) {
        const good = batch(0, 5, [observation(3, 1)], { partition: 7 });
        await expect(archive.commit([good, bad])).rejects.toMatchObject({ code: 'ATL_FENCED' });
      }
      await expect(archive.commit([batch(5, 6, [], { partition: 9 })])).rejects.toMatchObject({
        code: 'ATL_FENCED',
      });
      expect(await archive.positions()).toEqual([{ partition: 0, epoch: 3, offset: 10 }]);
      expect(await rain()).toEqual([[1, 1.5]]);
    });

    test('a newer epoch takes over, also with a batch that is skipped', async () => {
      await archive.commit([batch(0, 10)]);
      await archive.commit([batch(0, 10, [], { epoch: 2 })]);
      await expect(archive.commit([batch(10, 11)])).rejects.toMatchObject({ code: 'ATL_FENCED' });
      await archive.commit([batch(10, 11, [], { epoch: 4 })]);
      expect(await archive.positions()).toEqual([{ partition: 0, epoch: 4, offset: 11 }]);
    });

    test('several batches of one partition in one call follow each other', async () => {
      await archive.commit([
        batch(0, 1, [observation(1, 1000)]),
        batch(1, 2, [observation(2, 2000)]),
        batch(0, 4, [observation(3, 3000)], { partition: 1 }),
      ]);
      expect(await rain()).toEqual([
        [1, 1],
        [2, 2],
        [3, 3],
      ]);
    });

    test('a correction replaces the value everywhere, in the same batch or a later one', async () => {
      await archive.commit([
        batch(0, 1, [
          observation(1, 1000),
          observation(2, 2000),
          observation(2, 2500, { arrival: 'correction' }),
        ]),
      ]);
      expect(await rain(24 * HOUR_MS)).toEqual([[24, 3.5]]);
      await archive.commit([batch(1, 2, [observation(1, 9000, { arrival: 'correction' })])]);
      expect(await rain()).toEqual([
        [1, 9],
        [2, 2.5],
      ]);
      expect(await rain(HOUR_MS)).toEqual([
        [1, 9],
        [2, 2.5],
      ]);
      expect(await rain(24 * HOUR_MS)).toEqual([[24, 11.5]]);
      expect((await archive.latest())[0]?.value).toBe(2.5);
      await archive.commit([
        batch(2, 3, [observation(2, 0, { arrival: 'correction', flag: 'suspect', check: 'range' })]),
      ]);
      expect((await archive.latest())[0]).toMatchObject({ value: 0, flag: 'suspect', check: 'range' });
      expect((await exported()).slice(1).map((line) => line.split(',').slice(5))).toEqual([
        ['9.0', 'mm', 'good', 'correction', ''],
        ['0.0', 'mm', 'suspect', 'correction', 'range'],
      ]);
    });

    test('a late arrival joins its hour and never replaces a newer latest value', async () => {
      await archive.commit([batch(0, 1, [observation(30, 1000)])]);
      await archive.commit([batch(1, 2, [observation(2, 4000, { arrival: 'late', receivedAt: at(40) })])]);
      expect(await rain(24 * HOUR_MS)).toEqual([
        [24, 4],
        [48, 1],
      ]);
      expect((await archive.latest())[0]).toMatchObject({ observedAt: at(30), value: 1 });
    });

    test('amounts are summed, states averaged, directions on the circle; bad readings left out', async () => {
      const instant = { intervalMs: 0, quantity: 'airTemperature' };
      const wind = { intervalMs: 0, quantity: 'windDirection' };
      await archive.commit([
        batch(0, 1, [
          observation(1, 1000),
          observation(2, 2000, { flag: 'suspect' }),
          observation(3, 90_000, { flag: 'bad' }),
          observation(1, 20_000, instant),
          observation(2, 23_000, instant),
          observation(1, 350_000, wind),
          observation(2, 20_000, wind),
        ]),
      ]);
      expect(await archive.series({ ...query, to: at(24), everyMs: 24 * HOUR_MS })).toEqual([
        {
          at: at(24),
          values: {
            airTemperature: { value: 21.5, count: 2, min: 20, max: 23, flag: 'good' },
            rainfall: { value: 3, count: 2, min: 1, max: 2, flag: 'suspect' },
            windDirection: { value: 5, count: 2, min: 20, max: 350, flag: 'good' },
          },
        },
      ]);
    });

    test('series: bounds, limit, choice of quantities, wrong usage', async () => {
      await archive.commit([
        batch(
          0,
          1,
          Array.from({ length: 10 }, (_, i) => [
            observation(i + 1, 1000 * i),
            observation(i + 1, 50_000, { quantity: 'relativeHumidity', intervalMs: 0 }),
          ]).flat(),
        ),
      ]);
      const points = await archive.series({ ...query, from: at(2), to: at(9), limit: 3 });
      expect(points.map((p) => p.at)).toEqual([at(2), at(3), at(4)]);
      expect(Object.keys(points[0]?.values ?? {})).toEqual(['rainfall', 'relativeHumidity']);
      const some = await archive.series({
        ...query,
        from: at(9),
        to: at(10),
        quantities: ['relativeHumidity'],
      });
      expect(some).toEqual([
        { at: at(9), values: { relativeHumidity: { value: 50, count: 1, min: 50, max: 50, flag: 'good' } } },
      ]);
      expect(
        (await archive.series({ ...query, everyMs: 3 * HOUR_MS, from: at(3), to: at(9) })).map((p) => [
          p.at,
          p.values.rainfall?.value,
          p.values.rainfall?.count,
        ]),
      ).toEqual([
        [at(6), 12, 3],
        [at(9), 21, 3],
      ]);
      expect(await archive.series({ ...query, station: "'; DROP TABLE observations; --" })).toEqual([]);
      expect(await archive.series({ ...query, from: at(9), to: at(2) })).toEqual([]);
      expect(await archive.series({ ...query, quantities: [] })).toEqual([]);
      for (const bad of [{ limit: 0 }, { limit: 1.5 }, { everyMs: 0 }, { from: Number.NaN }]) {
        await expect(archive.series({ ...query, ...bad })).rejects.toMatchObject({ code: 'ATL_USAGE' });
      }
    });

    test('aggregates: hours of several stations, corrections and late rows in them, and the span as one', async () => {
      const half = HOUR_MS / 2;
      const other = { station: 'B', receivedAt: at(9) };
      await archive.commit([
        batch(0, 1, [
          observation(0.5, 1000, { intervalMs: half }),
          observation(1, 2000, { intervalMs: half }),
          observation(2, 4000),
          observation(3, 900_000, { flag: 'bad' }),
          observation(1, 7000, other),
          observation(1, 20_000, { quantity: 'airTemperature' }),
        ]),
      ]);
      const ask = (change: object) =>
        archive.aggregates({
          stations: ['B', 'nobody', 'A801'],
          quantity: 'rainfall',
          from: at(0),
          to: at(48),
          by: 'hour',
          limit: 100,
          ...change,
        });
      const rows = async (change: object = {}) => {
        const found = await ask(change);
        return Array.from(found.at, (start, i) => [
          found.station[i],
          (start - T0) / HOUR_MS,
          found.sum[i],
          found.min[i],
          found.max[i],
          found.count[i],
          (found.coveredMs[i] as number) / HOUR_MS,
        ]);
      };
      expect(await rows()).toEqual([
        [0, 0, 7, 7, 7, 1, 1],
        [2, 0, 3, 1, 2, 2, 1],
        [2, 1, 4, 4, 4, 1, 1],
      ]);
      await archive.commit([
        batch(1, 2, [
          observation(1, 5000, { intervalMs: half, arrival: 'correction' }),
          observation(4, 500, { arrival: 'late' }),
        ]),
      ]);
      const after = [
        [2, 0, 6, 1, 5, 2, 1],
        [2, 1, 4, 4, 4, 1, 1],
        [2, 3, 0.5, 0.5, 0.5, 1, 1],
      ];
      expect((await rows()).slice(1)).toEqual(after);
      expect(await rows({ by: 'span' })).toEqual([
        [0, 0, 7, 7, 7, 1, 1],
        [2, 0, 10.5, 0.5, 5, 4, 3],
      ]);
      expect(await rows({ from: at(1), to: at(3) })).toEqual([after[1]]);
      expect(await rows({ from: at(3), to: at(4), by: 'span' })).toEqual([after[2]]);
      expect(await rows({ stations: [] })).toEqual([]);
      expect(await rows({ from: at(5), to: at(5) })).toEqual([]);
      expect(await rows({ stations: ["'; DROP TABLE hourly; --"] })).toEqual([]);
      for (const bad of [{ limit: 3 }, { limit: 0 }, { from: Number.NaN }]) {
        await expect(ask(bad)).rejects.toMatchObject({ code: 'ATL_USAGE' });
      }
      await archive.close();
      archive = await open(folder);
      expect((await rows()).slice(1)).toEqual(after);
      const others = Array.from({ length: 60 }, (_, i) => `other ${i}`);
      expect(await rows({ stations: ['x', 'y', 'A801', ...others] })).toEqual(after);
      // What the summaries hold by now is corrected, withdrawn and added to.
      await archive.commit([
        batch(2, 3, [
          observation(2, 3000, { arrival: 'correction' }),
          observation(4, 500, { arrival: 'correction', flag: 'bad' }),
          observation(7, 2000),
        ]),
      ]);
      expect((await rows()).slice(1)).toEqual([after[0], [2, 1, 3, 3, 3, 1, 1], [2, 6, 2, 2, 2, 1, 1]]);
      expect((await rows({ by: 'span' }))[1]).toEqual([2, 0, 11, 1, 5, 4, 3]);
      expect(await rows({ by: 'span', stations: ['x', 'y', 'A801', ...others] })).toEqual([
        [2, 0, 11, 1, 5, 4, 3],
      ]);
    });

    test('export is the newest values in canonical units, within the bounds', async () => {
      await archive.commit([
        batch(0, 1, [
          observation(1, 1500, { receivedAt: at(1) + 1234 }),
          observation(2, 2001),
          observation(3, -500, { station: 'B "1", x', quantity: 'own' }),
        ]),
      ]);
      expect(await exported()).toEqual([
        'station,quantity,observedAt,intervalMs,receivedAt,value,unit,flag,arrival,check',
        'A801,rainfall,2024-04-30T01:00:00Z,3600000,2024-04-30T01:00:01.234Z,1.5,mm,good,on-time,',
        'A801,rainfall,2024-04-30T02:00:00Z,3600000,2024-04-30T02:01:00Z,2.001,mm,good,on-time,',
        '"B ""1"", x",own,2024-04-30T03:00:00Z,3600000,2024-04-30T03:01:00Z,-0.5,,good,on-time,',
      ]);
      expect(await exported({ from: at(2), to: at(3) })).toHaveLength(2);
      const [header, ...all] = await exported();
      const one = all.filter((line) => line.startsWith('A801,'));
      expect(one.length).toBeLessThan(all.length);
      expect(await exported({ stations: ["O'Higgins", 'A801'] })).toEqual([header, ...one]);
      expect(await exported({ stations: ["O'Higgins"] })).toHaveLength(1);
      expect(await exported({ stations: [] })).toHaveLength(1);
      const missing = { path: join(folder, 'no-folder', 'x.csv'), format: 'csv' as const };
      await expect(archive.export(missing)).rejects.toMatchObject({ code: 'ATL_STORE' });
    });

    test('after a close positions are durable and everything is there', async () => {
      await archive.commit([batch(0, 10, [observation(1, 1500)])]);
      for (const { offset } of await archive.durablePositions()) expect(offset).toBeLessThanOrEqual(10);
      await archive.close();
      archive = await open(folder);
      expect(await archive.durablePositions()).toEqual([{ partition: 0, offset: 10 }]);
      expect(await rain()).toEqual([[1, 1.5]]);
      await archive.commit([batch(10, 11, [observation(1, 500, { arrival: 'correction' })])]);
      expect(await rain()).toEqual([[1, 0.5]]);
    });

    test('a close waits for the calls before it', async () => {
      const writes = archive.commit([batch(0, 10, [observation(1, 1500)])]);
      const reads = [
        archive.latest(),
        archive.series(query),
        archive.export({ path: join(folder, 'x.csv'), format: 'csv' }),
      ];
      const closing = archive.close();
      await Promise.all([writes, ...reads, closing]);
      archive = await open(folder);
      expect(await rain()).toEqual([[1, 1.5]]);
    });

    test('spans before 1970 are rounded down as well', async () => {
      const old = { observedAt: Date.UTC(1961, 0, 1, 1), receivedAt: T0 };
      await archive.commit([batch(0, 1, [observation(0, 1000, old)])]);
      const points = await archive.series({
        ...query,
        from: Date.UTC(1960),
        to: Date.UTC(1962),
        everyMs: 24 * HOUR_MS,
      });
      expect(points.map((p) => p.at)).toEqual([Date.UTC(1961, 0, 2)]);
    });

    describe('marks of neighbours', () => markTests(() => archive));
    describe('months and retention', () => retentionTests(() => archive));

    test('after a close calls reject and a second close does nothing', async () => {
      await archive.close();
      await archive.close();
      await expect(archive.latest()).rejects.toMatchObject({ code: 'ATL_STORE' });
    });
  });
}
