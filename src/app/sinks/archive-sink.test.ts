import { expect, test, vi } from 'vitest';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Observation } from '../../model/observation.ts';
import type { Archive, ArchiveBatch } from '../../store/archive/archive.ts';
import { ArchiveSink } from './archive-sink.ts';

const down = new AtalaiaError('ATL_STORE', 'down');

/** An archive that keeps ranges and fails as often as it is told. */
function archive(failures: { left: number; error?: Error }) {
  const kept: string[] = [];
  let calls = 0;
  const commit: Archive['commit'] = async (batches, what = 'both') => {
    calls++;
    if (failures.left > 0) {
      failures.left--;
      throw failures.error ?? down;
    }
    for (const { from, to, observations } of batches)
      kept.push(`${what} ${from}-${to}: ${observations.length}`);
  };
  return { archive: { commit } as unknown as Archive, kept, calls: () => calls };
}

const batch = (from: number, to: number, count = 1): ArchiveBatch => ({
  partition: 0,
  epoch: 1,
  from,
  to,
  observations: Array<Observation>(count).fill({} as Observation),
});

function sinkOf(
  failures: { left: number; error?: Error },
  guarantee: 'exactly-once' | 'at-most-once' = 'exactly-once',
) {
  const told: unknown[] = [];
  const final: unknown[] = [];
  const store = archive(failures);
  const sink = new ArchiveSink({
    archive: store.archive,
    guarantee,
    everyMs: 5,
    retryMs: 2,
    onOutage: (error) => told.push(error),
    onFailure: (error) => final.push(error),
  });
  return { sink, told, final, ...store };
}

test('a commit that fails is tried again until it stands; the outage is told once, and its end', async () => {
  const failures = { left: Number.POSITIVE_INFINITY };
  const { sink, told, final, kept, calls } = sinkOf(failures);
  await sink.put(batch(0, 5));
  await vi.waitFor(() => expect(calls()).toBeGreaterThan(2));
  expect(told).toEqual([down]);
  expect(sink.lagMs).toBeGreaterThan(0);
  // What comes meanwhile waits and goes together behind it.
  await sink.put(batch(5, 7));
  await sink.put(batch(7, 9, 2));
  failures.left = 0;
  await vi.waitFor(() => expect(kept).toEqual(['both 0-5: 1', 'both 5-9: 3']));
  expect(told).toEqual([down, null]);
  expect(final).toEqual([]);
  expect(sink.committedTo.get(0)).toBe(9);
  expect(sink.lagMs).toBe(0);
  await sink.stop();
});

test('the fold waits when too much waits, and goes on when the archive does', async () => {
  const failures = { left: Number.POSITIVE_INFINITY };
  const { sink, kept, told } = sinkOf(failures);
  await sink.put(batch(0, 1));
  await vi.waitFor(() => expect(told).toHaveLength(1));
  await sink.put(batch(1, 2, 500_000));
  let isThrough = false;
  const full = sink.put(batch(2, 3)).then(() => {
    isThrough = true;
  });
  await new Promise((done) => setTimeout(done, 50));
  expect(isThrough).toBe(false);
  failures.left = 0;
  await full;
  await sink.stop();
  expect(kept.at(-1)).toMatch(/-3: /);
});

test('a process that was replaced does not try again', async () => {
  const fenced = new AtalaiaError('ATL_FENCED', 'replaced');
  const { sink, told, final, calls } = sinkOf({ left: 1, error: fenced });
  await sink.put(batch(0, 5));
  await vi.waitFor(() => expect(final).toEqual([fenced]));
  await sink.put(batch(5, 6));
  await sink.stop();
  expect(calls()).toBe(1);
  expect(told).toEqual([]);
});

test('at most once: effects that may stand are not written again', async () => {
  const failures = { left: 0 };
  const { sink, told, kept, archive: store } = sinkOf(failures, 'at-most-once');
  const { commit } = store;
  store.commit = async (batches, what) => {
    await commit(batches, what);
    if (what === 'effects' && kept.length === 2) throw down;
  };
  await sink.put(batch(0, 5));
  await vi.waitFor(() => expect(kept).toHaveLength(2));
  await sink.put(batch(5, 6));
  await vi.waitFor(() => expect(kept).toHaveLength(4));
  expect(kept).toEqual(['both 0-5: 0', 'effects 0-5: 1', 'both 5-6: 0', 'effects 5-6: 1']);
  expect(told[0]).toBe(down);
  await sink.stop();
});

test('the end of the process does not wait for an archive that is away', async () => {
  const { sink, told, final } = sinkOf({ left: Number.POSITIVE_INFINITY });
  await sink.put(batch(0, 5));
  await sink.stop();
  expect(told).toEqual([down]);
  expect(final).toEqual([]);
});

test('a fold that waits for room goes on when the process ends, though the archive is still away', async () => {
  const { sink, told, final } = sinkOf({ left: Number.POSITIVE_INFINITY });
  await sink.put(batch(0, 1));
  await vi.waitFor(() => expect(told).toHaveLength(1));
  await sink.put(batch(1, 2, 500_000));
  const full = sink.put(batch(2, 3));
  sink.halt();
  await full;
  await sink.stop();
  expect(final).toEqual([]);
  expect(sink.committedTo.size).toBe(0);
});

/** An archive that fences one partition and keeps what it is given of the others. */
function fencing(partition: number) {
  const kept: string[] = [];
  const commit: Archive['commit'] = async (batches) => {
    if (batches.some((one) => one.partition === partition))
      throw new AtalaiaError('ATL_FENCED', 'another holds it');
    for (const { partition: p, from, to } of batches) kept.push(`${p}: ${from}-${to}`);
  };
  return { archive: { commit } as unknown as Archive, kept };
}

test('a partition that another process took over does not take the others with it', async () => {
  const { archive: store, kept } = fencing(1);
  const fenced: unknown[] = [];
  const final: unknown[] = [];
  const sink = new ArchiveSink({
    archive: store,
    guarantee: 'exactly-once',
    onFailure: (error) => final.push(error),
    onFenced: (partition, epoch) => fenced.push([partition, epoch]),
  });
  for (const partition of [0, 1, 2]) await sink.put({ ...batch(0, 5), partition, epoch: 4 + partition });
  await sink.flush();
  expect(fenced).toEqual([[1, 5]]);
  await sink.put({ ...batch(5, 9), partition: 2, epoch: 6 });
  await sink.flush();
  expect(kept).toEqual(['0: 0-5', '2: 0-5', '2: 5-9']);
  expect(final).toEqual([]);
});

test('what waits of a partition that is dropped is not written, and nothing waits any more', async () => {
  const { archive: store, kept } = fencing(7);
  const sink = new ArchiveSink({ archive: store, guarantee: 'exactly-once', onFailure: () => {} });
  await sink.put({ ...batch(0, 5), partition: 3 });
  sink.drop(3);
  expect(sink.lagMs).toBe(0);
  await sink.put({ ...batch(0, 5), partition: 4 });
  await sink.flush();
  expect(kept).toEqual(['4: 0-5']);
});
