import type { Evidence, EvidenceForecast } from '../model/alert.ts';
import { fromScaled, quantities, toScaled } from '../model/quantity.ts';
import type { Condition, Expression, Window } from '../model/rule.ts';
import { inLiteralUnit } from '../rules/fraction.ts';
import { seriesName } from './accepted-series.ts';
import type { Aggregate } from './aggregate.ts';
import type { ForecastWindow } from './forecasts.ts';
import { compileCondition, evaluateExpression, lastTrue, type Reader, type StationCount } from './truth.ts';
import type { WindowStatistics } from './window.ts';

/**
 * Every comparison of a level's condition at one instant, in the order of the rule, with its numbers filled in. Of a
 * sequence, what came first is shown as it was at the newest instant at which it was true.
 */
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
    case 'sequence': {
      const { reader: before } = lastTrue(compileCondition(condition.first), reader, condition.withinMs);
      const first = before
        ? evidenceOf(condition.first, before, before.at ?? at)
        : evidenceOf(condition.first, reader, at);
      return [...first, ...evidenceOf(condition.then, reader, at)];
    }
    default:
      return condition.terms.flatMap((term) => evidenceOf(term, reader, at));
  }
}

/** At the resolution of every quantity; the decimal decides a tie, as at ingest. */
const round3 = (value: number): number => fromScaled(toScaled(value));

function comparisonEvidence(
  condition: Condition & { kind: 'comparison' },
  reader: Reader,
  at: number,
): Evidence {
  const { left, right } = condition;
  const threshold = right.kind === 'number' ? right : null;
  const aggregate = firstAggregate(left) ?? firstAggregate(right);
  const ahead = forecastOf(left) ?? forecastOf(right);
  const forecast = ahead && (reader.forecast?.(ahead) ?? null);
  const counted = stationsOf(left) ?? stationsOf(right);
  const found = counted ? reader.stationsWhere?.(compileCondition(counted.where), reader.coverage) : null;
  const observed = aggregate ? reader.window(seriesName(aggregate), aggregate.window) : null;
  // Where a comparison reads both, its window is that of the readings, and the mark says that it is not observed alone.
  const window = observed ?? forecast?.statistics ?? null;
  const value = evaluateExpression(left, reader);
  const canonical = value.numerator / value.denominator / 1000;
  const isSeen = value.known !== 'nothing' && (window === null || window.count > 0);
  const limit = evaluateExpression(right, reader);
  return {
    expression: condition.text,
    ...(isSeen ? { value: round3(threshold ? inLiteralUnit(canonical, threshold) : canonical) } : {}),
    unit: threshold ? (threshold.unit ?? '') : unitOf(right),
    threshold: threshold ? threshold.value : round3(limit.numerator / limit.denominator / 1000),
    ...(window && (aggregate || ahead)
      ? extentOf(aggregate?.window ?? null, window, at)
      : { from: at, to: at, coverage: found ? knownShare(found) : 0 }),
    observations: window?.count ?? found?.total ?? 0,
    ...(observed && window && aggregate?.name === 'sum' && window.uncounted > 0
      ? { upperBound: round3(window.uncountedSum / 1000) }
      : {}),
    ...(found?.stations ? { stations: found.stations } : {}),
    ...(ahead ? { forecast: markOf(forecast) } : {}),
  };
}

/** Who forecast it and when; null: no forecast young enough was known. */
const markOf = (found: ForecastWindow | null): EvidenceForecast | null =>
  found?.issue ? { issuer: found.issue.issuer, issuedAt: found.issue.issuedAt } : null;

/** Of how many of an area's stations it is known whether they hold the condition. */
const knownShare = ({ unknown, total }: StationCount): number =>
  total > 0 ? Math.round(((total - unknown) / total) * 1000) / 1000 : 0;

/** Where the window of an aggregate lies, and how much of it is covered. */
function extentOf(
  kind: Window | null,
  window: WindowStatistics,
  at: number,
): Pick<Evidence, 'from' | 'to' | 'coverage'> {
  const spanMs = kind?.kind === 'sliding' ? kind.spanMs : 0;
  const { from, to, neededMs } = window.extent ?? { from: at - spanMs, to: at, neededMs: spanMs };
  const coverage = neededMs > 0 ? Math.round((window.coveredMs / neededMs) * 1000) / 1000 : 0;
  return { from, to, coverage };
}

/** The unit of a threshold out of a climatology table, also with something added to it: the quantity's own. */
function unitOf(expression: Expression): string {
  if (expression.kind === 'climatology') return quantities.get(expression.quantity)?.unit ?? '';
  const isStep =
    expression.kind === 'arithmetic' && (expression.operator === '+' || expression.operator === '-');
  return isStep ? unitOf(expression.left) || unitOf(expression.right) : '';
}

function firstAggregate(expression: Expression): Aggregate | null {
  switch (expression.kind) {
    case 'aggregate':
      return expression;
    case 'arithmetic':
      return firstAggregate(expression.left) ?? firstAggregate(expression.right);
    case 'return-period':
      return firstAggregate(expression.of);
    default:
      return null;
  }
}

function forecastOf(expression: Expression): (Expression & { kind: 'forecast' }) | null {
  if (expression.kind === 'forecast') return expression;
  if (expression.kind !== 'arithmetic') return null;
  return forecastOf(expression.left) ?? forecastOf(expression.right);
}

function stationsOf(expression: Expression): (Expression & { kind: 'stations' }) | null {
  if (expression.kind === 'stations') return expression;
  if (expression.kind !== 'arithmetic') return null;
  return stationsOf(expression.left) ?? stationsOf(expression.right);
}
