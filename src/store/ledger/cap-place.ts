import { AtalaiaError } from '../../lib/errors.ts';

/** Where a page of CAP messages goes on: when the last was made and its number; nulls from the newest on. Throws ATL_USAGE. */
export function capPlace(before: string | undefined): readonly [number | null, number | null] {
  if (before === undefined) return [null, null];
  const match = /^(\d{1,15})\.(\d{1,15})$/.exec(before);
  if (match) return [Number(match[1]), Number(match[2])];
  throw new AtalaiaError(
    'ATL_USAGE',
    'Query `before` is no place in the feed. Follow its link `next`, or leave it out.',
  );
}
