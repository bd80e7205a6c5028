import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exampleText, inOneForm, stormLake } from './storm-lake.ts';

// The examples in SQL, as docs/lake.md says to run them. That in Python: brokers-lake-examples.test.ts.

let folder: string;
let storm: Awaited<ReturnType<typeof stormLake>>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atalaia-lake-sql-'));
  storm = await stormLake(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the wettest days by atalaia sql', () => {
  const main = join(import.meta.dirname, '../../src/main.ts');
  const argv = [main, 'sql', '--lake', storm.lake, '--format', 'csv', '--', exampleText('wettest-days.sql')];
  const { stdout, stderr, status } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  expect(inOneForm(stdout)).toBe(storm.expected);
  expect(storm.expected.split('\n').length).toBeGreaterThan(3);
});

test('the wettest days by DuckDB, which finds the months and regions itself', async () => {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const files = `${storm.lake}/observations/**/*.parquet`;
    await connection.run(
      `CREATE VIEW observations AS FROM read_parquet('${files}', hive_partitioning = true)`,
    );
    const rows = (await connection.runAndReadAll(exampleText('wettest-days.sql'))).getRows();
    const csv = `region,station,day,mm\n${rows.map((row) => row.join(',')).join('\n')}\n`;
    expect(inOneForm(csv)).toBe(storm.expected);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
});
