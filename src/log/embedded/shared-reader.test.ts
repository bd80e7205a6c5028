import { expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import type { Disk } from '../../lib/disk.ts';
import { seededRandom } from '../../lib/random.ts';
import { SimDisk } from '../../lib/sim-disk.ts';
import type { Append, Log } from '../log.ts';
import { openEmbeddedLog } from './embedded-log.ts';

const PARTITIONS = 16;

/** Bytes that were read of segments, and how often one was opened to be read. */
function counted(disk: Disk): { readonly disk: Disk; readonly seen: { opened: number; bytes: number } } {
  const seen = { opened: 0, bytes: 0 };
  const openRead: Disk['openRead'] = async (path) => {
    seen.opened++;
    const file = await disk.openRead(path);
    return {
      write: (bytes) => file.write(bytes),
      datasync: () => file.datasync(),
      close: () => file.close(),
      async read(at, length) {
        const bytes = await file.read(at, length);
        seen.bytes += bytes.length;
        return bytes;
      },
    };
  };
  const proxy = new Proxy(disk, {
    get: (target, key) => {
      if (key === 'openRead') return openRead;
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { disk: proxy, seen };
}

const open = (disk: Disk, segmentBytes: number): Promise<Log> =>
  openEmbeddedLog({
    ...{ directory: 'log', partitions: PARTITIONS, disk, clock: systemClock, lingerMs: 0 },
    ...{ segmentBytes, cacheBytes: 0 },
  });

async function filled(disk: Disk, records: number, segmentBytes: number): Promise<Log> {
  const random = seededRandom(5);
  const log = await open(disk, segmentBytes);
  for (let group = 0; group < records; group += 200)
    await log.append(
      Array.from({ length: 200 }, (_, i): Append => {
        const partition = Math.floor(random() * PARTITIONS);
        return { partition, key: `k${group + i}`, payload: Buffer.alloc(20 + (i % 50), group + i) };
      }),
    );
  return log;
}

test('partitions that ask together read the stream once', async () => {
  const { disk, seen } = counted(new SimDisk(seededRandom(1)));
  const log = await filled(disk, 4000, 64 << 20);
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  Object.assign(seen, { opened: 0, bytes: 0 });
  await log.read(0, 0, 9999);
  const alone = { ...seen };
  Object.assign(seen, { opened: 0, bytes: 0 });
  const read = await Promise.all(all.map((partition) => log.read(partition, 0, 9999)));
  expect(read.flat().length).toBe(4000);
  expect(seen.opened).toBe(1);
  expect(seen.bytes).toBeLessThan(1.1 * alone.bytes);
  await log.close();
});

test('readers that come at any time, at any offset, get what each would get alone', async () => {
  const random = seededRandom(6);
  const log = await filled(new SimDisk(seededRandom(1)), 6000, 48 << 10);
  const alone: string[][] = [];
  const texts = async (partition: number, offset: number, limit: number): Promise<string[]> =>
    (await log.read(partition, offset, limit)).map(
      (entry) =>
        `${entry.partition}/${entry.offset} ${entry.key} ${Buffer.from(entry.payload).toString('hex')}`,
    );
  for (let partition = 0; partition < PARTITIONS; partition++)
    alone.push(await texts(partition, 0, Number.MAX_SAFE_INTEGER));
  const readers = Array.from({ length: 300 }, async () => {
    const partition = Math.floor(random() * PARTITIONS);
    const expected = alone[partition] as string[];
    const offset = Math.floor(random() * expected.length);
    const limit = 1 + Math.floor(random() * 80);
    for (let turn = Math.floor(random() * 40); turn > 0; turn--) await undefined;
    expect(await texts(partition, offset, limit)).toEqual(expected.slice(offset, offset + limit));
  });
  await Promise.all(readers);
  await log.close();
});

test('a damaged record is told to those who need it, and to nobody else', async () => {
  const own = new SimDisk(seededRandom(1));
  let damageFrom = Number.POSITIVE_INFINITY;
  const disk = new Proxy(own as Disk, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (key !== 'openRead') return typeof value === 'function' ? value.bind(target) : value;
      return async (path: string) => {
        const file = await own.openRead(path);
        const read = async (at: number, length: number): Promise<Uint8Array> => {
          const bytes = Uint8Array.from(await file.read(at, length));
          const index = damageFrom - at;
          if (index >= 0 && index < bytes.length) bytes[index] = (bytes[index] as number) ^ 1;
          return bytes;
        };
        return { ...file, read, close: () => file.close() };
      };
    },
  });
  const log = await filled(disk, 4000, 64 << 20);
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  const before = await Promise.all(all.map((partition) => log.read(partition, 0, 9999)));
  // One byte in the body of a record in the middle of the file.
  const size = await own.size(
    (await own.list('log')).filter((n) => n.endsWith('.log')).map((n) => `log/${n}`)[0] ?? '',
  );
  damageFrom = Math.floor(size / 2) + 60;
  const after = await Promise.allSettled(all.map((partition) => log.read(partition, 0, 9999)));
  const hurt = after.filter(({ status }) => status === 'rejected');
  expect(hurt.length).toBe(1);
  expect(hurt[0]).toMatchObject({ reason: { code: 'ATL_LOG_DAMAGED' } });
  after.forEach((one, partition) => {
    if (one.status === 'fulfilled') expect(one.value).toEqual(before[partition]);
  });
  await log.close();
});
