import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { coordinationConformance } from '../conformance-coordination.ts';
import { memoryCoordination } from '../memory-coordination.ts';
import { openSqliteCoordination } from './coordination.ts';
import { openSqliteLedger } from './ledger.ts';

async function inFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'atalaia-coordination-'));
  return {
    path: join(folder, 'ledger.sqlite'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

coordinationConformance('sqlite', async () => {
  const { path, remove } = await inFolder();
  return { open: () => openSqliteCoordination({ path }), remove };
});

coordinationConformance('memory', async () => {
  const kept = memoryCoordination({ now: () => performance.now() });
  return { open: async () => kept, remove: async () => undefined };
});

test('lies in the file of the ledger, and outlives it', async () => {
  const { path, remove } = await inFolder();
  const ledger = await openSqliteLedger({ path });
  const first = await openSqliteCoordination({ path });
  await first.index.set([['k', 'v']]);
  await ledger.putMeta('log', 'kinesis-x');
  await Promise.all([first.close(), ledger.close()]);
  const again = await openSqliteCoordination({ path });
  expect(await again.index.list('')).toEqual([['k', 'v']]);
  await again.close();
  await remove();
});
