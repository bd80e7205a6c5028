import type { LeaseRow } from '../../store/ledger/coordination.ts';

/** What one member of a group should do next. */
interface Move {
  readonly giveBack: readonly number[];
  readonly take: readonly number[];
}

/**
 * Equal shares with few moves: who holds most keeps the larger share, who holds too many gives the rest back, who holds
 * too few takes what is free. All members decide alike from the same rows; where they saw different ones the leases
 * decide, and the next round evens out what is left.
 * @param members ids of the live members; `me` among them
 * @param rows the leases of the partitions; a partition without one is free
 * @param held what `me` surely holds
 */
export function nextMove(
  me: string,
  members: readonly string[],
  partitions: number,
  rows: ReadonlyMap<number, Pick<LeaseRow, 'owner' | 'isLive'>>,
  held: ReadonlySet<number>,
): Move {
  const counts = new Map(members.map((id) => [id, 0]));
  const free: number[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const row = rows.get(partition);
    const owner = held.has(partition) ? me : row?.isLive ? row.owner : '';
    // A lease of ours that we do not know of: the answer was lost on its way.
    if (owner === '' || (owner === me && !held.has(partition))) free.push(partition);
    else if (counts.has(owner)) counts.set(owner, (counts.get(owner) as number) + 1);
  }
  const ranks = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([id]) => id);
  const place = ranks.indexOf(me);
  const share = Math.floor(partitions / members.length) + (place < partitions % members.length ? 1 : 0);
  const own = [...held].sort((a, b) => a - b);
  if (own.length > share) return { giveBack: own.slice(share), take: [] };
  // Members begin at different places, so that they seldom want the same ones.
  const start = Math.floor((free.length * place) / members.length);
  const wanted = [...free.slice(start), ...free.slice(0, start)];
  return { giveBack: [], take: wanted.slice(0, share - own.length) };
}
