import type { AlertRevision } from '../../model/alert.ts';

/** `seq` orders all revisions; `position` is the SSE id, `partition:offset:index`. */
export interface StoredRevision {
  readonly seq: number;
  readonly position: string;
  readonly revision: AlertRevision;
  readonly state: AlertState;
}

export type AlertState = 'active' | 'unverified' | 'ended';
