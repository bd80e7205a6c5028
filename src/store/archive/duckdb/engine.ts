import { statSync } from 'node:fs';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { AtalaiaError } from '../../../lib/errors.ts';
import type { LatestValue, SeriesPoint } from '../archive.ts';
import { exportReadings } from './exports.ts';
import type {
  ArchiveEvent,
  DurablePositions,
  ExportQuery,
  PackedBatch,
  Positions,
  SeriesQuery,
} from './protocol.ts';
import { readLatest, readSeries } from './queries.ts';
import { openRecovering } from './recovery.ts';
import { migrate } from './schema.ts';
import { type CommitPlan, type Position, planCommit, planEffects, writeCommit } from './writes.ts';

/** A checkpoint is taken when the write-ahead log has this size, or after this many commits. */
const CHECKPOINT_BYTES = 16 * 1024 * 1024;
const CHECKPOINT_COMMITS = 256;

interface Parts {
  readonly instance: DuckDBInstance;
  readonly writer: DuckDBConnection;
  readonly reader: DuckDBConnection;
}

/** The archive inside its worker thread: one writing connection, used by one call at a time, and one for reading. */
export class Engine {
  readonly #path: string;
  readonly #parts: Parts;
  #positions = new Map<number, Position>();
  #durable: DurablePositions = [];
  #nextSeq = 1;
  #commitsSinceCheckpoint = 0;
  #writes: Promise<unknown> = Promise.resolve();
  readonly #reads = new Set<Promise<unknown>>();
  #closed = false;

  private constructor(path: string, parts: Parts) {
    this.#path = path;
    this.#parts = parts;
  }

  static open(path: string, onEvent: (event: ArchiveEvent) => void): Promise<Engine> {
    return openRecovering(path, onEvent, async (instance) => {
      const writer = await instance.connect();
      await writer.run("SET TimeZone = 'UTC'");
      await migrate(writer, path);
      const reader = await instance.connect();
      await reader.run("SET TimeZone = 'UTC'");
      const engine = new Engine(path, { instance, writer, reader });
      await engine.#load();
      await engine.#checkpoint();
      return engine;
    });
  }

  commit(batches: readonly PackedBatch[]): Promise<null> {
    return this.#write(() => planCommit(this.#positions, batches));
  }

  commitEffects(batches: readonly PackedBatch[]): Promise<null> {
    return this.#write(() => planEffects(this.#positions, batches));
  }

  #write(planned: () => CommitPlan): Promise<null> {
    return this.#exclusively(async () => {
      const plan = planned();
      if (plan.positions.length === 0 && plan.batches.length === 0) return null;
      const { writer } = this.#parts;
      await writer.run('BEGIN');
      try {
        this.#nextSeq = await writeCommit(writer, plan, this.#nextSeq);
        await writer.run('COMMIT');
      } catch (error) {
        // COMMIT may have failed before or after it was durable: the tables decide.
        await writer.run('ROLLBACK').catch(() => {});
        await this.#load();
        throw error;
      }
      for (const position of plan.positions) this.#positions.set(position.partition, position);
      this.#commitsSinceCheckpoint++;
      if (this.#commitsSinceCheckpoint >= CHECKPOINT_COMMITS || this.#walBytes() >= CHECKPOINT_BYTES) {
        // The commit stands; a checkpoint that fails now is tried again after the next commit.
        await this.#checkpoint().catch(() => {});
      }
      return null;
    });
  }

  positions(): Promise<Positions> {
    return this.#exclusively(async () =>
      [...this.#positions.values()].sort((a, b) => a.partition - b.partition),
    );
  }

  durablePositions(): Promise<DurablePositions> {
    return this.#exclusively(async () => this.#durable);
  }

  latest(): Promise<readonly LatestValue[]> {
    return this.#reading(() => readLatest(this.#parts.reader));
  }

  series(query: SeriesQuery): Promise<readonly SeriesPoint[]> {
    return this.#reading(() => readSeries(this.#parts.reader, query));
  }

  /** On a connection of its own, so that dashboards do not wait for it. */
  export(query: ExportQuery): Promise<{ readonly rows: number }> {
    return this.#reading(async () => {
      const connection = await this.#parts.instance.connect();
      try {
        await connection.run("SET TimeZone = 'UTC'");
        return await exportReadings(connection, query);
      } finally {
        connection.closeSync();
      }
    });
  }

  /** Waits for every call begun, takes a checkpoint and lets the file go. */
  close(): Promise<null> {
    const closed = this.#exclusively(async () => {
      await Promise.allSettled(this.#reads);
      const { instance, writer, reader } = this.#parts;
      try {
        await this.#checkpoint();
      } finally {
        reader.closeSync();
        writer.closeSync();
        instance.closeSync();
      }
      return null;
    });
    this.#closed = true;
    return closed;
  }

  #refuseWhenClosed(): void {
    if (!this.#closed) return;
    throw new AtalaiaError('ATL_STORE', `Archive ${this.#path} is closed. Open it again.`);
  }

  /** Reads run beside the writer; closing waits for them. */
  async #reading<T>(work: () => Promise<T>): Promise<T> {
    this.#refuseWhenClosed();
    const result = work();
    this.#reads.add(result);
    try {
      return await result;
    } finally {
      this.#reads.delete(result);
    }
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    this.#refuseWhenClosed();
    const result = this.#writes.then(work);
    this.#writes = result.catch(() => {});
    return result;
  }

  async #load(): Promise<void> {
    const { writer } = this.#parts;
    const rows = await writer.runAndReadAll(
      'SELECT "partition"::DOUBLE, epoch::DOUBLE, "offset"::DOUBLE FROM positions',
    );
    this.#positions = new Map();
    for (const [partition, epoch, offset] of rows.getRows() as [number, number, number][]) {
      this.#positions.set(partition, { partition, epoch, offset });
    }
    const last = await writer.runAndReadAll('SELECT coalesce(max(seq), 0)::DOUBLE FROM observations');
    this.#nextSeq = Number(last.getRows()[0]?.[0]) + 1;
  }

  async #checkpoint(): Promise<void> {
    await this.#parts.writer.run('CHECKPOINT');
    this.#commitsSinceCheckpoint = 0;
    this.#durable = [...this.#positions.values()]
      .map(({ partition, offset }) => ({ partition, offset }))
      .sort((a, b) => a.partition - b.partition);
  }

  #walBytes(): number {
    return statSync(`${this.#path}.wal`, { throwIfNoEntry: false })?.size ?? 0;
  }
}
