import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { type Disk, nodeDisk } from '../../lib/disk.ts';
import { seededRandom } from '../../lib/random.ts';
import { SimDisk } from '../../lib/sim-disk.ts';
import { logConformance } from '../conformance.ts';
import type { Append, Log } from '../log.ts';
import { type EmbeddedLogOptions, openEmbeddedLog, quarantine } from './embedded-log.ts';

const clock = systemClock;
const one = (text: string, partition = 0): Append => ({ partition, key: 'k', payload: Buffer.from(text) });
const open = (disk: Disk, more: Partial<EmbeddedLogOptions> = {}): Promise<Log> =>
  openEmbeddedLog({
    directory: 'log',
    partitions: 4,
    disk,
    clock,
    lingerMs: 0,
    segmentBytes: 32 << 10,
    ...more,
  });

let directory = '';
logConformance('embedded, files', {
  async open() {
    directory = await mkdtemp(join(tmpdir(), 'atalaia-log-'));
    return open(nodeDisk, { directory });
  },
  reopen: () => open(nodeDisk, { directory }),
  cleanup: () => rm(directory, { recursive: true }),
});

let disk = new SimDisk(seededRandom(1));
logConformance('embedded, simulated disk', {
  open() {
    disk = new SimDisk(seededRandom(1));
    return open(disk, { cacheBytes: 0 });
  },
  reopen: () => open(disk),
  cleanup: async () => {},
});

test('another number of partitions and a second user are refused', async () => {
  const own = new SimDisk(seededRandom(2));
  const log = await open(own);
  await expect(open(own)).rejects.toMatchObject({ code: 'ATL_CONFLICT' });
  await log.close();
  await expect(open(own, { partitions: 5 })).rejects.toMatchObject({ code: 'ATL_CONFIG' });
});

test('the lock of a process that is gone is taken over, that of a living one is not', async () => {
  const own = new SimDisk(seededRandom(2));
  await own.createNew('log/lock', Buffer.from('999999999 1\n'));
  await (await open(own)).close();
  await own.createNew('log/lock', Buffer.from(`${process.ppid}\n`));
  await expect(open(own)).rejects.toMatchObject({ code: 'ATL_CONFLICT' });
});

test('a queue over its bound answers busy', async () => {
  const log = await open(new SimDisk(seededRandom(3)), { maxQueuedBytes: 1000 });
  const first = log.append([one('x'.repeat(800))]);
  await expect(log.append([one('x'.repeat(800))])).rejects.toMatchObject({ code: 'ATL_BUSY' });
  await expect(log.append([one('x'.repeat(2000))])).rejects.toMatchObject({ code: 'ATL_TOO_LARGE' });
  expect(await first).toEqual([0]);
  await log.close();
});

test('no space: appends reject, reads go on, and appends resume when a probe succeeds', async () => {
  const own = new SimDisk(seededRandom(4));
  let now = 0;
  const log = await open(own, { clock: { ...clock, monotonicMs: () => now } });
  await log.append([one('a')]);
  own.inject('write', 1, 'ENOSPC', 1000);
  const refused = [log.append([one('b')]), log.append([one('c')])];
  for (const append of refused) await expect(append).rejects.toMatchObject({ code: 'ATL_LOG_FULL' });
  expect(await log.read(0, 0, 9)).toHaveLength(1);
  now += 2000;
  await expect(log.append([one('d')])).rejects.toMatchObject({ code: 'ATL_LOG_FULL' });
  own.heal();
  await expect(log.append([one('d')])).rejects.toMatchObject({ code: 'ATL_LOG_FULL' });
  now += 2000;
  expect(await log.append([one('e')])).toEqual([1]);
  await log.close();
  const again = await open(own);
  expect((await again.read(0, 0, 9)).map((e) => Buffer.from(e.payload).toString())).toEqual(['a', 'e']);
  await again.close();
});

test.each(['datasync', 'write'] as const)(
  'after a failed %s nothing is acknowledged until a reopen',
  async (operation) => {
    const own = new SimDisk(seededRandom(5));
    const log = await open(own);
    await log.append([one('a')]);
    own.inject(operation, 1, 'EIO');
    await expect(log.append([one('b')])).rejects.toMatchObject({ code: 'ATL_LOG_CLOSED' });
    await expect(log.append([one('c')])).rejects.toMatchObject({ code: 'ATL_LOG_CLOSED' });
    expect(await log.read(0, 0, 9)).toHaveLength(1);
    await log.close();
    const again = await open(own);
    expect(await again.append([one('d')])).toEqual([1]);
    await again.close();
  },
);

test('trimmed partitions go on with their offsets after a reopen', async () => {
  const own = new SimDisk(seededRandom(6));
  const log = await open(own, { segmentBytes: 100 });
  for (let i = 0; i < 10; i++) await log.append([one(`${i}`)]);
  await log.trim([10, 0, 0, 0]);
  await log.close();
  const again = await open(own, { segmentBytes: 100 });
  expect(await again.bounds(0)).toMatchObject({ next: 10 });
  expect((await again.bounds(0)).oldest).toBeGreaterThan(5);
  await again.close();
});

test('a segment set aside leaves a gap that reads name, and offsets are not given twice', async () => {
  const own = new SimDisk(seededRandom(7));
  const log = await open(own);
  await log.append([one('a'), one('b')]);
  await log.close();
  own.flipBit('log/000000000001.log', 70, 1);
  await expect(open(own)).rejects.toMatchObject({
    code: 'ATL_LOG_DAMAGED',
    message: expect.stringContaining('000000000001.log, byte 64'),
  });
  await quarantine('log', '000000000001.log', { disk: own, partitions: 4, random: seededRandom(1) });
  const again = await open(own);
  await expect(again.read(0, 0, 1)).rejects.toMatchObject({ code: 'ATL_LOG_GAP' });
  expect((await again.append([one('c')]))[0]).toBeGreaterThanOrEqual(2);
  await again.close();
});
