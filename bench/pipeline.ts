import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type CheckpointFlaw, CheckpointStore } from '../src/app/checkpoints/checkpoints.ts';
import { type Document, DocumentCache, toDocument } from '../src/app/documents.ts';
import { Processor } from '../src/app/processor/processor.ts';
import { openDuckdbArchive } from '../src/app/stores/archive-file.ts';
import type { WorkersOptions } from '../src/app/workers/worker-pool.ts';
import { systemClock } from '../src/lib/clock.ts';
import { nodeDisk } from '../src/lib/disk.ts';
import { openEmbeddedLog } from '../src/log/embedded/embedded-log.ts';
import type { Append, Log } from '../src/log/log.ts';
import { encodeRecord } from '../src/log/record-codec.ts';
import type { LogRecord } from '../src/model/record.ts';
import type { Report } from '../src/model/report.ts';
import type { Rule } from '../src/model/rule.ts';
import type { Station } from '../src/model/station.ts';
import type { Archive } from '../src/store/archive/archive.ts';
import type { Ledger } from '../src/store/ledger/ledger.ts';
import { openSqliteLedger } from '../src/store/ledger/sqlite/ledger.ts';

export interface PipelineOptions {
  readonly folder: string;
  readonly partitions: number;
  readonly rules: readonly Rule[];
  readonly stations: readonly Station[];
  /** Partition of a station. */
  readonly partitionOf: (station: Station) => number;
  /** Those of {@link documentsOf}, where they were made before: no recovery of a server makes them. */
  readonly documents?: readonly Document[];
  /** 0 streaming, more micro-batch, ms. */
  readonly everyMs: number;
  readonly checkpointEveryMs: number;
  /** Threads that fold; this one unless given. */
  readonly workers?: WorkersOptions;
  /** Stores in place of files in `folder`. */
  readonly stores?: { readonly ledger: Ledger; readonly archive: Archive };
  /** Version of the fold that writes and reads checkpoints; the present one unless given. */
  readonly foldVersion?: number;
  /** Hears of checkpoints that were passed over. */
  readonly onPassedOver?: (file: string, flaw: CheckpointFlaw) => void;
}

const DAY_MS = 86_400_000;

/** Log, fold and both stores as the server has them, without sources and deliveries: what the benchmarks measure. */
export class Pipeline {
  readonly log: Log;
  readonly ledger: Ledger;
  readonly archive: Archive;
  readonly checkpoints: CheckpointStore;
  readonly documents: DocumentCache;
  readonly processor: Processor;
  readonly #options: PipelineOptions;
  readonly #partitionOf: ReadonlyMap<string, number>;
  #failure: unknown = null;
  /** Hears of each range of a partition that the ledger has committed. */
  onCommitted: (partition: number, from: number, to: number) => void = () => {};
  transactions = { ledger: 0, archive: 0 };

  private constructor(
    options: PipelineOptions,
    stores: Pick<Pipeline, 'log' | 'ledger' | 'archive' | 'checkpoints' | 'documents'>,
  ) {
    this.#options = options;
    this.#partitionOf = new Map(options.stations.map((s) => [s.id, options.partitionOf(s)]));
    this.log = stores.log;
    this.ledger = stores.ledger;
    this.archive = stores.archive;
    this.checkpoints = stores.checkpoints;
    this.documents = stores.documents;
    this.processor = new Processor({
      ...stores,
      ledger: this.#counted(stores.ledger, 'ledger'),
      archive: this.#counted(stores.archive, 'archive'),
      latenessMs: DAY_MS,
      everyMs: options.everyMs,
      checkpointEveryMs: options.checkpointEveryMs,
      workers: options.workers,
      onCommitted: () => {},
      onCounted: () => {},
      onFailure: (error) => {
        // That a record was skipped is told as well, and the fold goes on.
        if (error instanceof Error && error.message.includes('was skipped')) return;
        this.#failure ??= error;
      },
    });
  }

  static async open(options: PipelineOptions): Promise<Pipeline> {
    const { folder, partitions } = options;
    mkdirSync(folder, { recursive: true });
    const made = options.documents ?? documentsOf(options);
    const known = new Map(made.map(({ hash, bytes }) => [hash, bytes]));
    // Found when the log or a checkpoint names them, as those of the server are.
    const documents = new DocumentCache(async (hash) => known.get(hash));
    const directory = join(folder, 'log');
    const log = await openEmbeddedLog({ directory, partitions, disk: nodeDisk, clock: systemClock });
    const [ledger, archive, checkpoints] = await Promise.all([
      options.stores?.ledger ?? openSqliteLedger({ path: join(folder, 'ledger.sqlite') }),
      options.stores?.archive ?? openDuckdbArchive({ path: join(folder, 'archive.duckdb') }),
      CheckpointStore.open(
        join(folder, 'checkpoints'),
        options.onPassedOver ?? (() => {}),
        options.foldVersion === undefined ? {} : { foldVersion: options.foldVersion },
      ),
    ]);
    return new Pipeline({ ...options, documents: made }, { log, ledger, archive, checkpoints, documents });
  }

  #counted<T extends Ledger | Archive>(store: T, name: 'ledger' | 'archive'): T {
    type Batches = readonly { partition: number; from: number; to: number }[];
    return new Proxy(store, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        if (key !== 'commit' || typeof value !== 'function') return value;
        return async (batches: Batches, ...rest: unknown[]): Promise<void> => {
          await value.apply(target, [batches, ...rest]);
          this.transactions[name]++;
          if (name === 'ledger')
            for (const { partition, from, to } of batches) this.onCommitted(partition, from, to);
        };
      },
    });
  }

  /** The records that begin a recording: stations, rules, start. */
  beginning(startAt: number): Append[] {
    const made = this.#options.documents ?? documentsOf(this.#options);
    const [rules, ...stations] = made.map(({ hash }) => hash);
    const commands = (partition: number): LogRecord[] => [
      {
        kind: 'command',
        id: 'stations',
        command: { type: 'stations', hash: stations[partition] as string },
      },
      { kind: 'command', id: 'rules', command: { type: 'rules', hash: rules as string } },
      { kind: 'command', id: 'recording', command: { type: 'recording', delayMs: 0, startAt } },
    ];
    return this.#everywhere(commands);
  }

  /** A tick to every partition, then the reports of that time. */
  step(at: number, reports: readonly Report[]): Append[] {
    return [
      ...this.#everywhere(() => [{ kind: 'tick', at }]),
      ...reports.map((report) => ({
        partition: this.#partitionOf.get(report.station) as number,
        key: report.station,
        payload: encodeRecord({ kind: 'report', report }),
      })),
    ];
  }

  #everywhere(records: (partition: number) => LogRecord[]): Append[] {
    return Array.from({ length: this.#options.partitions }, (_, partition) =>
      records(partition).map((record) => ({ partition, key: 'x', payload: encodeRecord(record) })),
    ).flat();
  }

  /** Resolves when the ledger, or both stores, hold everything that is in the log. */
  async caughtUp(which: 'both' | 'ledger' = 'both'): Promise<void> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      const archived = which === 'both' ? [await this.archive.positions()] : [];
      const stored = [await this.ledger.positions(), ...archived].map(
        (positions) => new Map(positions.map((p) => [p.partition, p.offset])),
      );
      let isThere = true;
      for (let p = 0; p < this.#options.partitions; p++) {
        const { next } = await this.log.bounds(p);
        isThere &&= stored.every((positions) => (positions.get(p) ?? 0) === next);
      }
      if (isThere) return;
      await pause(10);
    }
  }

  /** Resolves when every record is folded and its alerts are committed; the position of calm records may follow a moment later. */
  async alerted(): Promise<void> {
    while ((await this.log.lag('processor')) > 0) {
      if (this.#failure !== null) throw this.#failure;
      await pause(2);
    }
  }

  /** Closes the files; with `isStopped` the processor ends in order before. */
  async close(isStopped = true): Promise<void> {
    if (isStopped) await this.processor.stop();
    await Promise.all([this.log.close(), this.archive.close(), this.ledger.close()]);
  }
}

/** The rules' document, then the stations' of each partition. */
export function documentsOf({
  rules,
  stations,
  partitions,
  partitionOf,
}: Pick<PipelineOptions, 'rules' | 'stations' | 'partitions' | 'partitionOf'>): readonly Document[] {
  const slices = Array.from({ length: partitions }, (): Station[] => []);
  for (const station of stations) (slices[partitionOf(station)] as Station[]).push(station);
  return [toDocument(rules), ...slices.map(toDocument)];
}

export const rounded = (value: number, digits = 3): number => Number(value.toFixed(digits));
