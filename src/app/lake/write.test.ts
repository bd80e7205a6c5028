import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Observation } from '../../model/observation.ts';
import { HOUR_MS } from '../../model/time.ts';
import type { Archive } from '../../store/archive/archive.ts';
import { batch, observation } from '../../store/archive/conformance.ts';
import { openDuckdbArchive } from '../../store/archive/duckdb/archive.ts';
import { readParquet } from '../../store/archive/duckdb/parquet.ts';
import { openLakeFolder } from '../../store/lake/folder/medium.ts';
import type { LakeMedium } from '../../store/lake/lake.ts';
import { writeLake } from './write.ts';

const month = (number: number): number => Date.UTC(2024, number - 1, 1);
const regions = new Map([
  ['A801', 'RS'],
  ['B802', 'RS'],
  ['C803', "São João d'Oeste/SC"],
]);
const sc = 'region=S%C3%A3o%20Jo%C3%A3o%20d%27Oeste%2FSC';
const rain = (number: number, hours: number, value: number, change: Partial<Observation> = {}): Observation =>
  observation(0, value, { observedAt: month(number) + hours * HOUR_MS, ...change });

describe('the lake', () => {
  let data: string;
  let archive: Archive;
  let medium: LakeMedium;
  let position = 0;
  beforeEach(async () => {
    data = mkdtempSync(join(tmpdir(), 'atalaia-lake-'));
    archive = await openDuckdbArchive({ path: join(data, 'archive.duckdb') });
    medium = await openLakeFolder(join(data, 'lake'));
    position = 0;
  });
  afterEach(async () => {
    await archive.close();
    rmSync(data, { recursive: true, force: true });
  });

  const commit = (...observations: Observation[]) =>
    archive.commit([batch(position, ++position, observations)]);
  const write = (change: Partial<Parameters<typeof writeLake>[0]> = {}) =>
    writeLake({
      archive,
      format: 'parquet',
      regions,
      medium,
      server: 'here',
      work: join(data, 'work'),
      now: month(6),
      ...change,
    });
  const files = (): string[] =>
    readdirSync(join(data, 'lake'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.parquet') || name.includes('partial'))
      .sort();
  const manifest = () => JSON.parse(readFileSync(join(data, 'lake/manifest.json'), 'utf8'));
  const bytes = (name: string): Buffer => readFileSync(join(data, 'lake', name));
  const values = async (name: string): Promise<unknown[]> => {
    const found: unknown[] = [];
    for await (const rows of readParquet(join(data, 'lake', name)))
      found.push(...rows.map(({ station, observedAt, value }) => [station, observedAt?.slice(5, 16), value]));
    return found;
  };
  const rs = (number: number): string => `observations/year=2024/month=0${number}/region=RS/part-0.parquet`;

  test('a file for each month and region, the newest values sorted, and a manifest of them', async () => {
    await commit(
      rain(4, 2, 2000),
      rain(4, 0, 500, { station: 'B802' }),
      rain(4, 1, 1500),
      rain(4, 3, 700, { station: 'C803' }),
      rain(5, 0, 100, { station: 'unknown' }),
      rain(4, 1, 1250, { arrival: 'correction', flag: 'suspect', check: 'range' }),
    );
    expect(await write()).toMatchObject({ months: 2, unchanged: 0, files: 3, rows: 5 });
    const none = 'observations/year=2024/month=05/region=__HIVE_DEFAULT_PARTITION__/part-0.parquet';
    expect(files()).toEqual([rs(4), `observations/year=2024/month=04/${sc}/part-0.parquet`, none]);
    expect(await values(rs(4))).toEqual([
      ['A801', '04-01T01:00', 1.25],
      ['A801', '04-01T02:00', 2],
      ['B802', '04-01T00:00', 0.5],
    ]);
    const { months, ...rest } = manifest();
    expect(rest).toEqual({ format: 1, server: 'here', writtenAt: '2024-06-01T00:00:00Z' });
    expect(months.map(({ month, rows }: Record<string, unknown>) => [month, rows])).toEqual([
      ['2024-04', 4],
      ['2024-05', 1],
    ]);
    for (const { path, bytes: size, sha256 } of months.flatMap((one: { files: object[] }) => one.files)) {
      expect(createHash('sha256').update(bytes(path)).digest('hex')).toBe(sha256);
      expect(statSync(join(data, 'lake', path)).size).toBe(size);
    }
    expect(existsSync(join(data, 'work'))).toBe(false);
  });

  test('again it writes nothing; a correction changes its file and no other; the same content makes the same bytes', async () => {
    await commit(rain(3, 1, 1000), rain(4, 1, 1500), rain(4, 1, 700, { station: 'C803' }));
    await write();
    const first = files().map((name) => [name, bytes(name).toString('base64')]);
    const before = readFileSync(join(data, 'lake/manifest.json'), 'utf8');
    expect(await write({ now: month(7) })).toMatchObject({ months: 0, unchanged: 2, files: 0 });
    expect(readFileSync(join(data, 'lake/manifest.json'), 'utf8')).toBe(before);
    rmSync(join(data, 'lake/manifest.json'));
    expect(await write()).toMatchObject({ months: 2, files: 3 });
    expect(files().map((name) => [name, bytes(name).toString('base64')])).toEqual(first);
    await commit(rain(4, 1, 9000, { arrival: 'correction' }));
    expect(await write()).toMatchObject({ months: 1, unchanged: 1, files: 1, rows: 1 });
    expect(await values(rs(4))).toEqual([['A801', '04-01T01:00', 9]]);
    expect(
      files().filter(
        (name) => bytes(name).toString('base64') !== new Map(first as [string, string][]).get(name),
      ),
    ).toEqual([rs(4)]);
  });

  test('--since leaves older months for later; a station that the registry learns of leaves no second row', async () => {
    await commit(rain(3, 1, 1000), rain(4, 1, 1500));
    const report = await write({ since: month(4), regions: new Map() });
    expect(report).toMatchObject({ months: 1, unchanged: 1 });
    expect([...report.marks.keys()]).toEqual([month(4)]);
    expect(files()).toHaveLength(1);
    await commit(rain(4, 2, 100));
    expect([...(await write()).marks.keys()]).toEqual([month(3), month(4)]);
    expect(files()).toEqual([rs(3), rs(4)]);
    expect(await values(rs(4))).toHaveLength(2);
  });

  test('a month that retention took stays, and takes in what comes to it later', async () => {
    await commit(rain(3, 1, 1000), rain(3, 2, 2000), rain(4, 1, 1500));
    const { marks } = await write();
    expect(await archive.dropBefore(month(4), marks)).toMatchObject({ months: [month(3)], rows: 2 });
    const before = bytes(rs(3));
    expect(await write()).toMatchObject({ months: 0 });
    expect(bytes(rs(3)).equals(before)).toBe(true);
    await commit(rain(3, 2, 2500, { arrival: 'correction' }), rain(3, 9, 100, { arrival: 'late' }));
    // Also when somebody removed the manifest.
    rmSync(join(data, 'lake/manifest.json'));
    await write();
    expect(await values(rs(3))).toEqual([
      ['A801', '03-01T01:00', 1],
      ['A801', '03-01T02:00', 2.5],
      ['A801', '03-01T09:00', 0.1],
    ]);
    expect(await archive.dropBefore(month(4), (await write()).marks)).toMatchObject({ rows: 2 });
  });

  test('a run that fails leaves what is whole, says what it has, and the next one ends the work', async () => {
    await commit(rain(3, 1, 1000), rain(4, 1, 1500));
    let puts = 0;
    const failing: LakeMedium = {
      ...medium,
      put: (name, file) =>
        name === rs(4) && puts++ === 0 ? Promise.reject(new Error('disk full')) : medium.put(name, file),
    };
    await expect(write({ medium: failing })).rejects.toThrow('disk full');
    expect(files()).toEqual([rs(3)]);
    expect(manifest().months).toHaveLength(1);
    expect(await write({ medium: failing })).toMatchObject({ months: 1, unchanged: 1 });
    expect(files()).toEqual([rs(3), rs(4)]);
    expect(await write({ isStopped: () => true })).toMatchObject({ months: 0, unchanged: 2 });
  });

  test('the lake of another server, and what is no manifest, are left alone', async () => {
    await commit(rain(3, 1, 1000));
    await write();
    await expect(write({ server: 'there' })).rejects.toMatchObject({ code: 'ATL_CONFLICT' });
    const whole = manifest();
    whole.months[0].files[0].path = 'observations/../../x';
    for (const text of ['{', '{}', JSON.stringify(whole)]) {
      writeFileSync(join(data, 'lake/manifest.json'), text);
      await expect(write()).rejects.toMatchObject({ code: 'ATL_INPUT' });
    }
  });
});
