import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { DAY_MS, MINUTE_MS } from '../../model/time.ts';
import type { Archive } from '../../store/archive/archive.ts';
import { batch, observation } from '../../store/archive/conformance.ts';
import { openDuckdbArchive } from '../../store/archive/duckdb/archive.ts';
import { configSchema } from '../config/schema.ts';
import { Metrics } from '../health/metrics.ts';
import { Upkeep } from './upkeep.ts';

const NOW = Date.UTC(2024, 5, 10);

describe('lake and retention of a running system', () => {
  let data: string;
  let archive: Archive;
  const timers: { readonly ms: number; readonly callback: () => void }[] = [];
  const told: [object, string][] = [];
  const clock: Clock = {
    now: () => NOW,
    monotonicMs: () => 0,
    after: (ms, callback) => {
      timers.push({ ms, callback });
      return () => void timers.splice(0);
    },
  };
  beforeEach(async () => {
    timers.splice(0);
    told.splice(0);
    data = mkdtempSync(join(tmpdir(), 'atalaia-upkeep-'));
    archive = await openDuckdbArchive({ path: join(data, 'archive.duckdb') });
    await archive.commit([
      batch(
        0,
        1,
        [3, 4, 5].map((month) => observation(0, 1000 * month, { observedAt: Date.UTC(2024, month - 1, 9) })),
      ),
    ]);
  });
  afterEach(async () => {
    await archive.close();
    rmSync(data, { recursive: true, force: true });
  });

  function upkeep(config: object, isMine = true) {
    const metrics = new Metrics();
    const note = (fields: object, message: string): void => void told.push([fields, message]);
    const started = new Upkeep({
      config: configSchema.parse({ data, ...config }),
      archive,
      ledger: { stations: async () => [] },
      clock,
      log: { info: note, error: note },
      metrics,
      isMine: () => isMine,
    });
    return { started, metrics };
  }
  const months = async () => (await archive.months()).map(({ month }) => new Date(month).getUTCMonth() + 1);
  const retention = { retention: { observations: '31d' } };
  /** Lets the first turn run to the timer of the next one. */
  async function turn(): Promise<number | undefined> {
    const { callback } = timers.shift() as (typeof timers)[number];
    callback();
    while (timers.length === 0) await new Promise((done) => setImmediate(done));
    return timers[0]?.ms;
  }

  test('nothing asked for, nothing begun', () => {
    upkeep({}).started.start();
    expect(timers).toEqual([]);
  });

  test('what is older goes by whole months, counted and told', async () => {
    const { started, metrics } = upkeep({ archive: retention });
    started.start();
    expect(timers[0]?.ms).toBe(MINUTE_MS);
    expect(await turn()).toBe(DAY_MS);
    await started.stop();
    expect(await months()).toEqual([5]);
    expect(told).toEqual([
      [
        {
          rows: 2,
          months: ['2024-03-01T00:00:00Z', '2024-04-01T00:00:00Z'],
          before: '2024-05-10T00:00:00Z',
        },
        'retention took readings from the archive',
      ],
    ]);
    expect(await metrics.text()).toContain('atalaia_retention_rows_total 2');
    expect(timers).toEqual([]);
  });

  test('with a lake, only what is in it goes; while it cannot be written nothing does', async () => {
    const lake = { to: join(data, 'lake'), every: '1h' };
    // A file where the folder is to be.
    writeFileSync(lake.to, '');
    const { started, metrics } = upkeep({ archive: retention, lake });
    started.start();
    expect(await turn()).toBe(10 * MINUTE_MS);
    expect(await months()).toEqual([3, 4, 5]);
    expect(await metrics.text()).toContain('atalaia_lake_runs_total{outcome="failed"} 1');
    rmSync(lake.to);
    expect(await turn()).toBe(60 * MINUTE_MS);
    expect(await months()).toEqual([5]);
    expect(existsSync(join(lake.to, 'manifest.json'))).toBe(true);
    expect(await metrics.text()).toContain('atalaia_lake_rows_total 3');
    await started.stop();
  });

  test('a reading that comes between the copy and the removal is not lost', async () => {
    const march = observation(0, 7, { observedAt: Date.UTC(2024, 2, 20), arrival: 'late' });
    const { dropBefore } = archive;
    archive = {
      ...archive,
      dropBefore: async (...given) => {
        await archive.commit([batch(1, 2, [march])]);
        return dropBefore(...given);
      },
    };
    const { started } = upkeep({ archive: retention, lake: { to: join(data, 'lake') } });
    expect(await started.run()).toMatchObject({ dropped: { months: [], rows: 0 } });
    expect(await months()).toEqual([3, 4, 5]);
    expect(await started.run()).toMatchObject({ lake: { months: 1 }, dropped: { rows: 3 } });
    expect(await months()).toEqual([5]);
  });

  test('another process sees to it: nothing is done here', async () => {
    const { started } = upkeep({ archive: retention }, false);
    started.start();
    expect(await turn()).toBe(10 * MINUTE_MS);
    expect(await months()).toEqual([3, 4, 5]);
  });

  test('what makes no sense is refused by its place', () => {
    for (const [config, place] of [
      [{ archive: { retention: { observations: '5w' } } }, 'archive.retention.observations'],
      [{ archive: { retention: { observations: '30d' } } }, 'archive.retention.observations'],
      [{ lake: { to: 's3://Bad_Bucket' } }, 'lake.to'],
      [{ lake: { to: '/lake', every: '1s' } }, 'lake.every'],
    ] as const) {
      const { success, error } = configSchema.safeParse(config);
      expect([success, error?.issues[0]?.path.join('.')]).toEqual([false, place]);
    }
    expect(
      configSchema.parse({ archive: { retention: { observations: '5y' } } }).archive.retention.observations,
    ).toBe(1826.25 * DAY_MS);
  });
});
