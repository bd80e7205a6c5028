import { AtalaiaError } from '../lib/errors.ts';
import type { Condition, Expression, Level, NumberLiteral, Rule } from '../model/rule.ts';
import { checkExpression } from './check.ts';
import { printHeld } from './print.ts';

type Change = (literal: NumberLiteral) => NumberLiteral;

function inExpression(expression: Expression, change: Change): Expression {
  switch (expression.kind) {
    case 'number':
      return change(expression);
    case 'arithmetic': {
      const left = inExpression(expression.left, change);
      return { ...expression, left, right: inExpression(expression.right, change) };
    }
    case 'stations':
      return { ...expression, where: inCondition(expression.where, change) };
    case 'return-period':
      return { ...expression, of: inExpression(expression.of, change) };
    default:
      return expression;
  }
}

/** A condition with each of its numbers changed, in the order in which they are read. */
function inCondition(condition: Condition, change: Change): Condition {
  switch (condition.kind) {
    case 'comparison': {
      const left = inExpression(condition.left, change);
      return { ...condition, left, right: inExpression(condition.right, change) };
    }
    case 'silent':
      return condition;
    case 'not':
      return { ...condition, term: inCondition(condition.term, change) };
    case 'sequence': {
      const first = inCondition(condition.first, change);
      // biome-ignore lint/suspicious/noThenProperty: the language's word; nothing awaits a condition
      return { ...condition, first, then: inCondition(condition.then, change) };
    }
    default:
      return { ...condition, terms: condition.terms.map((term) => inCondition(term, change)) };
  }
}

/** The numbers that a condition compares with, in the order in which they are read; spans of windows are none. */
export function thresholdsOf(condition: Condition): NumberLiteral[] {
  const found: NumberLiteral[] = [];
  inCondition(condition, (literal) => {
    found.push(literal);
    return literal;
  });
  return found;
}

type Comparison = Extract<Condition, { kind: 'comparison' }>;

function* comparisonsOf(condition: Condition): Generator<Comparison> {
  if (condition.kind === 'comparison') yield condition;
  else if (condition.kind === 'not') yield* comparisonsOf(condition.term);
  else if (condition.kind === 'sequence') {
    yield* comparisonsOf(condition.first);
    yield* comparisonsOf(condition.then);
  } else if (condition.kind !== 'silent') for (const term of condition.terms) yield* comparisonsOf(term);
}

/** The comparison that the `place`-th number (from 0, see {@link thresholdsOf}) stands in. */
export function comparisonAt(condition: Condition, place: number): Comparison | undefined {
  let before = 0;
  for (const one of comparisonsOf(condition)) {
    before += thresholdsOf(one).length;
    if (place < before) return one;
  }
  return undefined;
}

/**
 * The rule with this one level, and in it the `place`-th number (from 0, see {@link thresholdsOf}) replaced by `value`, in
 * the unit that is written there. Its clear condition stays.
 * @throws AtalaiaError `ATL_RULE` when the rule has no such level or number, or the language refuses the value
 */
export function withThreshold(rule: Rule, level: Level, place: number, value: number): Rule {
  const found = rule.levels.find((one) => one.level === level);
  if (found === undefined)
    throw new AtalaiaError(
      'ATL_RULE',
      `${rule.name} has no level ${level}; it has ${rule.levels.map((one) => one.level).join(', ')}.`,
    );
  let seen = -1;
  const changed = inCondition(found.condition, (literal) => {
    seen++;
    return seen === place ? { ...literal, value } : literal;
  });
  if (place < 0 || place > seen)
    throw new AtalaiaError('ATL_RULE', `${rule.name}, ${level}: there are ${seen + 1} numbers in it.`);
  const checked = checkExpression(printHeld({ ...found, condition: changed }), rule.subject);
  if (checked.held === undefined || checked.flaws.length > 0)
    throw new AtalaiaError(
      'ATL_RULE',
      `${rule.name}, ${level}, with ${value}: ${checked.flaws[0]?.message ?? 'not a condition'}.`,
    );
  return { ...rule, levels: [{ level, ...checked.held }] };
}
