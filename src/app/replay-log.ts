import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemClock } from '../lib/clock.ts';
import { nodeDisk } from '../lib/disk.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { openEmbeddedLog } from '../log/embedded/embedded-log.ts';
import { decodeRecord } from '../log/record-codec.ts';
import type { AlertEvent } from '../model/alert.ts';
import { openSqliteLedger } from '../store/ledger/sqlite/ledger.ts';
import { PartitionFold } from '../stream/fold.ts';
import { DocumentCache } from './documents.ts';
import { compareEvents } from './replay.ts';

const READ_LIMIT = 2000;

/**
 * Folds the log of a data directory (or of its `log` folder) from its beginning and returns the events in the contract's
 * order. Documents and the list of skipped records come from the ledger beside it. The server must not be running.
 */
export async function replayLog(directory: string): Promise<AlertEvent[]> {
  const data = existsSync(join(directory, 'ledger.sqlite')) ? directory : dirname(directory);
  if (!existsSync(join(data, 'ledger.sqlite')) || !existsSync(join(data, 'log'))) {
    throw new AtalaiaError(
      'ATL_INPUT',
      `${directory} holds no log with its ledger. Give the data directory (the one with log/ and ledger.sqlite).`,
    );
  }
  const ledger = await openSqliteLedger({ path: join(data, 'ledger.sqlite') });
  try {
    const partitions = (await ledger.positions()).length;
    const log = await openEmbeddedLog({
      directory: join(data, 'log'),
      partitions,
      disk: nodeDisk,
      clock: systemClock,
    });
    try {
      const skips = new Set((await ledger.skips()).map(({ partition, offset }) => `${partition}/${offset}`));
      const events: AlertEvent[] = [];
      const documents = new DocumentCache(
        (hash) => ledger.document(hash),
        (await ledger.meta('quality')) !== 'off',
      );
      const latenessMs = Number((await ledger.meta('lateness')) ?? 86_400_000);
      for (let partition = 0; partition < log.partitions; partition++) {
        const fold = new PartitionFold(documents.foldOptions(latenessMs));
        let { oldest: offset } = await log.bounds(partition);
        for (;;) {
          const entries = await log.read(partition, offset, READ_LIMIT, 0);
          if (entries.length === 0) break;
          for (const entry of entries) {
            offset = entry.offset + 1;
            if (skips.has(`${partition}/${entry.offset}`)) continue;
            const record = decodeRecord(entry.payload);
            if (record.kind === 'command' && 'hash' in record.command)
              await documents.ensure(record.command.hash);
            // What waited for approval was no alert to anybody.
            for (const effect of fold.apply(record))
              if (effect.kind === 'alert' && !effect.revision.draft) events.push(effect.revision.event);
          }
        }
      }
      return events.sort(compareEvents);
    } finally {
      await log.close();
    }
  } finally {
    await ledger.close();
  }
}
