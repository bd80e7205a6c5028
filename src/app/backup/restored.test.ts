import { expect, test } from 'vitest';
import { sampleAt, sampleRevision } from '../../store/ledger/sample.ts';
import { oldRevisions } from './restored.ts';

const stored = (position: string, issuedAt: number) => ({
  seq: 1,
  position,
  revision: sampleRevision({ issuedAt }),
  state: 'active' as const,
});

test('a restored system mutes what its backup brought and what was due before, and nothing else', async () => {
  const ledger = { meta: async () => JSON.stringify({ at: sampleAt, next: [10, 20] }) };
  const isOld = await oldRevisions(ledger, true);
  expect(isOld(stored('0:9:0', sampleAt + 5000))).toBe(true);
  expect(isOld(stored('1:19:3', sampleAt + 5000))).toBe(true);
  expect(isOld(stored('0:10:0', sampleAt))).toBe(false);
  expect(isOld(stored('1:20:0', sampleAt + 1))).toBe(false);
  // A timer that was due between backup and restore.
  expect(isOld(stored('0:10:0', sampleAt - 1))).toBe(true);
  // A recording has a time of its own.
  expect((await oldRevisions(ledger, false))(stored('0:10:0', sampleAt - 1))).toBe(false);
  expect((await oldRevisions({ meta: async () => undefined }, true))(stored('0:0:0', 0))).toBe(false);
});
