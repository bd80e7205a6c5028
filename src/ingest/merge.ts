import { AtalaiaError } from '../lib/errors.ts';
import type { Report } from '../model/report.ts';
import { compareReports, type ReportColumns } from './report-columns.ts';

/** One file of a merge. */
export interface MergeSource {
  readonly name: string;
  /** `receivedAt` of its first report as far as known without reading it all, epoch ms. */
  readonly firstAt: number;
  /** All its reports, in any order. */
  load(): Promise<ReportColumns>;
}

interface Cursor {
  readonly blocks: Iterator<readonly Report[]>;
  /** The block it stands in. */
  reports: readonly Report[];
  /** Rank of the source: earlier ones come first among equals. */
  readonly rank: number;
  at: number;
}

const BLOCK = 4096;
const NONE: readonly Report[] = [];

/**
 * Merges sources by (receivedAt, station), stable by the order of sources; each is loaded when the merge reaches it and
 * let go when it ends. Yields blocks that are never empty.
 * @throws AtalaiaError ATL_INPUT when a source holds rows from before its `firstAt` that should have come already
 */
export async function* mergeSorted(sources: readonly MergeSource[]): AsyncGenerator<readonly Report[]> {
  const waiting = sources
    .map((source, rank) => ({ source, rank }))
    .sort((a, b) => a.source.firstAt - b.source.firstAt || a.rank - b.rank);
  const heap: Cursor[] = [];
  let next = 0;
  let last: Report | undefined;
  let block: Report[] = [];
  while (next < waiting.length || heap.length > 0) {
    const top = head(heap[0]);
    const entry = waiting[next];
    if (entry !== undefined && (top === undefined || entry.source.firstAt <= top.receivedAt)) {
      next++;
      const blocks = (await entry.source.load()).sorted().blocks();
      const cursor: Cursor = { blocks, reports: blocks.next().value ?? NONE, rank: entry.rank, at: 0 };
      const first = head(cursor);
      if (first === undefined) continue;
      if (last !== undefined && compareReports(first, last) < 0) {
        throw new AtalaiaError(
          'ATL_INPUT',
          `${entry.source.name} has rows earlier than its first row; sort the file by time.`,
        );
      }
      push(heap, cursor);
      continue;
    }
    last = top as Report;
    block.push(last);
    advance(heap);
    if (block.length === BLOCK) {
      yield block;
      block = [];
    }
  }
  if (block.length > 0) yield block;
}

const head = (cursor: Cursor | undefined): Report | undefined => cursor?.reports[cursor.at];

const before = (a: Cursor, b: Cursor): boolean =>
  (compareReports(head(a) as Report, head(b) as Report) || a.rank - b.rank) < 0;

function push(heap: Cursor[], cursor: Cursor): void {
  let i = heap.push(cursor) - 1;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (!before(heap[i] as Cursor, heap[parent] as Cursor)) return;
    swap(heap, i, parent);
    i = parent;
  }
}

/** Moves the first cursor on and restores the order; a cursor at its end leaves. */
function advance(heap: Cursor[]): void {
  const top = heap[0] as Cursor;
  top.at++;
  if (top.at >= top.reports.length) {
    top.reports = top.blocks.next().value ?? NONE;
    top.at = 0;
  }
  if (top.reports.length === 0) {
    const end = heap.pop() as Cursor;
    if (heap.length === 0) return;
    heap[0] = end;
  }
  for (let i = 0; ; ) {
    const left = 2 * i + 1;
    const right = left + 1;
    let least = i;
    if (left < heap.length && before(heap[left] as Cursor, heap[least] as Cursor)) least = left;
    if (right < heap.length && before(heap[right] as Cursor, heap[least] as Cursor)) least = right;
    if (least === i) return;
    swap(heap, i, least);
    i = least;
  }
}

function swap(heap: Cursor[], a: number, b: number): void {
  const cursor = heap[a] as Cursor;
  heap[a] = heap[b] as Cursor;
  heap[b] = cursor;
}
