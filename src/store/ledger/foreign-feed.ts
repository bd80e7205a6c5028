import type { Ledger } from './ledger.ts';

/** What is known of a feed of another authority; instants are epoch ms, 0 for never. */
export interface FeedState {
  /** When it was last read, or had not changed. */
  readonly readAt: number;
  /** Messages that its last reading took in, those that were held already included. */
  readonly taken: number;
  /** Messages that it links to and that could not be had. */
  readonly missing: number;
  /** How many of that reading were not taken, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** Senders of that reading that are not on the list. */
  readonly strangers: readonly string[];
  readonly failedAt: number;
  readonly failure: string;
}

export const noFeedState: FeedState = {
  ...{ readAt: 0, taken: 0, missing: 0, refused: {}, strangers: [], failedAt: 0, failure: '' },
};

const keyFor = (feed: string): string => `foreign-feed:${feed}`;

export async function readFeedState(ledger: Pick<Ledger, 'meta'>, feed: string): Promise<FeedState> {
  const text = await ledger.meta(keyFor(feed));
  return text === undefined ? noFeedState : { ...noFeedState, ...(JSON.parse(text) as FeedState) };
}

export async function changeFeedState(
  ledger: Pick<Ledger, 'meta' | 'putMeta'>,
  feed: string,
  change: (before: FeedState) => FeedState,
): Promise<void> {
  await ledger.putMeta(keyFor(feed), JSON.stringify(change(await readFeedState(ledger, feed))));
}
