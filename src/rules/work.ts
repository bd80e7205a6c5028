import type { Condition, Expression, Rule, Window } from '../model/rule.ts';
import { HOUR_MS } from '../model/time.ts';
import { SESSION_REACH_MS } from '../stream/window-kinds.ts';
import { conditionsOf } from './reads.ts';

/** Aggregates that sort or sum all readings of a window at every evaluation; sliding windows keep the others. */
const READ_THROUGH: ReadonlySet<string> = new Set(['stddev', 'median', 'percentile', 'rate', 'trend']);
/** Readings read through in the time of a comparison, measured: 0.1 to 0.4 µs against some 3 µs. */
const READINGS_PER_COMPARISON = 8;

function readingsOf(window: Window, intervalMs: number): number {
  if (window.kind === 'count') return window.reports;
  return Math.ceil((window.kind === 'session' ? SESSION_REACH_MS : window.spanMs) / intervalMs);
}

/**
 * Work of evaluating a rule once, in comparisons. A sequence looks at its first condition at every report within its
 * span, so that reports every `intervalMs` multiply it; a condition over the stations of an area is made for each, and a
 * window over an area pools their readings; a window that must be read through counts a comparison for 8 readings.
 */
export function comparisonsOf(rule: Rule, intervalMs: number, areaStations = 1): number {
  const stations = rule.subject === 'area' ? Math.max(1, areaStations) : 1;
  const work = new Work(intervalMs, stations);
  const sum = conditionsOf(rule).reduce((before, condition) => before + work.ofCondition(condition), 0);
  return Math.ceil(sum);
}

class Work {
  readonly #intervalMs: number;
  readonly #areaStations: number;
  /** Stations that a window pools: those of the area, one inside `stations where`. */
  #pooled: number;
  /** Looking back along a sequence: no window is kept up to date there. */
  #isLookingBack = false;

  constructor(intervalMs: number, areaStations: number) {
    this.#intervalMs = intervalMs;
    this.#areaStations = areaStations;
    this.#pooled = areaStations;
  }

  ofCondition(condition: Condition): number {
    switch (condition.kind) {
      case 'comparison':
        return 1 + this.#ofExpression(condition.left) + this.#ofExpression(condition.right);
      case 'silent':
        return this.#pooled;
      case 'not':
        return this.ofCondition(condition.term);
      case 'sequence':
        return this.#ofSequence(condition);
      default:
        return condition.terms.reduce((sum, term) => sum + this.ofCondition(term), 0);
    }
  }

  #ofSequence({ first, then, withinMs }: Extract<Condition, { kind: 'sequence' }>): number {
    const wasLookingBack = this.#isLookingBack;
    this.#isLookingBack = true;
    const once = this.ofCondition(first);
    this.#isLookingBack = wasLookingBack;
    return Math.ceil(withinMs / this.#intervalMs) * once + this.ofCondition(then);
  }

  #ofExpression(expression: Expression): number {
    switch (expression.kind) {
      case 'aggregate': {
        const { name, window } = expression;
        const isKept = window.kind === 'sliding' && !READ_THROUGH.has(name);
        if (isKept && !this.#isLookingBack && this.#pooled === 1) return 0;
        return (this.#pooled * readingsOf(window, this.#intervalMs)) / READINGS_PER_COMPARISON;
      }
      case 'arithmetic':
        return this.#ofExpression(expression.left) + this.#ofExpression(expression.right);
      // The values of one forecast are read through.
      case 'forecast':
        return Math.ceil(expression.spanMs / HOUR_MS) / READINGS_PER_COMPARISON;
      case 'return-period':
        return this.#ofExpression(expression.of);
      case 'stations': {
        const pooled = this.#pooled;
        this.#pooled = 1;
        const one = this.ofCondition(expression.where);
        this.#pooled = pooled;
        return this.#areaStations * one;
      }
      default:
        return 0;
    }
  }
}
