import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkpointMediumConformance } from '../../store/checkpoints/conformance.ts';
import { openCheckpointFiles } from './files.ts';

const folders: string[] = [];
const fresh = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'atalaia-checkpoint-files-'));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

checkpointMediumConformance('files', { open: () => openCheckpointFiles(fresh()) });

test('what a crash left half written is removed, the rest is found again', async () => {
  const folder = fresh();
  await (await openCheckpointFiles(folder)).write(2, 30, new Uint8Array([1]));
  writeFileSync(join(folder, '2-40.ckpt.tmp'), 'half');
  expect(await (await openCheckpointFiles(folder)).offsets(2)).toEqual([30]);
  expect(readdirSync(folder)).toEqual(['2-30.ckpt']);
});
