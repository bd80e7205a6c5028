import type { Role } from '../../../src/model/access.ts';
import type { AlertEventName, EndReason } from '../../../src/model/alert.ts';
import type { Text } from '../../../src/model/language.ts';
import type { Level, Rule } from '../../../src/model/rule.ts';
import type { Subject } from '../../../src/model/subject.ts';

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
  readonly counts?: { readonly lagRecords: number };
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

export type HealthState = 'never-heard' | 'silent' | 'late' | 'partial' | 'suspect' | 'good';

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
    /** Quantities whose newest reading did not pass quality control. */
    readonly suspect?: readonly {
      readonly quantity: string;
      readonly flag: string;
      readonly check: string;
      readonly since: string;
      /** Rules count it all the same. */
      readonly isCounted?: true;
    }[];
    /** Quantities with too few neighbours to hold them against. */
    readonly isolated?: readonly string[];
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
  /** The value is forecast, not observed; null: no forecast was young enough. */
  readonly forecast?: { readonly issuer: string; readonly issuedAt: string } | null;
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
  /** Expected, not observed: without forecasts its condition would not hold. */
  readonly forecast?: true;
  readonly evidence: readonly EvidenceItem[];
  readonly draft?: DraftInfo;
  /** Nobody approved it in time. */
  readonly publishedBy?: 'timeout';
}

export interface AlertItem extends AlertEventItem {
  readonly state: string;
  readonly expiresAt: string;
}

/** An item of `GET /api/v1/duty`. */
export type DutyItem = DutyHold | DutySelfTest | DutyDraft | DutyAlert | DutyDelivery | DutyStation;

/** A person holds all sending, or all but red. */
export interface DutyHold {
  readonly kind: 'hold';
  readonly author: string;
  readonly reason: string;
  readonly at: string;
  readonly red: boolean;
  readonly until: string | null;
}

/** The daily test of the channels did not pass, or did not begin. */
export interface DutySelfTest {
  readonly kind: 'self-test';
  readonly state: string;
  readonly detail: string;
  readonly at?: string;
  readonly channels: readonly {
    readonly channel: string;
    readonly state: 'waiting' | 'delivered' | 'late' | 'failed';
    readonly reason?: string;
  }[];
}

/** What waits for approval; the public knows nothing of it. */
export interface DraftInfo {
  readonly waits: boolean;
  readonly sinceAt?: string;
  readonly dueAt?: string;
  readonly onTimeout?: 'publish' | 'escalate';
  readonly overdue?: number;
  /** Whose act it is, and why. */
  readonly by?: { readonly by: string; readonly reason?: string };
  readonly authors: readonly string[];
}

export interface DutyDraft extends AlertItem {
  readonly kind: 'draft';
  readonly draft: DraftInfo;
}

export interface DutyAlert extends AlertItem {
  readonly kind: 'alert';
  readonly levelSinceAt: string;
  /** Nobody has seen it at this level. */
  readonly isWaiting: boolean;
  readonly acknowledged: { readonly by: string; readonly at: string } | null;
  /** All rounds of an escalation are over. */
  readonly isUnanswered?: true;
}

/** An item of `GET /api/v1/on-call`. */
export interface OnCall {
  readonly roster: string;
  readonly name: string;
  readonly to: string;
}

export interface DutyDelivery {
  readonly kind: 'delivery';
  readonly key: string;
  readonly alert: string;
  readonly subscription: string;
  readonly channel: string;
  readonly attempts: number;
  readonly lastError: string | null;
}

export interface DutyStation {
  readonly kind: 'station';
  readonly station: string;
  /** Reports that wait, since when, and the last. */
  readonly reports: number;
  readonly since: string;
  readonly at: string;
  readonly last: {
    readonly observedAt: string;
    readonly values: Readonly<Record<string, { readonly value: number; readonly unit: string }>>;
  } | null;
  /** The last report cannot be read: how long it is, and why. */
  readonly unreadable?: { readonly bytes: number; readonly reason: string };
}

export interface DutyPage extends Page<DutyItem> {
  /** All there is, shown or not. */
  readonly total: {
    readonly alerts: Readonly<Record<Level, number>>;
    readonly deliveries: number;
    readonly stations: number;
  };
}

export interface AlertDetail extends Omit<AlertItem, 'rule'> {
  /** What a person put in place of the instruction. */
  readonly text?: string | Text;
  readonly area?:
    | { readonly radiusKm: number }
    | { readonly polygon: readonly (readonly [number, number])[]; readonly name: string };
  readonly history: readonly AlertEventItem[];
  readonly deliveries: readonly {
    readonly channel: string;
    readonly state: string;
    readonly at: string;
    readonly subscription?: { readonly name: string };
    readonly attempts?: number;
    /** Why it was not delivered, or not yet. */
    readonly lastError?: string;
  }[];
  readonly station?: StationItem | null;
  readonly rule: AlertRule;
  /** What people in the field say of it; only users are told. */
  readonly feedback?: readonly {
    readonly wasReal: 'yes' | 'no' | 'partly';
    readonly note: string;
    readonly by: string;
    readonly at: string;
  }[];
  /** What people did; only users are told. */
  readonly acts?: readonly {
    readonly act: string;
    readonly by: string;
    readonly reason?: string;
    readonly revision: number | null;
  }[];
}

/** The rule as `ruleDetail` of the detail answer carries it. */
export interface AlertRule {
  readonly name: string;
  readonly title: Text;
  readonly hazard: string;
  readonly levels: readonly { readonly level: Level; readonly text: string }[];
  readonly instruction: Text;
  /** A person raised it: nothing was measured. */
  readonly isByHand?: true;
  readonly area?: Rule['area'];
}

/** An alert prepared to be raised by hand. */
export interface TemplateItem {
  readonly name: string;
  readonly title: Text;
  readonly hazard: string;
  readonly level: Level;
  readonly expiresMs: number;
  readonly instruction: Text;
}

export interface ObservationItem {
  readonly at: string;
  readonly values: Readonly<
    Record<
      string,
      {
        readonly value: number;
        readonly unit: string;
        readonly flag: string;
        readonly check?: string;
        /** What neighbouring stations say of its hour. */
        readonly marks?: readonly { readonly check: string }[];
      }
    >
  >;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** Who is signed in, as `GET /session` tells. */
export interface SessionUser {
  readonly name: string;
  readonly role: Role;
  readonly areas: 'all' | readonly string[];
}
