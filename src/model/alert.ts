import type { EditedArea, RevisionAct } from './act.ts';
import type { WrittenText } from './language.ts';
import type { Level, Review, Rule } from './rule.ts';
import type { Subject } from './subject.ts';

export const alertEventNames = [
  'raised',
  'escalated',
  'de-escalated',
  'updated',
  'unverified',
  'verified',
  'ended',
] as const;
export type AlertEventName = (typeof alertEventNames)[number];
export const endReasons = ['cleared', 'cancelled', 'expired', 'withdrawn', 'merged'] as const;
export type EndReason = (typeof endReasons)[number];

/** One comparison with its numbers filled in; instants are epoch ms here and text on the wire. */
export interface Evidence {
  /** The comparison as written in the rule. */
  readonly expression: string;
  /** In `unit`, the unit of the threshold; absent when no reading is there. */
  readonly value?: number;
  readonly unit: string;
  readonly threshold: number;
  readonly from: number;
  readonly to: number;
  readonly coverage: number;
  readonly observations: number;
  /** Sum of readings that overlap the window in part: the value could be this much higher. */
  readonly upperBound?: number;
  readonly stations?: readonly string[];
  /** The value is forecast, not observed; null: no forecast young enough was known. */
  readonly forecast?: EvidenceForecast | null;
}

/** The forecast that a comparison read. */
export interface EvidenceForecast {
  readonly issuer: string;
  readonly issuedAt: number;
}

/** One revision of an alert: the contract's alert event (design section 8). */
export interface AlertEvent {
  readonly alert: string;
  readonly revision: number;
  readonly event: AlertEventName;
  readonly endReason?: EndReason;
  readonly rule: string;
  readonly hazard: string;
  readonly subject: Subject;
  readonly level: Level;
  readonly previousLevel?: Level;
  readonly onsetAt: number;
  readonly at: number;
  readonly issuedAt: number;
  readonly late?: true;
  /** Without forecasts its condition would not hold: it tells what is expected, not what was observed. */
  readonly forecast?: true;
  readonly evidence: readonly Evidence[];
}

/** The fold's effect for one revision: the event and what the texts, CAP and expiry need beside it. */
export interface AlertRevision {
  readonly event: AlertEvent;
  readonly ruleSet: string;
  /** Of an alert that a person raised: what stands in the place of a rule. */
  readonly rule?: Rule;
  readonly expiresAt: number;
  readonly unverified: boolean;
  /** The instant when the present level began (event time). */
  readonly levelSinceAt: number;
  /** The act of a person that made this revision. */
  readonly act?: RevisionAct;
  /** What people put in place of the rule's instruction, and of its area. */
  readonly text?: WrittenText;
  readonly area?: EditedArea;
  /** The public is not told of this revision. */
  readonly draft?: Draft;
  /** Nobody approved it within the time that the rule gives: it was published all the same. */
  readonly publishedBy?: 'timeout';
}

/** Why the public is not told of a revision, and what it waits for. */
export interface Draft {
  /** False: nobody is asked any more; it was rejected, or ended before anybody approved it. */
  readonly waits: boolean;
  /** Since when it waits, until when, epoch ms, and what happens then. */
  readonly sinceAt?: number;
  readonly dueAt?: number;
  readonly onTimeout?: Review['onTimeout'];
  /** How often the time has run out. */
  readonly overdue?: number;
  /** Who wrote it: they cannot approve it. */
  readonly authors: readonly string[];
}
