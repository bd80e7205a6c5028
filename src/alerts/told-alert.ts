import type { PeopleChanges } from '../model/act.ts';
import type { EndReason } from '../model/alert.ts';
import type { Review } from '../model/rule.ts';

/** What has been told of an alert so far. Levels are indexes into the rule's levels; instants epoch ms. */
export interface ToldAlert {
  readonly id: string;
  readonly revision: number;
  readonly level: number;
  readonly levelSinceAt: number;
  readonly onsetAt: number;
  /** Onset when it was first raised: of what its id is made. */
  readonly firstOnsetAt: number;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly state: 'active' | 'unverified' | 'ended';
  readonly endReason: EndReason | null;
  /** Event time of the end; 0 while open. */
  readonly endedAt: number;
  readonly people?: PeopleChanges;
  /** What of it is public; without it all is. */
  readonly publication?: Publication;
}

/** What the public knows of an alert whose rule asks for review, and what waits for approval. */
export interface Publication {
  /** Level of the newest public revision, an index into the rule's levels; -1: the public knows of none that stands. */
  readonly level: number;
  /** It ended before the public ever heard of it. */
  readonly isUnseen?: true;
  /** What people had changed of it then. */
  readonly people?: PeopleChanges;
  readonly draft?: PendingDraft;
}

export interface PendingDraft {
  readonly sinceAt: number;
  readonly dueAt: number;
  readonly onTimeout: Review['onTimeout'];
  readonly overdue: number;
  readonly authors: readonly string[];
  /** A person changed text or area: what the rule repeats waits with it. */
  readonly isEdit: boolean;
}
