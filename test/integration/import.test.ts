import { createWriteStream, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { formatInstant, HOUR_MS } from '../../src/model/time.ts';
import { archivedRows, Program, run, temporaryFolder, until } from './server.ts';

// History into the archive by the process itself: cut short, begun again, and by way of Parquet.

const folder = temporaryFolder();
const cwd = folder.path;
const programs: Program[] = [];
afterAll(async () => {
  for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
  folder.remove();
});

const REPORTS = 150_000;
const STATIONS = 10;
const START = Date.UTC(2001, 0, 1);

/** Hours of ten stations, of which station 3 misses hours 100 to 104; with two rows that nobody can take. */
async function writeHistory(path: string): Promise<void> {
  const file = createWriteStream(path);
  for (let n = 0; n < REPORTS; n++) {
    const [hour, station] = [Math.floor(n / STATIONS), n % STATIONS];
    if (station === 3 && hour >= 100 && hour < 105) continue;
    const observedAt = formatInstant(START + hour * HOUR_MS);
    const values = { rainfall: (n % 70) / 10, airTemperature: 20 + (n % 13) / 10 };
    file.write(`${JSON.stringify({ station: `H${station}`, observedAt, interval: 'PT1H', values })}\n`);
  }
  file.write(
    '{"station":"H1"\n{"station":"H1","observedAt":"2001-01-01T00:00:00","values":{"rainfall":1}}\n',
  );
  await new Promise((done) => file.end(done));
}

const readings = (REPORTS - 5) * 2;

test('an import that is killed goes on, and a file that is in adds nothing', async () => {
  await writeHistory(join(cwd, 'history.ndjson'));
  writeFileSync(join(cwd, 'a.yaml'), 'data: ./a\n');
  const first = new Program(['import', 'history.ndjson', '--config', 'a.yaml'], { cwd });
  programs.push(first);
  const bytes = (): number =>
    ['a/archive.duckdb', 'a/archive.duckdb.wal'].reduce(
      (sum, name) => sum + (statSync(join(cwd, name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
  // One commit of 100,000 readings is 6.5 MB in the write-ahead log: the second is being written, a third is to come.
  await until(() => bytes() > 9_000_000 || first.hasEnded, 60_000, 'a first commit');
  await first.signal('SIGKILL');

  const second = await run(['import', 'history.ndjson', '--config', 'a.yaml'], { cwd });
  expect(second.status, second.stderr).toBe(0);
  expect(second.stderr).toContain('2 rows or values refused; 5 missing hours at 10 stations');
  expect(second.stderr).toContain('(1 gone on with)');
  const gap = formatInstant(START + 99 * HOUR_MS);
  expect(second.stdout.split('\n').find((line) => line.startsWith('H3'))).toBe(
    `H3\t${formatInstant(START)}\t${formatInstant(START + 14_999 * HOUR_MS)}\t15000\t5\t5\t${gap}`,
  );
  expect(await archivedRows(join(cwd, 'a'))).toEqual({ rows: readings, keys: readings });

  renameSync(join(cwd, 'history.ndjson'), join(cwd, 'renamed.ndjson'));
  const third = await run(['import', 'renamed.ndjson', '--config', 'a.yaml', '--strict'], { cwd });
  expect([third.status, third.stderr]).toEqual([0, expect.stringContaining('1 files were in already')]);
  expect(await archivedRows(join(cwd, 'a'))).toEqual({ rows: readings, keys: readings });
});

test('what is exported as Parquet comes in elsewhere as it was', async () => {
  const out = ['export', '--format', 'parquet', '--out'];
  expect((await run([...out, 'a.parquet', '--data', 'a'], { cwd })).status).toBe(0);
  writeFileSync(join(cwd, 'b.yaml'), 'data: ./b\n');
  const done = await run(['import', 'a.parquet', '--config', 'b.yaml', '--strict'], { cwd });
  expect(done.status, done.stderr).toBe(0);
  expect(await archivedRows(join(cwd, 'b'))).toEqual({ rows: readings, keys: readings });
  const csv = ['export', '--format', 'csv', '--to', '2001-02-01T00:00:00Z'];
  const [a, b] = [await run([...csv, '--data', 'a'], { cwd }), await run([...csv, '--data', 'b'], { cwd })];
  // `receivedAt` and the flag too.
  expect(b.stdout).toBe(a.stdout);
  expect(a.stdout.length).toBeGreaterThan(100_000);
});

test('refused rows end a strict import with 1, and what is no file with 1', async () => {
  writeFileSync(
    join(cwd, 'bad.csv'),
    'station,observedAt,quantity,value\nA,2001-01-01T00:00:00Z,rainfall,-3\n',
  );
  writeFileSync(join(cwd, 'c.yaml'), 'data: ./c\n');
  const given = ['--config', 'c.yaml', '--strict'];
  expect((await run(['import', 'bad.csv', ...given], { cwd })).status).toBe(1);
  expect(await run(['import', 'none.csv', ...given], { cwd })).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('none.csv cannot be read'),
  });
  expect((await run(['import', ...given], { cwd })).status).toBe(2);
});
