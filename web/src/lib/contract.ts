import type { AlertEventName, EndReason, Subject } from '../../../src/model/alert.ts';
import type { Text } from '../../../src/model/language.ts';
import type { Level, Rule } from '../../../src/model/rule.ts';

/** What the HTTP interface sends (design section 8): instants are ISO 8601 text. */
export type { Level, Rule, Text };

export interface Status {
  readonly environment: 'actual' | 'exercise' | 'test';
  /** The system's time; of a recording, the recording's time. */
  readonly serverNow: string;
  readonly recording?: {
    readonly name: string;
    readonly startAt: string;
    readonly endAt: string;
    readonly at: string;
    readonly speed: number;
    readonly state: 'playing' | 'finished';
  };
  readonly newestObservedAt: string | null;
  readonly stations: { readonly total: number; readonly silent: readonly SilentStation[] };
  /** When each open alert expires, by its id. */
  readonly expiresAt?: Readonly<Record<string, string>>;
  readonly version: string;
  readonly senderName: string;
  readonly title: string;
}

export interface SilentStation {
  readonly id: string;
  readonly name: string;
  readonly since: string | null;
  readonly quantity?: string;
}

export interface Latest {
  readonly value: number;
  readonly unit: string;
  readonly observedAt: string;
  readonly flag: string;
}

export type HealthState = 'never-heard' | 'silent' | 'late' | 'partial' | 'good';

export interface StationItem {
  readonly id: string;
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly altitude: number | null;
  readonly region: string;
  readonly timeZone: string;
  /** ISO 8601 duration, `PT1H`. */
  readonly interval: string | null;
  readonly latest?: Readonly<Record<string, Latest>>;
  readonly health: {
    readonly state: HealthState;
    readonly since: string | null;
    readonly missing: readonly string[];
  };
}

export interface EvidenceItem {
  readonly expression: string;
  readonly value?: number;
  readonly unit: string;
  readonly threshold: number;
  readonly from: string;
  readonly to: string;
  readonly coverage: number;
  readonly observations: number;
  readonly upperBound?: number;
  readonly stations?: readonly string[];
}

export interface AlertEventItem {
  readonly alert: string;
  readonly revision: number;
  readonly event: AlertEventName;
  readonly endReason?: EndReason;
  readonly rule: string;
  readonly hazard: string;
  readonly subject: Subject;
  readonly level: Level;
  readonly previousLevel?: Level;
  readonly onsetAt: string;
  readonly at: string;
  readonly issuedAt: string;
  readonly late?: true;
  readonly evidence: readonly EvidenceItem[];
}

export interface AlertItem extends AlertEventItem {
  readonly state: string;
  readonly expiresAt: string;
}

export interface AlertDetail extends Omit<AlertItem, 'rule'> {
  readonly history: readonly AlertEventItem[];
  readonly deliveries: readonly { readonly channel: string; readonly state: string; readonly at: string }[];
  readonly station?: StationItem | null;
  readonly rule: AlertRule;
}

/** The rule as `ruleDetail` of the detail answer carries it. */
export interface AlertRule {
  readonly name: string;
  readonly title: Text;
  readonly hazard: string;
  readonly levels: readonly { readonly level: Level; readonly text: string }[];
  readonly instruction: Text;
}

export interface ObservationItem {
  readonly at: string;
  readonly values: Readonly<
    Record<string, { readonly value: number; readonly unit: string; readonly flag: string }>
  >;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}
