import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingsOf } from '../lib/settings.ts';
import { rates } from '../load.ts';
import { type Profile, profileNames, profiles } from '../profiles.ts';
import { sampleContext } from '../synthesize.ts';

/** Kinesis takes so much a second on one shard. */
const SHARD_BYTES = 1_000_000;
const SHARD_RECORDS = 1000;
/** What `rules check rules/inmet --stations` counts: 290 KiB of state for 303 readings of five quantities each; rounded up. */
const BYTES_PER_READING_IN_MEMORY = 200;
/** Reports that one task folds and stores in a second, an order below what `bench durable` gives on one core. */
const REPORTS_PER_TASK = 1000;

for (const name of profileNames) {
  const profile: Profile = profiles[name];
  const load = rates(profile);

  test(`${name}: the stream takes four times the load`, () => {
    assert.ok(load.logBytesPerSecondPerShard * 4 < SHARD_BYTES);
    assert.ok((load.chunksPerSecond * 4) / profile.stream.shards < SHARD_RECORDS * 2);
  });

  test(`${name}: the fewest tasks hold the state of all stations, and half the memory is free`, () => {
    const bytes = load.readingsKept * BYTES_PER_READING_IN_MEMORY;
    assert.ok(bytes / profile.tasks.min < (profile.tasks.memoryMiB * 2 ** 20) / 2, `${bytes} bytes`);
  });

  test(`${name}: the fewest tasks fold the load, one of them away`, () => {
    assert.ok(load.reportsPerSecond < REPORTS_PER_TASK * (profile.tasks.min - 1));
    assert.ok(profile.tasks.partitions >= profile.tasks.max);
  });

  test(`${name}: the archive fits, and reaches its bound not before its months are over`, () => {
    const bound = profile.database.maxStorageGiB * 2 ** 30;
    assert.ok(load.archiveBytesPerDatabase < bound * 0.8, `${load.archiveBytesPerDatabase / 2 ** 30} GiB`);
  });

  test(`${name}: from the third reader on every one has its own share of the stream`, () => {
    assert.ok(profile.tasks.max <= 2 || profile.stream.hasFanOut);
    // Kinesis registers 20 consumers of a stream.
    assert.ok(profile.tasks.max <= 20);
  });
}

test('a context that lacks something is refused with every name that is missing', () => {
  assert.throws(() => settingsOf(() => undefined), /profile=.*certificateArn=.*tag=/s);
  const context: Record<string, string> = { ...sampleContext, profile: 'galactic' };
  assert.throws(() => settingsOf((name) => context[name]), /municipal\|state\|national/);
});
