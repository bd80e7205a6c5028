import { ReadingSeries } from '../src/stream/series.ts';
import { TimerHeap } from '../src/stream/timers.ts';
import { slidingWindow } from '../src/stream/window.ts';
import type { NexmarkInput } from './nexmark-input.ts';

// Nexmark's q5, q7, q11 and q12 on the engine's own series, windows and timers. A bid is a reading of its key; time is
// in µs (the series does not mind), one more than the event's, for our windows are (from, to] and Nexmark's [from, to).

export const SECOND_US = 1_000_000;
const WINDOW_US = 10 * SECOND_US;
const HOP_US = 2 * SECOND_US;
const GAP_US = 10 * SECOND_US;
const MILLISECOND_US = 1000;

/** A row of a query's result. */
export type Row = readonly number[];
export type Emit = (row: Row) => void;
export type Query = (input: NexmarkInput, emit: Emit) => void;

function seriesOf(keyed: Map<number, ReadingSeries>, key: number): ReadingSeries {
  let series = keyed.get(key);
  if (!series) {
    series = new ReadingSeries(false);
    keyed.set(key, series);
  }
  return series;
}

/** Hot items: the auctions with most bids in the last 10 s, every 2 s. Rows: window end, auction, bids. */
export function q5(input: NexmarkInput, emit: Emit): void {
  const keyed = new Map<number, ReadingSeries>();
  const close = (end: number): void => {
    const counts: [auction: number, bids: number][] = [];
    let most = 0;
    for (const [auction, series] of keyed) {
      series.forget(end - WINDOW_US);
      if (series.length === 0) keyed.delete(auction);
      else {
        const { count } = slidingWindow(series, end, WINDOW_US, false);
        most = Math.max(most, count);
        counts.push([auction, count]);
      }
    }
    for (const [auction, count] of counts) if (count === most) emit([end, auction, count]);
  };
  let end = HOP_US;
  for (let i = 0; i < input.events; i++) {
    const at = (input.at[i] as number) + 1;
    for (; at > end; end += HOP_US) close(end);
    const auction = input.auction[i] as number;
    if (auction > 0) seriesOf(keyed, auction).insert(at, 0, 0, input.price[i] as number);
  }
  // The stream ends: every window that holds a bid closes.
  for (; keyed.size > 0; end += HOP_US) close(end);
}

/** Highest bid of each 10 s; the join keeps a bid of the same price at the very end of the window. Rows: end, at, price. */
export function q7(input: NexmarkInput, emit: Emit): void {
  const bids = new ReadingSeries(false);
  const close = (end: number): void => {
    const { count, max } = slidingWindow(bids, end, WINDOW_US, false);
    // `BETWEEN` takes in the millisecond of the end, too.
    const after = bids.firstAfter(end + MILLISECOND_US);
    if (count > 0)
      for (let i = bids.firstAfter(end - WINDOW_US); i < after; i++)
        if (bids.value(i) === max) emit([end, bids.at(i), max]);
    bids.forget(end);
  };
  let end = WINDOW_US;
  for (let i = 0; i < input.events; i++) {
    const at = (input.at[i] as number) + 1;
    for (; at > end + MILLISECOND_US; end += WINDOW_US) close(end);
    if ((input.auction[i] as number) > 0) bids.insert(at, 0, 0, input.price[i] as number);
  }
  for (; bids.length > 0; end += WINDOW_US) close(end);
}

/** Sessions of a bidder, bids no more than 10 s apart. Rows: bidder, bids, first, end (last + gap). */
export function q11(input: NexmarkInput, emit: Emit): void {
  const keyed = new Map<number, ReadingSeries>();
  const timers = new TimerHeap();
  const fire = (until: number): void => {
    while (timers.nextDueAt < until) {
      const { due, key } = timers.pop() as { due: number; key: string };
      const bidder = Number(key);
      const series = keyed.get(bidder) as ReadingSeries;
      const over = series.newestAt + GAP_US;
      if (over > due) {
        // It went on meanwhile: looked at again when its newest bid is a gap old.
        timers.push(over, key);
        continue;
      }
      const first = series.at(0);
      const { count } = slidingWindow(series, series.newestAt, series.newestAt - first + 1, false);
      emit([bidder, count, first, over]);
      keyed.delete(bidder);
    }
  };
  for (let i = 0; i < input.events; i++) {
    const at = (input.at[i] as number) + 1;
    if (timers.nextDueAt < at) fire(at);
    const bidder = input.bidder[i] as number;
    if (bidder === 0) continue;
    const series = seriesOf(keyed, bidder);
    if (series.length === 0) timers.push(at + GAP_US, String(bidder));
    series.insert(at, 0, 0, 1);
  }
  fire(Number.POSITIVE_INFINITY);
}

/**
 * Bids of a bidder per 10 s of processing time. Ours is the partition clock, which ticks alone move: here it ticks every
 * second at the generator's pace, and a bid counts at the tick before it. Rows: window end, bidder, bids.
 */
export function q12(input: NexmarkInput, emit: Emit): void {
  const keyed = new Map<number, ReadingSeries>();
  let clock = 0;
  let received = 0;
  const close = (end: number): void => {
    for (const [bidder, series] of keyed) {
      const { count } = slidingWindow(series, series.newestAt, WINDOW_US, false);
      emit([end, bidder, count]);
    }
    keyed.clear();
  };
  for (let i = 0; i < input.events; i++) {
    while ((input.at[i] as number) >= clock + SECOND_US) {
      clock += SECOND_US;
      received = 0;
      if (clock % WINDOW_US === 0) close(clock);
    }
    const bidder = input.bidder[i] as number;
    // Bids of one tick are told apart by their order.
    if (bidder > 0) seriesOf(keyed, bidder).insert(clock + ++received, 0, 0, 1);
  }
  close(Math.ceil((clock + 1) / WINDOW_US) * WINDOW_US);
}
