import { archiveConformance } from '../../src/store/archive/conformance.ts';
import { ledgerConformance } from '../../src/store/ledger/conformance.ts';
import { ArchiveMedium, ModelArchive } from './archive-model.ts';
import { LedgerMedium } from './ledger-medium.ts';
import { ModelLedger } from './ledger-model.ts';

// The models that stand for the stores in the simulation keep what the stores themselves must keep.

ledgerConformance('model', async () => {
  const medium = new LedgerMedium();
  return { open: async () => new ModelLedger(medium), remove: async () => {} };
});

const media = new Map<string, ArchiveMedium>();
archiveConformance('model', async (folder) => {
  if (!media.has(folder)) media.set(folder, new ArchiveMedium());
  return new ModelArchive(media.get(folder) as ArchiveMedium);
});
