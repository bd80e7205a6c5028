import type { DutyAlert } from './contract.ts';

/** What happened on the queue since an instant (epoch ms); the alerts of the first two are told apart in the queue. */
export interface Since {
  readonly raised: readonly string[];
  readonly worse: readonly string[];
  readonly ended: number;
  /** Acknowledged by somebody else: how many, and who. */
  readonly seenBy: readonly string[];
}

type Ended = { readonly issuedAt: string };

/** Compares the queue, and what has ended, with an instant; `me` is who asks, whose own acts are no news. */
export function since(
  at: number,
  alerts: readonly Pick<DutyAlert, 'alert' | 'event' | 'issuedAt' | 'onsetAt' | 'acknowledged'>[],
  ended: readonly Ended[],
  me: string | null,
): Since {
  const isLater = (instant: string): boolean => Date.parse(instant) > at;
  const isNew = (one: (typeof alerts)[number]): boolean =>
    isLater(one.onsetAt) || (one.event === 'raised' && isLater(one.issuedAt));
  const raised = alerts.filter(isNew);
  const worse = alerts.filter((one) => one.event === 'escalated' && isLater(one.issuedAt) && !isNew(one));
  const seen = alerts.flatMap(({ acknowledged }) =>
    acknowledged && isLater(acknowledged.at) && acknowledged.by !== me ? [acknowledged.by] : [],
  );
  return {
    raised: raised.map(({ alert }) => alert),
    worse: worse.map(({ alert }) => alert),
    ended: ended.filter(({ issuedAt }) => isLater(issuedAt)).length,
    seenBy: [...new Set(seen)].sort(),
  };
}

export const isCalm = ({ raised, worse, ended, seenBy }: Since): boolean =>
  raised.length + worse.length + ended + seenBy.length === 0;

/** When a person was last at the duty page: by the system's clock, which a recording has of its own, and by the wall's. */
export interface Look {
  readonly system: number;
  readonly wall: number;
}
/** Away for less than this, nothing is summed up. */
export const AWAY_MS = 5 * 60_000;

/** What was kept of a look; null for whatever cannot be read. */
export function readLook(text: string | null): Look | null {
  try {
    const { system, wall } = JSON.parse(text ?? '') as Record<string, unknown>;
    return typeof system === 'number' && typeof wall === 'number' ? { system, wall } : null;
  } catch {
    return null;
  }
}

/** The instant, of the system's clock, since which a person is told; null: they were never away, or the clock was set back. */
export const awaySince = (last: Look | null, now: Look): number | null =>
  last !== null && now.wall - last.wall >= AWAY_MS && last.system <= now.system ? last.system : null;

/** Lines of at most `most` characters together; what has no room is cut with a mark. */
export function noteOf(lines: readonly string[], most = 2000): string {
  const text = lines.join('\n');
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
