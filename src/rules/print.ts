import type { Condition, Expression, HeldCondition, Window } from '../model/rule.ts';
import { formatSpan } from '../model/time.ts';

/** A window as the language writes it. */
export function printWindow(window: Window): string {
  switch (window.kind) {
    case 'sliding':
      return formatSpan(window.spanMs);
    case 'tumbling':
      return `${formatSpan(window.spanMs)} tumbling`;
    case 'hopping':
      return `${formatSpan(window.spanMs)} every ${formatSpan(window.everyMs)}`;
    case 'session':
      return `session ${formatSpan(window.gapMs)}`;
    case 'count':
      return `${window.reports} reports${window.tumbling === true ? ' tumbling' : ''}`;
  }
}

const binds = (operator: string): number => (operator === '*' || operator === '/' ? 2 : 1);

/** An expression in the language, with no more parentheses than its structure needs. */
export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'number':
      return expression.unit === null ? `${expression.value}` : `${expression.value} ${expression.unit}`;
    case 'aggregate': {
      const percent = expression.percent === undefined ? '' : `${expression.percent}, `;
      return `${expression.name}(${expression.quantity}, ${percent}${printWindow(expression.window)})`;
    }
    case 'forecast':
      return `${expression.name}(forecast(${expression.quantity}, ${formatSpan(expression.spanMs)}))`;
    case 'stations':
      return `${expression.measure}(stations where ${printCondition(expression.where)})`;
    case 'climatology':
      return `percentile(${expression.quantity}, ${expression.percent}, ${expression.by})`;
    case 'return-period':
      return `returnPeriod(${printExpression(expression.of)})`;
    case 'arithmetic':
      return printArithmetic(expression);
  }
}

function printArithmetic(expression: Extract<Expression, { kind: 'arithmetic' }>): string {
  const own = binds(expression.operator);
  const part = (side: Expression, least: number): string => {
    const text = printExpression(side);
    return side.kind === 'arithmetic' && binds(side.operator) < least ? `(${text})` : text;
  };
  return `${part(expression.left, own)} ${expression.operator} ${part(expression.right, own + 1)}`;
}

/** A condition in the language; parsing it gives the same condition back (but for `text`). */
export function printCondition(condition: Condition): string {
  switch (condition.kind) {
    case 'comparison':
      return `${printExpression(condition.left)} ${condition.operator} ${printExpression(condition.right)}`;
    case 'silent': {
      const quantity = condition.quantity === null ? '' : `${condition.quantity}, `;
      return `silent(${quantity}${formatSpan(condition.spanMs)})`;
    }
    case 'not':
      return `not ${grouped(condition.term)}`;
    case 'sequence':
      return `${grouped(condition.first)} then ${grouped(condition.then)} within ${formatSpan(condition.withinMs)}`;
    default:
      return condition.terms.map(grouped).join(` ${condition.kind} `);
  }
}

/** The same with how long it must hold, as levels and `clear` have it. */
export const printHeld = ({ condition, holdMs }: HeldCondition): string =>
  `${printCondition(condition)}${holdMs > 0 ? ` for ${formatSpan(holdMs)}` : ''}`;

const grouped = (condition: Condition): string =>
  condition.kind === 'and' || condition.kind === 'or' || condition.kind === 'sequence'
    ? `(${printCondition(condition)})`
    : printCondition(condition);
