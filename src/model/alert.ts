import type { Level } from './rule.ts';

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

export interface Subject {
  readonly kind: 'station' | 'area';
  readonly id: string;
}

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
  readonly evidence: readonly Evidence[];
}

/** The fold's effect for one revision: the event and what the texts, CAP and expiry need beside it. */
export interface AlertRevision {
  readonly event: AlertEvent;
  readonly ruleSet: string;
  readonly expiresAt: number;
  readonly unverified: boolean;
  /** The instant when the present level began (event time). */
  readonly levelSinceAt: number;
}
