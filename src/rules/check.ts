import type { Condition, Expression, HeldCondition, Rule } from '../model/rule.ts';
import { DAY_MS } from '../model/time.ts';
import { commonScale, dimensionOf, readsStations, refuseMix, resolveLiterals } from './dimension.ts';
import { ExpressionError } from './lexer.ts';
import { parseHeldCondition } from './parser.ts';
import type { Flaw } from './problem.ts';

/** Longest hold, silence, `within` and expiry. */
export const MAX_HOLD_MS = 31 * DAY_MS;

export interface CheckedExpression {
  /** There only when there is no flaw. */
  readonly held?: HeldCondition;
  readonly comparisons: number;
  /** Nodes of the tree: conditions, values, numbers. */
  readonly terms: number;
  readonly flaws: Flaw[];
}

/**
 * Parses and checks one expression text: names, dimensions, windows, bounds, and what a rule over `subject` may ask.
 * Thresholds come back as exact fractions of the canonical unit. At most one flaw, its offset counted in `text`.
 */
export function checkExpression(text: string, subject: Rule['subject'] = 'station'): CheckedExpression {
  try {
    const parsed = parseHeldCondition(text);
    const checker = new Checker(parsed.places, subject);
    if (parsed.holdMs > MAX_HOLD_MS)
      throw new ExpressionError(text.lastIndexOf('for'), 'a hold is at most 31 days');
    const condition = checker.condition(parsed.condition);
    const { comparisons, terms } = checker;
    return { held: { condition, holdMs: parsed.holdMs }, comparisons, terms, flaws: [] };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { comparisons: 0, terms: 0, flaws: [{ offset: error.offset, message: error.message }] };
  }
}

class Checker {
  readonly #places: Map<object, number>;
  readonly #subject: Rule['subject'];
  #isInStations = false;
  #isInSequence = false;
  comparisons = 0;
  terms = 0;

  constructor(places: ReadonlyMap<object, number>, subject: Rule['subject']) {
    this.#places = new Map(places);
    this.#subject = subject;
  }

  readonly fail = (node: object, message: string): never => {
    throw new ExpressionError(this.#places.get(node) ?? 0, message);
  };

  condition(condition: Condition): Condition {
    this.terms += 1;
    switch (condition.kind) {
      case 'and':
      case 'or':
        return { kind: condition.kind, terms: condition.terms.map((term) => this.condition(term)) };
      case 'not':
        return { kind: 'not', term: this.condition(condition.term) };
      case 'silent':
        this.comparisons += 1;
        if (this.#isInSequence)
          this.fail(
            condition,
            'silent(…) cannot stand in a sequence: silence follows the clock, a sequence the readings; join them with "and" or "or" outside',
          );
        if (condition.spanMs > MAX_HOLD_MS) this.fail(condition, 'silent(…) reaches back at most 31 days');
        return condition;
      case 'sequence':
        if (condition.withinMs > MAX_HOLD_MS) this.fail(condition, 'a sequence spans at most 31 days');
        return this.#sequence(condition);
      case 'comparison':
        return this.#comparison(condition);
    }
  }

  #sequence(condition: Extract<Condition, { kind: 'sequence' }>): Condition {
    const isOuter = !this.#isInSequence;
    this.#isInSequence = true;
    const first = this.condition(condition.first);
    const last = this.condition(condition.then);
    if (isOuter) this.#isInSequence = false;
    // biome-ignore lint/suspicious/noThenProperty: the field's name in the rule model.
    return { ...condition, first, then: last };
  }

  #comparison(condition: Extract<Condition, { kind: 'comparison' }>): Condition {
    this.comparisons += 1;
    const left = this.#expression(condition.left);
    const right = this.#expression(condition.right);
    const a = dimensionOf(left, this.fail);
    const b = dimensionOf(right, this.fail);
    if (!readsStations(left) && !readsStations(right)) {
      this.fail(condition, `"${condition.text}" names no quantity: it is always true or always false`);
    }
    if (a.unit !== b.unit) refuseMix([left, a], [right, b], 'compared', this.fail);
    const scale = commonScale(a, b);
    return { ...condition, left: resolveLiterals(left, scale), right: resolveLiterals(right, scale) };
  }

  /** The expression with the conditions inside it checked. */
  #expression(expression: Expression): Expression {
    this.terms += 1;
    if (expression.kind === 'arithmetic') {
      const left = this.#expression(expression.left);
      return this.#moved(expression, { ...expression, left, right: this.#expression(expression.right) });
    }
    if (expression.kind === 'return-period') {
      return this.#moved(expression, { ...expression, of: this.#expression(expression.of) });
    }
    if (expression.kind === 'forecast') this.#forecast(expression);
    if (expression.kind !== 'stations') return expression;
    const call = `${expression.measure}(stations where …)`;
    if (this.#subject === 'station') {
      this.fail(expression, `${call} looks at an area; write "subject: area" in the rule`);
    }
    if (this.#isInStations) {
      this.fail(expression, `${call} cannot stand inside another; its condition is about one station`);
    }
    this.#isInStations = true;
    const where = this.condition(expression.where);
    this.#isInStations = false;
    return this.#moved(expression, { ...expression, where });
  }

  #forecast(expression: Extract<Expression, { kind: 'forecast' }>): void {
    if (this.#subject === 'area')
      this.fail(
        expression,
        'a forecast is read by rules of a station alone; write "subject: station" in the rule',
      );
    if (this.#isInSequence)
      this.fail(expression, 'a forecast cannot stand in a sequence; join it with "and" or "or" outside');
  }

  #moved<T extends Expression>(from: T, to: T): T {
    this.#places.set(to, this.#places.get(from) ?? 0);
    return to;
  }
}
