import type { Text } from './language.ts';

/** A rule as checked data: plain JSON, the input of evaluation, explanation and texts alike. */
export interface Rule {
  readonly name: string;
  readonly title: Text;
  /** Key of the hazard table. */
  readonly hazard: string;
  readonly subject: 'station' | 'area';
  /** Ascending: yellow before orange before red; at least one. */
  readonly levels: readonly RuleLevel[];
  readonly clear: HeldCondition | null;
  /** 0..1: below it a window's result is unknown unless a bound decides. Default 0.8. */
  readonly coverage: number;
  /** It counts suspect readings, too; without it good ones alone. */
  readonly quality?: 'suspect';
  readonly expiresMs: number;
  readonly area:
    | { readonly kind: 'radius'; readonly km: number }
    | { readonly kind: 'region' }
    | { readonly kind: 'named'; readonly name: string };
  readonly cap: { readonly urgency: string; readonly certainty: string; readonly responseType: string };
  readonly instruction: Text;
  /** Who lets its alerts out; automatic without it. `never`: the public never hears of them (the system's test of itself). */
  readonly publication?: 'automatic' | 'never' | Review;
  /** How often it may cry wolf before its author is warned; nothing in the fold reads it. */
  readonly budget?: { readonly falseAlarmsPerYear: number };
}

/** Alerts of these levels wait for a second person before the public hears of them. */
export interface Review {
  readonly levels: readonly Level[];
  /** How long they wait, ms of the partition clock. */
  readonly withinMs: number;
  /** Then: they are published, or those who approve are told again, and so on. */
  readonly onTimeout: 'publish' | 'escalate';
}

export const levelNames = ['yellow', 'orange', 'red'] as const;
export type Level = (typeof levelNames)[number];

export interface HeldCondition {
  readonly condition: Condition;
  /** How long it must hold; 0 = at once. */
  readonly holdMs: number;
}
export interface RuleLevel extends HeldCondition {
  readonly level: Level;
}

export type ComparisonOperator = '>' | '>=' | '<' | '<=' | '=' | '!=';

export type Condition =
  | {
      readonly kind: 'comparison';
      readonly operator: ComparisonOperator;
      readonly left: Expression;
      readonly right: Expression;
      readonly text: string;
    }
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Condition[] }
  | { readonly kind: 'not'; readonly term: Condition }
  | {
      readonly kind: 'silent';
      readonly quantity: string | null;
      readonly spanMs: number;
      readonly text: string;
    }
  /** True at an instant at which `then` is true and `first` was true at an evaluation in [instant - within, instant). */
  | {
      readonly kind: 'sequence';
      readonly first: Condition;
      readonly then: Condition;
      readonly withinMs: number;
      readonly text: string;
    };

export const aggregateNames = [
  'sum',
  'min',
  'max',
  'avg',
  'count',
  'stddev',
  'median',
  'percentile',
  'last',
  'delta',
  'rate',
  'trend',
  'rise',
] as const;
export type AggregateName = (typeof aggregateNames)[number];

/** Aggregates that a forecast can be asked for. */
export const forecastAggregates = ['sum', 'min', 'max', 'avg'] as const;
export type ForecastAggregate = (typeof forecastAggregates)[number];

/**
 * What an aggregate looks at, at an instant t.
 * - sliding: (t - span, t].
 * - tumbling: the newest closed window ((k - 1) span, k span] with k span <= t, aligned to the epoch; a span of whole days
 *   is aligned to the station's local midnight, so that a day has 23, 24 or 25 hours.
 * - hopping: the newest closed window (k every - span, k every] with k every <= t.
 * - session: the run of readings up to t without a gap longer than `gap`; over as soon as t is more than `gap` past its last.
 * - count: the last n readings up to t; tumbling: the newest full group of n, counted from the first reading kept of the
 *   local day.
 */
export type Window =
  | { readonly kind: 'sliding'; readonly spanMs: number }
  | { readonly kind: 'tumbling'; readonly spanMs: number }
  | { readonly kind: 'hopping'; readonly spanMs: number; readonly everyMs: number }
  | { readonly kind: 'session'; readonly gapMs: number }
  | { readonly kind: 'count'; readonly reports: number; readonly tumbling?: true };

export type Expression =
  | NumberLiteral
  | {
      readonly kind: 'aggregate';
      readonly name: AggregateName;
      readonly quantity: string;
      readonly window: Window;
      readonly percent?: number;
      readonly text: string;
      /** It reads suspect readings, too: in the rules that the fold compiles. */
      readonly accepts?: 'suspect';
    }
  | {
      readonly kind: 'arithmetic';
      readonly operator: '+' | '-' | '*' | '/';
      readonly left: Expression;
      readonly right: Expression;
    }
  /** Of the area's stations that are not silent, how many hold the condition: a number, or a share in %. Area rules only. */
  | {
      readonly kind: 'stations';
      readonly measure: 'count' | 'share';
      readonly where: Condition;
      readonly text: string;
    }
  /** What the newest forecast issued by an instant t says of (t, t + span]: by the station's own rules alone. */
  | {
      readonly kind: 'forecast';
      readonly name: ForecastAggregate;
      readonly quantity: string;
      readonly spanMs: number;
      readonly text: string;
    }
  /** A value of the climatology table of the subject: the percentile of a quantity for the day of the year. */
  | {
      readonly kind: 'climatology';
      readonly quantity: string;
      readonly percent: number;
      readonly by: 'day-of-year';
      readonly text: string;
    }
  /** Return period, years, of an aggregate's value by the fitted extremes of the climatology table. */
  | { readonly kind: 'return-period'; readonly of: Expression; readonly text: string };

/** A number with its unit as written, and the same in the canonical unit as an exact fraction of integers. */
export interface NumberLiteral {
  readonly kind: 'number';
  readonly value: number;
  readonly unit: string | null;
  readonly canonical: { readonly numerator: number; readonly denominator: number };
}

/** Rules that are in force together, named by the SHA-256 of their canonical JSON. */
export interface RuleSet {
  readonly rules: readonly Rule[];
}
