import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { ledgerConformance } from '../conformance.ts';
import { sampleRevision } from '../sample.ts';
import { sinkConformance } from '../sinks/conformance.ts';
import { openSqliteLedger } from './ledger.ts';
import { schemaVersion } from './schema.ts';

const place = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atalaia-ledger-'));
  return {
    open: () => openSqliteLedger({ path: join(folder, 'data', 'ledger.sqlite') }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};
ledgerConformance('sqlite', place);
sinkConformance('sqlite', place);

describe('openSqliteLedger', () => {
  const inFolder = async (work: (path: string) => Promise<void>): Promise<void> => {
    const folder = await mkdtemp(join(tmpdir(), 'atalaia-ledger-'));
    try {
      await work(join(folder, 'ledger.sqlite'));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };

  it('writes ahead, syncs fully and stores the schema version', () =>
    inFolder(async (path) => {
      const ledger = await openSqliteLedger({ path });
      const raw = new DatabaseSync(path);
      expect(raw.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
      expect(raw.prepare('PRAGMA user_version').get()).toEqual({ user_version: schemaVersion });
      raw.close();
      await ledger.close();
    }));

  it('refuses a file of a newer program and leaves it as it is', () =>
    inFolder(async (path) => {
      await (await openSqliteLedger({ path })).close();
      const raw = new DatabaseSync(path);
      raw.exec(`PRAGMA user_version = ${schemaVersion + 1}`);
      await expect(openSqliteLedger({ path })).rejects.toMatchObject({ code: 'ATL_STORE_VERSION' });
      expect(raw.prepare('PRAGMA user_version').get()).toEqual({ user_version: schemaVersion + 1 });
      raw.close();
    }));

  it('says what is wrong with a file that is no database', () =>
    inFolder(async (path) => {
      await writeFile(path, 'this is no database, only a text of some length\n'.repeat(100));
      await expect(openSqliteLedger({ path })).rejects.toMatchObject({
        code: 'ATL_STORE',
        message: expect.stringContaining(path),
      });
    }));

  it('stamps outbox rows with the clock it was given', () =>
    inFolder(async (path) => {
      const ledger = await openSqliteLedger({ path, now: () => 42 });
      const { epoch } = await ledger.acquire(0);

      const revisions = [{ offset: 0, index: 0, revision: sampleRevision() }];
      await ledger.commit([{ partition: 0, epoch, from: 0, to: 1, revisions, clockAt: 1 }]);
      expect(await ledger.oldestOutboxAt()).toBe(42);
      await ledger.close();
    }));
});
