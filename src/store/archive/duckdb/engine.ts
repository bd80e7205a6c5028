import { statSync } from 'node:fs';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { AtalaiaError } from '../../../lib/errors.ts';
import type {
  AggregateQuery,
  Aggregates,
  ArchiveMonth,
  Dropped,
  FoundMarks,
  LatestValue,
  MarksQuery,
  NeighbourMark,
  SeriesPoint,
} from '../archive.ts';
import { readAggregates } from './aggregates.ts';
import { exportReadings } from './exports.ts';
import { readMarks, writeMarks } from './marks.ts';
import type {
  ArchiveEvent,
  DropQuery,
  DurablePositions,
  ExportQuery,
  PackedBatch,
  Positions,
  SeriesQuery,
} from './protocol.ts';
import { readLatest, readSeries } from './queries.ts';
import { openRecovering } from './recovery.ts';
import { deleteMonths, monthsToDrop, readKeptFrom, readMonths } from './retention.ts';
import { migrate } from './schema.ts';
import { summarise } from './summaries.ts';
import { type CommitPlan, type Position, planCommit, planEffects, writeCommit } from './writes.ts';

/** A checkpoint is taken when the write-ahead log has this size, or after this many commits. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024;
const CHECKPOINT_COMMITS = 256;
/** Latest values, hours and days are brought up when so many rows are not in them; readers take the rest from the rows. */
const SUMMARISE_ROWS = 250_000;
/** The same, when somebody asks for hours. */
const SUMMARISE_ROWS_READ = 50_000;

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
  /** First row that is not in the summaries. */
  #pendingFrom = 1;
  /** Readings before it were dropped, epoch ms. */
  #keptFrom = Number.MIN_SAFE_INTEGER;
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
      await engine.#summarise();
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
      await this.#transaction(async (writer) => {
        this.#nextSeq = await writeCommit(writer, plan, this.#nextSeq);
      });
      for (const position of plan.positions) this.#positions.set(position.partition, position);
      this.#commitsSinceCheckpoint++;
      // The commit stands; what fails from here on is tried again after the next one.
      if (this.#nextSeq - this.#pendingFrom >= SUMMARISE_ROWS) await this.#summarise().catch(() => {});
      if (this.#commitsSinceCheckpoint >= CHECKPOINT_COMMITS || this.#walBytes() >= CHECKPOINT_BYTES) {
        await this.#checkpoint().catch(() => {});
      }
      return null;
    });
  }

  async #transaction(work: (writer: DuckDBConnection) => Promise<void>): Promise<void> {
    const { writer } = this.#parts;
    await writer.run('BEGIN');
    try {
      await work(writer);
      await writer.run('COMMIT');
    } catch (error) {
      // COMMIT may have failed before or after it was durable: the tables decide.
      await writer.run('ROLLBACK').catch(() => {});
      await this.#load();
      throw error;
    }
  }

  async #summarise(): Promise<void> {
    const next = this.#nextSeq;
    if (next === this.#pendingFrom) return;
    await this.#transaction((writer) => summarise(writer, this.#pendingFrom, next, this.#keptFrom));
    this.#pendingFrom = next;
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
    return this.#reading(() => readLatest(this.#parts.reader, this.#pendingFrom));
  }

  series(query: SeriesQuery): Promise<readonly SeriesPoint[]> {
    return this.#reading(() => readSeries(this.#parts.reader, query));
  }

  /** Brings the summaries up first where many rows are not in them: to group those costs more, and again with each question. */
  async aggregates(query: AggregateQuery): Promise<Aggregates> {
    if (this.#nextSeq - this.#pendingFrom >= SUMMARISE_ROWS_READ)
      await this.#exclusively(() => this.#summarise()).catch(() => {});
    return this.#apart((connection) => readAggregates(connection, query, this.#pendingFrom, this.#keptFrom));
  }

  export(query: ExportQuery): Promise<{ readonly rows: number }> {
    return this.#apart((connection) => exportReadings(connection, query));
  }

  keepMarks(found: FoundMarks): Promise<null> {
    return this.#exclusively(async () => {
      await this.#transaction((writer) => writeMarks(writer, found));
      return null;
    });
  }

  marks(query: MarksQuery): Promise<readonly NeighbourMark[]> {
    return this.#reading(() => readMarks(this.#parts.reader, query));
  }

  months(): Promise<readonly ArchiveMonth[]> {
    return this.#apart((connection) => readMonths(connection));
  }

  /** The summaries are brought up first: they are made of rows that go now. */
  dropBefore({ instant, marks }: DropQuery): Promise<Dropped> {
    return this.#exclusively(async () => {
      const { writer } = this.#parts;
      const months = monthsToDrop(await readMonths(writer), instant, marks);
      const last = months.at(-1);
      if (last === undefined) return { months: [], rows: 0 };
      await this.#summarise();
      let rows = 0;
      await this.#transaction(async () => {
        rows = await deleteMonths(writer, last);
      });
      await this.#load();
      // The rows are gone already; their room is given back by this checkpoint or a later one.
      await this.#checkpoint().catch(() => {});
      return { months, rows };
    });
  }

  /** On a connection of its own, so that dashboards do not wait for it. */
  #apart<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    return this.#reading(async () => {
      const connection = await this.#parts.instance.connect();
      try {
        await connection.run("SET TimeZone = 'UTC'");
        return await work(connection);
      } finally {
        connection.closeSync();
      }
    });
  }

  /** Waits for every call begun, brings the summaries up, takes a checkpoint and lets the file go. */
  close(): Promise<null> {
    const closed = this.#exclusively(async () => {
      await Promise.allSettled(this.#reads);
      const { instance, writer, reader } = this.#parts;
      try {
        await this.#summarise();
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
    const pending = await writer.runAndReadAll('SELECT up_to::DOUBLE FROM summarised');
    this.#pendingFrom = Number(pending.getRows()[0]?.[0]);
    // Retention may have taken the newest rows: a number is never given twice.
    this.#nextSeq = Math.max(Number(last.getRows()[0]?.[0]) + 1, this.#pendingFrom);
    this.#keptFrom = await readKeptFrom(writer);
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
