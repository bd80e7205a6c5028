import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { formatAlertEvent } from '../src/alerts/event-json.ts';
import type { DocumentCache } from '../src/app/documents.ts';
import type { SinkName } from '../src/app/sinks/guarantee.ts';
import type { LogEntry } from '../src/log/log.ts';
import type { AlertEvent } from '../src/model/alert.ts';
import { observationsIn } from '../src/model/effect.ts';
import { openSqliteLedger } from '../src/store/ledger/sqlite/ledger.ts';
import { PartitionFold } from '../src/stream/fold.ts';
import type { Showers } from './guarantees-input.ts';

export interface Counts {
  /** What the undisturbed fold gives. */
  readonly records: number;
  readonly lost: number;
  readonly repeated: number;
  /** Records that the undisturbed fold does not give: never anything but 0. */
  readonly different: number;
}

/** Contents of each sink as texts; a text that is there twice was stored twice. */
export type Contents = Readonly<Record<SinkName, readonly string[]>> & {
  /** Revisions that the ledger was given again and did not store again. */
  readonly ledgerRepeats: number;
};

/** What every sink must hold: one fold from the beginning, never disturbed. */
export function expectedOf(showers: Showers, documents: DocumentCache): Contents {
  const alerts: string[] = [];
  const observations: string[] = [];
  for (const records of showers.records) {
    const fold = new PartitionFold(documents.foldOptions());
    for (const record of records) {
      for (const effect of fold.apply(record)) {
        if (effect.kind === 'alert') alerts.push(formatAlertEvent(effect.revision.event));
        for (const { station, quantity, observedAt, value, arrival } of observationsIn(effect))
          observations.push([station, quantity, observedAt, value, arrival].join(' '));
      }
    }
  }
  return { ledger: alerts, topic: alerts, archive: observations, ledgerRepeats: 0 };
}

/** What the stopped stores in a folder hold, and the topic. */
export async function storedIn(folder: string, topic: readonly LogEntry[]): Promise<Contents> {
  const ledger = await openSqliteLedger({ path: join(folder, 'ledger.sqlite') });
  const alerts: string[] = [];
  for await (const event of ledger.events()) alerts.push(formatAlertEvent(event));
  const ledgerRepeats = Number((await ledger.meta('repeats')) ?? 0);
  await ledger.close();
  const told = topic.map(({ payload }) => {
    const { event } = JSON.parse(Buffer.from(payload).toString('utf8')) as { event: AlertEvent };
    return JSON.stringify(event);
  });
  return { ledger: alerts, topic: told, archive: await archived(folder), ledgerRepeats };
}

async function archived(folder: string): Promise<string[]> {
  const instance = await DuckDBInstance.create(join(folder, 'archive.duckdb'));
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(
    "SELECT concat_ws(' ', station, quantity, observed_at, value, arrival) FROM observations",
  );
  const rows = reader.getRows().map(([text]) => String(text));
  connection.closeSync();
  instance.closeSync();
  return rows;
}

/** Counts what is missing, what is there too often, and what should not be there. */
export function compare(expected: Contents, stored: Contents): Record<SinkName, Counts> {
  const of = (sink: SinkName): Counts => {
    const left = new Map<string, number>();
    for (const text of stored[sink]) left.set(text, (left.get(text) ?? 0) + 1);
    let lost = 0;
    for (const text of expected[sink]) {
      const count = left.get(text) ?? 0;
      if (count === 0) lost++;
      else left.set(text, count - 1);
    }
    const known = new Set(expected[sink]);
    let repeated = sink === 'ledger' ? stored.ledgerRepeats : 0;
    let different = 0;
    for (const [text, count] of left) {
      if (known.has(text)) repeated += count;
      else different += count;
    }
    return { records: expected[sink].length, lost, repeated, different };
  };
  return { ledger: of('ledger'), archive: of('archive'), topic: of('topic') };
}
