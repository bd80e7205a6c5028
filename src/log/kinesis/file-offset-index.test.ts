import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodeDisk } from '../../lib/disk.ts';
import { openFileOffsetIndex } from './file-offset-index.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'atalaia-index-'));
});
afterEach(() => rm(directory, { recursive: true }));
const path = (): string => join(directory, 'offset-index.ndjson');

test('keeps what was written over a start; the first insert of a key stands', async () => {
  const index = await openFileOffsetIndex(nodeDisk, directory);
  expect(await index.insert('a/1', 'x')).toBe('x');
  expect(await index.insert('a/1', 'y')).toBe('x');
  await index.set('a/2', 'z');
  await index.set('b/1', 'other');
  await index.remove(['b/1', 'nobody']);
  await index.close();
  // A line that was torn by a crash was not acknowledged.
  await appendFile(path(), '["a/3","to');
  const again = await openFileOffsetIndex(nodeDisk, directory);
  expect(await again.list('')).toEqual([
    ['a/1', 'x'],
    ['a/2', 'z'],
  ]);
  await again.set('a/3', 'w');
  await again.close();
  expect((await readFile(path(), 'utf8')).split('\n')).toHaveLength(4);
});

test('a damaged line is named', async () => {
  await writeFile(path(), '["a","1"]\nnonsense\n');
  await expect(openFileOffsetIndex(nodeDisk, directory)).rejects.toMatchObject({
    code: 'ATL_STORE',
    message: expect.stringContaining('Line 2'),
  });
});
