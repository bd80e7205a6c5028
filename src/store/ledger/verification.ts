import { createHash } from 'node:crypto';
import type { Feedback, ObservedEvent } from '../../model/observed-event.ts';
import type { StoredRevision } from './stored-revision.ts';

/** Which events: those that touch [from, to). Newest first; `before` is the id of one: those that come after it. */
export interface ObservedFilter {
  readonly from?: number;
  readonly to?: number;
  readonly hazard?: string;
  readonly before?: string;
  readonly limit: number;
}

/** What happened, and what people say of alerts. Part of the ledger port. */
export interface VerificationStore {
  /** Adds events in one transaction; one whose id is there stays as it is. Returns how many were added. */
  putObserved(events: readonly ObservedEvent[]): Promise<number>;
  observed(filter: ObservedFilter): Promise<readonly ObservedEvent[]>;
  /** False: there is no such event. */
  dropObserved(id: string): Promise<boolean>;
  putFeedback(feedback: Feedback): Promise<void>;
  /** Of these alerts, in the order in which it came. */
  feedback(alerts: readonly string[]): Promise<readonly Feedback[]>;
  /** All revisions of these alerts, by alert and revision. */
  histories(alerts: readonly string[]): Promise<readonly StoredRevision[]>;
}

/** Names an event by what it says, so that a report that comes twice is one. */
export function observedId({ hazard, place, level, from, to, source }: Omit<ObservedEvent, 'id'>): string {
  const where = 'area' in place ? [place.area] : [place.latitude, place.longitude, place.km];
  const text = JSON.stringify([hazard, where, level ?? null, from, to, source]);
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}
