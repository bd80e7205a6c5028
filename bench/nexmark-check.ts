import type { NexmarkInput } from './nexmark-input.ts';
import { type Query, type Row, SECOND_US } from './nexmark-queries.ts';

// The same queries the slow and plain way, over arrays of bids: what the engine's ports must give.

interface Bid {
  readonly at: number;
  readonly auction: number;
  readonly bidder: number;
  readonly price: number;
}

function bidsOf(input: NexmarkInput): Bid[] {
  const bids: Bid[] = [];
  for (let i = 0; i < input.events; i++) {
    if ((input.auction[i] as number) === 0) continue;
    const [at, auction, bidder, price] = [input.at[i], input.auction[i], input.bidder[i], input.price[i]];
    bids.push({
      at: at as number,
      auction: auction as number,
      bidder: bidder as number,
      price: price as number,
    });
  }
  return bids;
}

function countBy(bids: readonly Bid[], key: (bid: Bid) => number): Map<number, number> {
  const counts = new Map<number, number>();
  for (const bid of bids) counts.set(key(bid), (counts.get(key(bid)) ?? 0) + 1);
  return counts;
}

const q5: Query = (input, emit) => {
  const bids = bidsOf(input);
  const last = bids.at(-1)?.at ?? 0;
  for (let end = 2 * SECOND_US; end - 10 * SECOND_US <= last; end += 2 * SECOND_US) {
    const inside = bids.filter(({ at }) => at >= end - 10 * SECOND_US && at < end);
    const counts = countBy(inside, ({ auction }) => auction);
    const most = Math.max(0, ...counts.values());
    for (const [auction, count] of counts) if (count === most) emit([end, auction, count]);
  }
};

const q7: Query = (input, emit) => {
  const bids = bidsOf(input);
  const last = bids.at(-1)?.at ?? 0;
  const ms = (us: number): number => Math.floor(us / 1000);
  for (let end = 10 * SECOND_US; end - 10 * SECOND_US <= last; end += 10 * SECOND_US) {
    const prices = bids.filter(({ at }) => at >= end - 10 * SECOND_US && at < end).map(({ price }) => price);
    const max = prices.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    for (const { at, price } of bids)
      if (price === max && ms(at) >= ms(end - 10 * SECOND_US) && ms(at) <= ms(end)) emit([end, at + 1, max]);
  }
};

const q11: Query = (input, emit) => {
  for (const bidder of new Set(bidsOf(input).map((bid) => bid.bidder))) {
    const times = bidsOf(input)
      .filter((bid) => bid.bidder === bidder)
      .map(({ at }) => at + 1);
    let first = 0;
    times.forEach((at, i) => {
      if (i + 1 < times.length && (times[i + 1] as number) - at <= 10 * SECOND_US) return;
      emit([bidder, i + 1 - first, times[first] as number, at + 10 * SECOND_US]);
      first = i + 1;
    });
  }
};

const q12: Query = (input, emit) => {
  const windowOf = ({ at }: Bid): number => Math.floor(at / (10 * SECOND_US));
  const bids = bidsOf(input);
  for (const window of new Set(bids.map(windowOf))) {
    const inside = bids.filter((bid) => windowOf(bid) === window);
    for (const [bidder, count] of countBy(inside, (bid) => bid.bidder))
      emit([(window + 1) * 10 * SECOND_US, bidder, count]);
  }
};

export const plainQueries: Readonly<Record<string, Query>> = { q5, q7, q11, q12 };

/** The rows of a query, sorted, so that two ways can be compared. */
export function rowsOf(query: Query, input: NexmarkInput): readonly string[] {
  const rows: Row[] = [];
  query(input, (row) => rows.push(row));
  return rows.map((row) => row.join(' ')).sort();
}
