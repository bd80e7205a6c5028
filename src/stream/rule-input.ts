import type { Window } from '../model/rule.ts';

/** A quantity that a rule names, with the windows over it: spans of the sliding ones, and the others. */
export interface RuleInput {
  /** The name of its series. */
  readonly quantity: string;
  readonly spansMs: readonly number[];
  readonly windows: readonly Window[];
}

/** What a rule reads of the forecasts of a quantity: how far ahead. */
export interface ForecastInput {
  readonly quantity: string;
  readonly spanMs: number;
}
