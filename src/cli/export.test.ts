import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { holdData } from '../app/stores/hold-data.ts';
import { batch, observation } from '../store/archive/conformance.ts';
import { openDuckdbArchive } from '../store/archive/duckdb/archive.ts';
import { exportCommand } from './export.ts';

describe('atalaia export', () => {
  let data: string;
  beforeEach(async () => {
    data = mkdtempSync(join(tmpdir(), 'atalaia-export-test-'));
    const archive = await openDuckdbArchive({ path: join(data, 'archive.duckdb') });
    await archive.commit([batch(0, 1, [observation(1, 1500), observation(2, 2500)])]);
    await archive.close();
  });
  afterEach(() => rmSync(data, { recursive: true, force: true }));

  async function run(...argv: string[]) {
    const io = { stdout: new PassThrough(), stderr: new PassThrough() };
    const [out, err] = [text(io.stdout), text(io.stderr)];
    const status = await exportCommand.run(argv, io);
    io.stdout.end();
    io.stderr.end();
    return { status, out: await out, err: await err };
  }

  test('CSV to standard output, within the bounds', async () => {
    const result = await run('--format', 'csv', '--data', data, '--from', '2024-04-30T02:00:00Z');
    expect(result).toMatchObject({ status: 0, err: '1 rows\n' });
    expect(result.out.split('\n')).toHaveLength(3);
  });

  test('the data folder is that of the configuration, unless told', async () => {
    const config = join(data, 'atalaia.yaml');
    writeFileSync(config, `data: ${JSON.stringify(data)}\n`);
    expect(await run('--format', 'csv', '--config', config)).toMatchObject({ status: 0, err: '2 rows\n' });
  });

  test('Parquet to a file', async () => {
    const out = join(data, 'x.parquet');
    expect((await run('--format', 'parquet', '--data', data, '--out', out)).status).toBe(0);
    expect(readFileSync(out).subarray(0, 4).toString()).toBe('PAR1');
  });

  test('a lake by month and region, brought up again for nothing', async () => {
    const lake = join(data, 'lake');
    const argv = ['--format', 'parquet', '--lake', lake, '--data', data];
    const first = await run(...argv, '--since', '2024-04-01T00:00:00Z');
    expect(first).toMatchObject({ status: 0, out: '' });
    expect(first.err).toContain('2 rows in 1 files of 1 months');
    const part = 'observations/year=2024/month=04/region=__HIVE_DEFAULT_PARTITION__/part-0.parquet';
    expect(readFileSync(join(lake, part)).subarray(0, 4).toString()).toBe('PAR1');
    expect((await run(...argv)).err).toContain('0 rows in 0 files of 0 months');
    const held = await holdData(data, 'test');
    const refused = await run(...argv);
    expect(refused).toMatchObject({ status: 1 });
    expect(refused.err).toContain('lake: in atalaia.yaml');
    await held();
  });

  test('wrong usage is 2 and names the argument', async () => {
    for (const argv of [
      [],
      ['--format', 'xml'],
      ['--format', 'csv', '--from', 'yesterday'],
      ['--format', 'csv', '--lake', 'x'],
      ['--format', 'parquet', '--lake', 'x', '--out', 'y'],
      ['--format', 'parquet', '--lake', 'ftp://x'],
      ['--format', 'csv', '--since', '2024-04-30T02:00:00Z'],
      ['--fromat', 'csv'],
      ['extra'],
    ]) {
      expect((await run(...argv, '--data', data)).status).toBe(2);
    }
    expect((await run('--format', 'csv', '--to', '24:00')).err).toContain('--to 24:00');
    expect(await run('--help')).toMatchObject({ status: 0, out: exportCommand.usage });
  });

  test('what cannot be read is 1, and nothing is created', async () => {
    const missing = join(data, 'missing');
    expect((await run('--format', 'csv', '--data', missing)).status).toBe(1);
    expect(existsSync(missing)).toBe(false);
    writeFileSync(join(data, 'archive.duckdb'), 'not a database');
    expect((await run('--format', 'csv', '--data', data)).status).toBe(1);
  });
});
