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
  readonly expiresMs: number;
  readonly area:
    | { readonly kind: 'radius'; readonly km: number }
    | { readonly kind: 'region' }
    | { readonly kind: 'named'; readonly name: string };
  readonly cap: { readonly urgency: string; readonly certainty: string; readonly responseType: string };
  readonly instruction: Text;
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
] as const;
export type AggregateName = (typeof aggregateNames)[number];

export type Window =
  | { readonly kind: 'sliding'; readonly spanMs: number }
  | { readonly kind: 'tumbling'; readonly spanMs: number }
  | { readonly kind: 'hopping'; readonly spanMs: number; readonly everyMs: number }
  | { readonly kind: 'session'; readonly gapMs: number }
  | { readonly kind: 'count'; readonly reports: number };

export type Expression =
  | NumberLiteral
  | {
      readonly kind: 'aggregate';
      readonly name: AggregateName;
      readonly quantity: string;
      readonly window: Window;
      readonly percent?: number;
      readonly text: string;
    }
  | {
      readonly kind: 'arithmetic';
      readonly operator: '+' | '-' | '*' | '/';
      readonly left: Expression;
      readonly right: Expression;
    };

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
