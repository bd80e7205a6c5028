import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pipFolder, whyNoPackages } from '../servers/pip.ts';
import { exampleFile, inOneForm, stormLake } from './storm-lake.ts';

// The examples of the lake in Python and R read the same files and print the same figures as the one in SQL. No Debian package
// of R reads Parquet by itself: R asks pyarrow.

const packages = ['pandas==3.1.1', 'pyarrow==26.0.1'];
const modules = pipFolder('lake', 'pandas-3.1.1-pyarrow-26.0.1', 'ATALAIA_LAKE_CACHE');
const noPython = whyNoPackages(modules, packages);
const noR = noPython ?? whyNoReticulate();
let folder: string;
let storm: Awaited<ReturnType<typeof stormLake>>;
beforeAll(async () => {
  if (noPython !== undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'atalaia-lake-examples-'));
  storm = await stormLake(folder);
});
afterAll(() => {
  if (folder) rmSync(folder, { recursive: true, force: true });
});

function whyNoReticulate(): string | undefined {
  const { status } = spawnSync('Rscript', ['-e', 'library(reticulate)'], {
    stdio: 'ignore',
    timeout: 60_000,
  });
  return status === 0 ? undefined : 'no R with reticulate: apt-get install r-cran-reticulate';
}

function print(command: string, file: string, env: Record<string, string> = {}): string {
  const { stdout, stderr, status } = spawnSync(command, [exampleFile(file), storm.lake], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
  return inOneForm(stdout.replaceAll('\r', ''));
}

describe('the wettest days of the storm', () => {
  test.skipIf(noPython !== undefined)(`by pandas and pyarrow${noPython ? ` (${noPython})` : ''}`, () => {
    expect(print('python3', 'wettest_days.py', { PYTHONPATH: modules })).toBe(storm.expected);
  });

  test.skipIf(noR !== undefined)(`by R and pyarrow${noR ? ` (${noR})` : ''}`, () => {
    const env = { PYTHONPATH: modules, RETICULATE_PYTHON: '/usr/bin/python3' };
    expect(print('Rscript', 'wettest-days.R', env)).toBe(storm.expected);
  });
});
