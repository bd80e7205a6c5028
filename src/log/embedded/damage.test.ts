import { expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { type Random, seededRandom } from '../../lib/random.ts';
import { SimDisk } from '../../lib/sim-disk.ts';
import type { Log } from '../log.ts';
import { openEmbeddedLog, type TornTailEvent } from './embedded-log.ts';

const PARTITIONS = 3;
const SEGMENT = 'log/000000000001.log';
const open = (disk: SimDisk, onEvent?: (event: TornTailEvent) => void, segmentBytes = 2000): Promise<Log> =>
  openEmbeddedLog({
    directory: 'log',
    partitions: PARTITIONS,
    disk,
    clock: systemClock,
    lingerMs: 0,
    segmentBytes,
    cacheBytes: 0,
    random: seededRandom(9),
    ...(onEvent ? { onEvent } : {}),
  });
const payloadOf = (id: number, random: Random): Buffer =>
  Buffer.from(`${id};`.padEnd(Math.floor(random() * 300), 'x'));

async function contents(log: Log): Promise<string[][]> {
  const all: string[][] = [];
  for (let p = 0; p < PARTITIONS; p++) {
    all.push((await log.read(p, 0, 100_000)).map((entry) => Buffer.from(entry.payload).toString()));
  }
  return all;
}

test('over 300 crashes: what was acknowledged is there in order, nothing is invented', async () => {
  let torn = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    let disk = new SimDisk(random, 64);
    const given: string[][] = [[], [], []];
    const acknowledged = [0, 0, 0];
    for (let round = 0; round < 3; round++) {
      const log = await open(disk, () => void torn++);
      const found = await contents(log);
      found.forEach((list, p) => {
        expect(list.length, `seed ${seed}`).toBeGreaterThanOrEqual(acknowledged[p]!);
        expect(list, `seed ${seed}`).toEqual(given[p]!.slice(0, list.length));
        given[p] = list;
        acknowledged[p] = list.length;
      });
      const appends = Math.floor(random() * 30);
      let done = 0;
      for (let i = 0; i < appends; i++) {
        const batch = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, n) => ({
          partition: Math.floor(random() * PARTITIONS),
          key: `k${i}`,
          payload: payloadOf(seed * 1000 + i * 10 + n, random),
        }));
        for (const { partition, payload } of batch) given[partition]!.push(payload.toString());
        const call = log.append(batch).then(
          (offsets) => {
            offsets.forEach((offset, n) => {
              acknowledged[batch[n]!.partition] = Math.max(acknowledged[batch[n]!.partition]!, offset + 1);
            });
            done++;
          },
          () => undefined,
        );
        if (random() < 0.5) await call;
      }
      for (let ticks = Math.floor(random() * 12); ticks > 0 && done < appends; ticks--)
        await Promise.resolve();
      disk = disk.crash();
    }
  }
  expect(torn).toBeGreaterThan(20);
});

async function written(records: number): Promise<SimDisk> {
  const disk = new SimDisk(seededRandom(1));
  const log = await open(disk, undefined, 1 << 20);
  for (let i = 0; i < records; i++)
    await log.append([{ partition: 0, key: 'k', payload: Buffer.from(`record ${i}`) }]);
  await log.close();
  await disk.remove('log/lock');
  return disk;
}

test('the last record cut at every byte: the others stay, the log goes on', async () => {
  const disk = await written(5);
  const size = await disk.size(SEGMENT);
  const seal = 28;
  for (let cut = 1; cut <= 28 + 1 + 8 + seal; cut++) {
    const copy = disk.copy();
    await copy.truncate(SEGMENT, size - cut);
    const log = await open(copy);
    const whole = cut <= seal ? 5 : 4;
    expect((await contents(log))[0], `cut ${cut}`).toEqual(
      Array.from({ length: whole }, (_, i) => `record ${i}`),
    );
    expect(await log.append([{ partition: 0, key: 'k', payload: Buffer.from('more') }])).toEqual([whole]);
    await log.close();
  }
});

test('1,000 flipped bits: no wrong record is ever read', async () => {
  const disk = await written(40);
  const size = await disk.size(SEGMENT);
  const random = seededRandom(77);
  const right = Array.from({ length: 40 }, (_, i) => `record ${i}`);
  let found = 0;
  for (let i = 0; i < 1000; i++) {
    const copy = disk.copy();
    const byte = Math.floor(random() * size);
    copy.flipBit(SEGMENT, byte, Math.floor(random() * 8));
    try {
      const log = await open(copy);
      // Only the seal, which is no record, may be lost without a word.
      expect(byte).toBeGreaterThanOrEqual(size - 28);
      expect((await contents(log))[0]).toEqual(right);
      await log.close();
    } catch (error) {
      expect(error).toMatchObject({
        code: 'ATL_LOG_DAMAGED',
        message: expect.stringMatching(/000000000001\.log, byte \d+/),
      });
      found++;
    }
  }
  expect(found).toBeGreaterThan(900);
});

test('a bit that flips while the log is open is found by the read', async () => {
  const disk = await written(40);
  const log = await open(disk);
  disk.flipBit(SEGMENT, 1000, 3);
  await expect(contents(log)).rejects.toMatchObject({ code: 'ATL_LOG_DAMAGED' });
  await log.close();
});
