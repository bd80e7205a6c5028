import type { AlertEvent } from './alert.ts';
import { type Level, levelNames } from './rule.ts';

/**
 * A person's order to hold back what matches, for a bounded time. Each matcher that is there must hold; an empty one is
 * not allowed. Instants are epoch ms.
 */
export interface Silence {
  readonly id: string;
  readonly matchers: {
    readonly rule?: readonly string[];
    readonly hazard?: readonly string[];
    /** Ids of areas or codes of regions. */
    readonly area?: readonly string[];
    readonly station?: readonly string[];
    /** The highest level that is held back; red only where it says `red`. */
    readonly level: Level;
  };
  readonly author: string;
  readonly reason: string;
  readonly from: number;
  readonly until: number;
  readonly createdAt: number;
}

/** True when the silence is in force at `at` and holds this event back. `regions`: codes of the subject's regions. */
export function isSilenced(
  { matchers, from, until }: Silence,
  event: AlertEvent,
  regions: readonly string[],
  at: number,
): boolean {
  if (at < from || at >= until) return false;
  if (levelNames.indexOf(event.level) > levelNames.indexOf(matchers.level)) return false;
  const { kind, id } = event.subject;
  const areas = kind === 'area' ? [id, ...regions] : regions;
  return (
    (matchers.rule?.includes(event.rule) ?? true) &&
    (matchers.hazard?.includes(event.hazard) ?? true) &&
    (matchers.station === undefined || (kind === 'station' && matchers.station.includes(id))) &&
    (matchers.area === undefined || areas.some((code) => matchers.area?.includes(code)))
  );
}
