import { quantities } from '../model/quantity.ts';
import type { Condition, Expression, HeldCondition } from '../model/rule.ts';
import { DAY_MS } from '../model/time.ts';
import { units } from '../model/unit.ts';
import { canonicalFraction } from './fraction.ts';
import { ExpressionError } from './lexer.ts';
import { type ParsedCondition, parseHeldCondition } from './parser.ts';
import { printExpression, printWindow } from './print.ts';
import type { Flaw } from './problem.ts';

/** Longest window, hold and silence. */
export const MAX_WINDOW_MS = 31 * DAY_MS;
const SUPPORTED: ReadonlySet<string> = new Set(['sum', 'min', 'max', 'avg', 'count', 'last', 'delta']);

/** `unit` null: a plain number. `scale`: a point on a scale, a difference of two, or whatever the other side is. */
interface Dimension {
  readonly unit: string | null;
  readonly scale: 'point' | 'difference' | 'either';
}

/**
 * Parses and checks one expression text: names, dimensions, supported windows and aggregates, bounds. Thresholds come
 * back as exact fractions of the canonical unit. At most one flaw, its offset counted in `text`.
 */
export function checkExpression(text: string): { held?: HeldCondition; comparisons: number; flaws: Flaw[] } {
  try {
    const parsed = parseHeldCondition(text);
    const checker = new Checker(parsed.places);
    if (parsed.holdMs > MAX_WINDOW_MS) {
      throw new ExpressionError(text.lastIndexOf('for'), 'a hold is at most 31 days');
    }
    const condition = checker.condition(parsed.condition);
    return { held: { condition, holdMs: parsed.holdMs }, comparisons: checker.comparisons, flaws: [] };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { comparisons: 0, flaws: [{ offset: error.offset, message: error.message }] };
  }
}

class Checker {
  readonly places: ParsedCondition['places'];
  comparisons = 0;

  constructor(places: ParsedCondition['places']) {
    this.places = places;
  }

  fail(node: object, message: string): never {
    throw new ExpressionError(this.places.get(node) ?? 0, message);
  }

  condition(condition: Condition): Condition {
    switch (condition.kind) {
      case 'and':
      case 'or':
        return { kind: condition.kind, terms: condition.terms.map((term) => this.condition(term)) };
      case 'not':
        return { kind: 'not', term: this.condition(condition.term) };
      case 'silent':
        this.comparisons += 1;
        if (condition.spanMs > MAX_WINDOW_MS) this.fail(condition, 'silent(…) reaches back at most 31 days');
        return condition;
      case 'comparison':
        return this.comparison(condition);
    }
  }

  private comparison(condition: Extract<Condition, { kind: 'comparison' }>): Condition {
    this.comparisons += 1;
    const { left, right } = condition;
    const a = this.dimension(left);
    const b = this.dimension(right);
    if (!namesQuantity(left) && !namesQuantity(right)) {
      this.fail(condition, `"${condition.text}" names no quantity: it is always true or always false`);
    }
    if (a.unit !== b.unit) this.refuseMix(left, a, right, b, 'compared');
    const scale = common(a, b);
    return { ...condition, left: resolve(left, scale), right: resolve(right, scale) };
  }

  private refuseMix(left: Expression, a: Dimension, right: Expression, b: Dimension, verb: string): never {
    const [bare, other] = a.unit === null ? [left, b] : [right, a];
    if ((a.unit === null || b.unit === null) && bare.kind === 'number') {
      this.fail(bare, `${printExpression(bare)} has no unit; write ${printExpression(bare)} ${other.unit}`);
    }
    const at = namesQuantity(left) ? right : left;
    const name = (unit: string | null) => unit ?? 'a plain number';
    const wanted = (at === right ? a : b).unit;
    const known = [...units.values()].filter((unit) => unit.canonical === wanted).map((unit) => unit.name);
    const remedy = wanted === null ? 'write it without a unit' : `use one of: ${known.join(', ')}`;
    this.fail(
      at,
      `${printExpression(left)} (${name(a.unit)}) and ${printExpression(right)} (${name(b.unit)}) cannot be ${verb}; ${remedy}`,
    );
  }

  private dimension(expression: Expression): Dimension {
    if (expression.kind === 'number') {
      const unit = expression.unit === null ? null : (units.get(expression.unit)?.canonical ?? null);
      return { unit, scale: 'either' };
    }
    return expression.kind === 'aggregate' ? this.aggregate(expression) : this.arithmetic(expression);
  }

  private aggregate(expression: Extract<Expression, { kind: 'aggregate' }>): Dimension {
    const { name, window } = expression;
    const quantity = quantities.get(expression.quantity);
    if (quantity === undefined) return this.fail(expression, `unknown quantity "${expression.quantity}"`);
    if (!SUPPORTED.has(name)) {
      this.fail(expression, `${name}(…) is not supported yet; supported: ${[...SUPPORTED].join(', ')}`);
    }
    if (name === 'sum' && (quantity.kind !== 'interval' || quantity.range.perHour !== true)) {
      this.fail(
        expression,
        `the sum of ${quantity.name} has no meaning: only amounts over an interval add up; use max, min or avg`,
      );
    }
    if (window.kind !== 'sliding') {
      this.fail(
        window,
        `the ${window.kind} window "${printWindow(window)}" is not supported yet; supported: sliding spans such as 1h`,
      );
    }
    if (window.spanMs > MAX_WINDOW_MS)
      this.fail(window, `the window ${printWindow(window)} is too long; at most 31 days (744h)`);
    if (name === 'count') return { unit: null, scale: 'difference' };
    return { unit: quantity.unit, scale: name === 'delta' ? 'difference' : 'point' };
  }

  private arithmetic(expression: Extract<Expression, { kind: 'arithmetic' }>): Dimension {
    const { operator, left, right } = expression;
    const a = this.dimension(left);
    const b = this.dimension(right);
    if (operator === '+' || operator === '-') {
      if (a.unit !== b.unit) this.refuseMix(left, a, right, b, operator === '+' ? 'added' : 'subtracted');
      const points = [a, b].filter(({ scale }) => scale === 'point').length;
      if (operator === '-' && points === 2) return { unit: a.unit, scale: 'difference' };
      return points > 0 ? { unit: a.unit, scale: 'point' } : { unit: a.unit, scale: common(a, b) };
    }
    if (operator === '*') {
      if (a.unit !== null && b.unit !== null)
        this.fail(expression, 'two values with units cannot be multiplied; make one a plain number');
      return a.unit === null ? b : a;
    }
    if (right.kind === 'number' && right.value === 0) this.fail(right, 'division by zero');
    if (b.unit === null) return a;
    if (a.unit !== b.unit) this.refuseMix(left, a, right, b, 'divided');
    return { unit: null, scale: 'difference' };
  }
}

function common(a: Dimension, b: Dimension): Dimension['scale'] {
  return a.scale === 'either' ? b.scale : a.scale;
}

function namesQuantity(expression: Expression): boolean {
  if (expression.kind === 'arithmetic')
    return namesQuantity(expression.left) || namesQuantity(expression.right);
  return expression.kind === 'aggregate';
}

/** Fixes what literals mean: beside a difference 9 °F is 5 °C, beside a temperature -12.78 °C. */
function resolve(expression: Expression, scale: Dimension['scale']): Expression {
  if (expression.kind === 'aggregate') return expression;
  if (expression.kind === 'number') {
    const canonical = canonicalFraction(expression.value, expression.unit, scale === 'difference');
    return canonical === undefined ? expression : { ...expression, canonical };
  }
  const { operator, left, right } = expression;
  const literalOnly = (side: Expression) => !namesQuantity(side);
  const sums = operator === '+' || operator === '-';
  // A literal added to a value is a step on its scale, never a point of it.
  const inner = (side: Expression, other: Expression) =>
    resolve(side, sums && literalOnly(side) && !literalOnly(other) ? 'difference' : scale);
  return { ...expression, left: inner(left, right), right: inner(right, left) };
}
