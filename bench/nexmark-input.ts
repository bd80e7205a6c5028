import { seededRandom } from '../src/lib/random.ts';

/**
 * Nexmark's event stream (Tucker, Tufte, Papadimos, Maier: NEXMark, a benchmark for queries over data streams, 2002),
 * with the proportions, key ranges, skew and prices of the generator of nexmark/nexmark (commit 6b3646c: GeneratorConfig,
 * BidGenerator, AuctionGenerator, PersonGenerator, PriceGenerator). Columns that no ported query computes with (names,
 * channel, URL, extra) are left out, and so are the fields of persons and auctions: their events only pass by.
 */
export interface NexmarkInput {
  readonly events: number;
  /** Event time, µs from the first event; the generator's out-of-order group is 1, so it ascends. */
  readonly at: Float64Array;
  /** 0 where the event is no bid. */
  readonly auction: Float64Array;
  readonly bidder: Float64Array;
  /** Hundredths of a dollar. */
  readonly price: Float64Array;
}

export interface NexmarkSize {
  readonly events: number;
  /** Events per second of event time; the generator's default is 10,000. */
  readonly rate: number;
  readonly seed: number;
}

const PERSONS = 1;
const AUCTIONS = 3;
const BIDS = 46;
const TOTAL = PERSONS + AUCTIONS + BIDS;
const FIRST_ID = 1000;
const HOT_EVERY = 100;
const HOT_AUCTION_RATIO = 2;
const HOT_BIDDER_RATIO = 4;
const AUCTIONS_IN_FLIGHT = 100;
const ACTIVE_PEOPLE = 1000;
const ID_LEAD = 10;

/** Newest auction (base 0) when event `id` is a bid. */
const lastAuction = (id: number): number => Math.floor(id / TOTAL) * AUCTIONS + AUCTIONS - 1;
/** Newest person (base 0) when event `id` is no person. */
const lastPerson = (id: number): number => Math.floor(id / TOTAL) * PERSONS + PERSONS - 1;

export function nexmarkInput({ events, rate, seed }: NexmarkSize): NexmarkInput {
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const column = (): Float64Array => new Float64Array(events);
  const [at, auction, bidder, price] = [column(), column(), column(), column()];
  const delayUs = 1e6 / rate;
  for (let id = 0; id < events; id++) {
    at[id] = Math.floor(id * delayUs);
    if (id % TOTAL < PERSONS + AUCTIONS) continue;
    const newest = lastAuction(id);
    const oldest = Math.max(newest - AUCTIONS_IN_FLIGHT, 0);
    auction[id] =
      FIRST_ID +
      (below(HOT_AUCTION_RATIO) > 0
        ? Math.floor(newest / HOT_EVERY) * HOT_EVERY
        : oldest + below(newest - oldest + 1 + ID_LEAD));
    const people = lastPerson(id) + 1;
    const active = Math.min(people, ACTIVE_PEOPLE);
    bidder[id] =
      FIRST_ID +
      (below(HOT_BIDDER_RATIO) > 0
        ? Math.floor((people - 1) / HOT_EVERY) * HOT_EVERY + 1
        : people - active + below(active + ID_LEAD));
    price[id] = Math.round(10 ** (random() * 6) * 100);
  }
  return { events, at, auction, bidder, price };
}
