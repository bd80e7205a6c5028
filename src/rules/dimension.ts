import { type Quantity, quantities } from '../model/quantity.ts';
import type { Expression } from '../model/rule.ts';
import { DAY_MS, SECOND_MS } from '../model/time.ts';
import { SESSION_REACH_MS } from '../stream/window-kinds.ts';
import { canonicalFraction } from './fraction.ts';
import { printExpression, printWindow } from './print.ts';
import { perHour, ruleUnit, unitsOf, YEARS } from './rule-unit.ts';

/** Longest window. */
const MAX_WINDOW_MS = 366 * DAY_MS;
/** Furthest that a rule reads a forecast. */
const MAX_AHEAD_MS = 10 * DAY_MS;
/** Shortest closed window and step: the second, as instants are written. */
const MIN_STEP_MS = SECOND_MS;

/** `unit` null: a plain number. `scale`: a point on a scale, a difference of two, or whatever the other side is. */
export interface Dimension {
  readonly unit: string | null;
  readonly scale: 'point' | 'difference' | 'either';
}

type Aggregate = Extract<Expression, { kind: 'aggregate' }>;

/** Refuses a node of the expression with a message. */
export type Refuse = (node: object, message: string) => never;

/** Aggregates whose value is a step on the quantity's scale, not a point of it. */
const STEPS: ReadonlySet<string> = new Set(['stddev', 'delta', 'rise']);
const RATES: ReadonlySet<string> = new Set(['rate', 'trend']);
/** What has a meaning for an angle that begins again at 360°. */
const ANGULAR: ReadonlySet<string> = new Set(['min', 'max', 'last', 'count']);
/** Aggregates of which a return period can be asked: annual maxima are fitted, so that low extremes have none. */
const EXTREMES: ReadonlySet<string> = new Set(['sum', 'max', 'avg']);

/** Unit and scale of an expression; refuses what has none. */
export function dimensionOf(expression: Expression, refuse: Refuse): Dimension {
  switch (expression.kind) {
    case 'number': {
      const unit = expression.unit === null ? null : (ruleUnit(expression.unit)?.canonical ?? null);
      return { unit, scale: 'either' };
    }
    case 'aggregate':
      return aggregate(expression, refuse);
    case 'forecast':
      return forecast(expression, refuse);
    case 'stations':
      return { unit: expression.measure === 'share' ? '%' : null, scale: 'difference' };
    case 'climatology': {
      const quantity = quantityOf(expression, refuse);
      refuseAngle(expression, 'percentile', quantity, refuse);
      return { unit: unitOf(quantity), scale: 'point' };
    }
    case 'return-period':
      return returnPeriod(expression, refuse);
    case 'arithmetic':
      return arithmetic(expression, refuse);
  }
}

function quantityOf(node: Expression & { quantity: string }, refuse: Refuse): Quantity {
  return quantities.get(node.quantity) ?? refuse(node, `unknown quantity "${node.quantity}"`);
}

/** Indices have no unit: they and their rates an hour are plain numbers. */
const unitOf = ({ unit }: Quantity): string | null => unit || null;

function refuseAngle(node: object, name: string, quantity: Quantity, refuse: Refuse): void {
  if (quantity.unit === '°' && !ANGULAR.has(name)) {
    refuse(
      node,
      `${name} of ${quantity.name} has no meaning: after 359° comes 0°; use ${[...ANGULAR].join(', ')}`,
    );
  }
}

/** A forecast is read as a window of readings is; only its span lies ahead. */
function forecast(expression: Expression & { kind: 'forecast' }, refuse: Refuse): Dimension {
  const { name, quantity, spanMs, text } = expression;
  const window = { kind: 'sliding' as const, spanMs };
  if (spanMs > MAX_AHEAD_MS) refuse(expression, 'a forecast is read at most 10 days (10d) ahead');
  if (quantities.get(quantity)?.derived === 'always')
    refuse(expression, `${quantity} is computed from readings; no forecast has it`);
  return aggregate({ kind: 'aggregate', name, quantity, window, text }, (_, message) =>
    refuse(expression, message),
  );
}

function aggregate(expression: Aggregate, refuse: Refuse): Dimension {
  const { name } = expression;
  const quantity = quantityOf(expression, refuse);
  if (name === 'sum' && (quantity.kind !== 'interval' || quantity.range.perHour !== true)) {
    refuse(
      expression,
      `the sum of ${quantity.name} has no meaning: only amounts over an interval add up; use max, min or avg`,
    );
  }
  refuseAngle(expression, name, quantity, refuse);
  refuseWindow(expression, refuse);
  if (name === 'count') return { unit: null, scale: 'difference' };
  const unit = unitOf(quantity);
  if (RATES.has(name)) return { unit: unit && perHour(unit), scale: 'difference' };
  return { unit, scale: STEPS.has(name) ? 'difference' : 'point' };
}

function refuseWindow({ name, window }: Aggregate, refuse: Refuse): void {
  const shown = printWindow(window);
  if (window.kind === 'count') {
    const needsTwo = RATES.has(name) || name === 'delta' || name === 'stddev' || name === 'rise';
    if (needsTwo && window.reports < 2) refuse(window, `${name} needs at least 2 reports`);
    return;
  }
  const spanMs = window.kind === 'session' ? window.gapMs : window.spanMs;
  if (window.kind === 'session' && spanMs > SESSION_REACH_MS) {
    refuse(window, `the pause in ${shown} is too long; at most 7 days, as far as a session is kept`);
  }
  if (spanMs > MAX_WINDOW_MS) refuse(window, `the window ${shown} is too long; at most 366 days (366d)`);
  if (window.kind === 'sliding' || window.kind === 'session') return;
  const everyMs = window.kind === 'hopping' ? window.everyMs : window.spanMs;
  if (everyMs < MIN_STEP_MS)
    refuse(window, `the window ${shown} moves too often; at most once a second (1s)`);
  if (everyMs > spanMs) {
    refuse(window, `the window ${shown} leaves readings out; its "every" is at most as long as the window`);
  }
}

function returnPeriod(expression: Extract<Expression, { kind: 'return-period' }>, refuse: Refuse): Dimension {
  const { of } = expression;
  if (of.kind !== 'aggregate' || !EXTREMES.has(of.name) || 'reports' in of.window || 'gapMs' in of.window) {
    refuse(
      expression,
      `returnPeriod takes one ${[...EXTREMES].join(', ')} over a span, as in returnPeriod(sum(rainfall, 24h)) >= 10 years`,
    );
  }
  dimensionOf(of, refuse);
  return { unit: YEARS, scale: 'difference' };
}

function arithmetic(expression: Extract<Expression, { kind: 'arithmetic' }>, refuse: Refuse): Dimension {
  const { operator, left, right } = expression;
  const a = dimensionOf(left, refuse);
  const b = dimensionOf(right, refuse);
  if (operator === '+' || operator === '-') {
    if (a.unit !== b.unit)
      refuseMix([left, a], [right, b], operator === '+' ? 'added' : 'subtracted', refuse);
    const points = [a, b].filter(({ scale }) => scale === 'point').length;
    if (operator === '-' && points === 2) return { unit: a.unit, scale: 'difference' };
    return points > 0 ? { unit: a.unit, scale: 'point' } : { unit: a.unit, scale: commonScale(a, b) };
  }
  if (operator === '*') {
    if (a.unit !== null && b.unit !== null)
      refuse(expression, 'two values with units cannot be multiplied; make one a plain number');
    return a.unit === null ? b : a;
  }
  if (right.kind === 'number' && right.value === 0) refuse(right, 'division by zero');
  if (b.unit === null) return a;
  if (a.unit !== b.unit) refuseMix([left, a], [right, b], 'divided', refuse);
  return { unit: null, scale: 'difference' };
}

/** Refuses two sides of other dimensions, at the side to change and with the units that would fit. */
export function refuseMix(
  [left, a]: readonly [Expression, Dimension],
  [right, b]: readonly [Expression, Dimension],
  verb: string,
  refuse: Refuse,
): never {
  const [bare, other] = a.unit === null ? [left, b] : [right, a];
  if ((a.unit === null || b.unit === null) && bare.kind === 'number') {
    const unit = other.unit === YEARS && bare.value === 1 ? 'year' : other.unit;
    refuse(bare, `${printExpression(bare)} has no unit; write ${printExpression(bare)} ${unit}`);
  }
  const at = readsStations(left) ? right : left;
  const name = (unit: string | null) => unit ?? 'a plain number';
  const wanted = (at === right ? a : b).unit;
  const remedy = wanted === null ? 'write it without a unit' : `use one of: ${unitsOf(wanted).join(', ')}`;
  return refuse(
    at,
    `${printExpression(left)} (${name(a.unit)}) and ${printExpression(right)} (${name(b.unit)}) cannot be ${verb}; ${remedy}`,
  );
}

export const commonScale = (a: Dimension, b: Dimension): Dimension['scale'] =>
  a.scale === 'either' ? b.scale : a.scale;

/** The value depends on what stations send: a comparison without such a side never changes its mind. */
export function readsStations(expression: Expression): boolean {
  if (expression.kind === 'arithmetic')
    return readsStations(expression.left) || readsStations(expression.right);
  return expression.kind !== 'number' && expression.kind !== 'climatology';
}

function isLiteral(expression: Expression): boolean {
  if (expression.kind === 'arithmetic') return isLiteral(expression.left) && isLiteral(expression.right);
  return expression.kind === 'number';
}

/** Fixes what literals mean: beside a difference 9 °F is 5 °C, beside a temperature -12.78 °C. */
export function resolveLiterals(expression: Expression, scale: Dimension['scale']): Expression {
  if (expression.kind === 'number') {
    const canonical = canonicalFraction(expression.value, expression.unit, scale === 'difference');
    return canonical === undefined ? expression : { ...expression, canonical };
  }
  if (expression.kind !== 'arithmetic') return expression;
  const { operator, left, right } = expression;
  const sums = operator === '+' || operator === '-';
  // A literal added to a value is a step on its scale, never a point of it.
  const inner = (side: Expression, other: Expression) =>
    resolveLiterals(side, sums && isLiteral(side) && !isLiteral(other) ? 'difference' : scale);
  return { ...expression, left: inner(left, right), right: inner(right, left) };
}
