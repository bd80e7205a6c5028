import type { Level } from './contract.ts';

/** The alert that a person looks at, as it was when they chose it. */
export interface Pin {
  readonly alert: string;
  readonly revision: number;
  readonly level: Level;
}

const rank = { yellow: 1, orange: 2, red: 3 } as const;

/** Whether the alert stands at a higher level than the one that was looked at. */
export const hasRisen = (pin: Pin, now: Pin): boolean => rank[now.level] > rank[pin.level];

/**
 * What stays pinned when the queue is read anew. The alert that was looked at stays the chosen one wherever it moves in the
 * queue, and when it is gone nothing takes its place: a key that was meant for it must not meet another. A newer revision
 * is looked at as it is shown, unless its level is higher: that is seen only when the person says so.
 */
export function repin<T extends Pin>(
  pin: Pin | null,
  wanted: string | null,
  order: readonly T[],
): Pin | null {
  const id = wanted ?? pin?.alert ?? order[0]?.alert;
  const now = order.find(({ alert }) => alert === id);
  if (pin && pin.alert === id) {
    if (!now || now.revision === pin.revision || hasRisen(pin, now)) return pin;
    return pinOf(now);
  }
  return now ? pinOf(now) : null;
}

export const pinOf = ({ alert, revision, level }: Pin): Pin => ({ alert, revision, level });
