import type { Evidence } from '../model/alert.ts';
import type { Condition, Expression } from '../model/rule.ts';
import { fromCanonical, units } from '../model/unit.ts';
import { evaluateExpression, type Reader } from './truth.ts';

/** Every comparison of a level's condition at one instant, in the order of the rule, with its numbers filled in. */
export function evidenceOf(condition: Condition, reader: Reader, at: number): Evidence[] {
  switch (condition.kind) {
    case 'comparison':
      return [comparisonEvidence(condition, reader, at)];
    case 'silent':
      return [
        {
          expression: condition.text,
          unit: 'h',
          threshold: condition.spanMs / 3_600_000,
          from: at - condition.spanMs,
          to: at,
          coverage: 0,
          observations: 0,
        },
      ];
    case 'not':
      return evidenceOf(condition.term, reader, at);
    default:
      return condition.terms.flatMap((term) => evidenceOf(term, reader, at));
  }
}

const round3 = (value: number): number => {
  const rounded = (Math.sign(value) * Math.round(Math.abs(value) * 1000)) / 1000;
  return rounded === 0 ? 0 : rounded;
};

function comparisonEvidence(
  condition: Condition & { kind: 'comparison' },
  reader: Reader,
  at: number,
): Evidence {
  const threshold = condition.right.kind === 'number' ? condition.right : null;
  const aggregate = firstAggregate(condition.left) ?? firstAggregate(condition.right);
  const spanMs = aggregate?.window.kind === 'sliding' ? aggregate.window.spanMs : 0;
  const window = aggregate ? reader.window(aggregate.quantity, spanMs) : null;
  const left = evaluateExpression(condition.left, reader);
  const unit = threshold?.unit ? units.get(threshold.unit) : undefined;
  const canonical = left.numerator / left.denominator / 1000;
  const isSeen = left.known !== 'nothing' && (window === null || window.count > 0);
  const right = evaluateExpression(condition.right, reader);
  return {
    expression: condition.text,
    ...(isSeen ? { value: round3(unit ? fromCanonical(canonical, unit) : canonical) } : {}),
    unit: threshold?.unit ?? '',
    threshold: threshold ? threshold.value : round3(right.numerator / right.denominator / 1000),
    from: at - spanMs,
    to: at,
    coverage: spanMs > 0 && window ? Math.round((window.coveredMs / spanMs) * 1000) / 1000 : 0,
    observations: window?.count ?? 0,
    ...(window && aggregate?.name === 'sum' && window.uncounted > 0
      ? { upperBound: round3(window.uncountedSum / 1000) }
      : {}),
  };
}

function firstAggregate(expression: Expression): (Expression & { kind: 'aggregate' }) | null {
  if (expression.kind === 'aggregate') return expression;
  if (expression.kind === 'number') return null;
  return firstAggregate(expression.left) ?? firstAggregate(expression.right);
}
