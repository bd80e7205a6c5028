import { quantities } from '../model/quantity.ts';
import {
  type AggregateName,
  aggregateNames,
  type ForecastAggregate,
  forecastAggregates,
} from '../model/rule.ts';
import type { Node, TokenReader } from './token-reader.ts';
import { readWindow } from './window.ts';
import { nearestWord, unknownWord } from './words.ts';

const FUNCTIONS: readonly string[] = [...aggregateNames, 'silent', 'share', 'returnPeriod'];
const DAY_OF_YEAR = 'day-of-year' as const;

/** Reads the call of a function, `name` just taken; the node carries the text from `start` to its closing parenthesis. */
export function readCall(parser: TokenReader, name: string, start: number): Node {
  if (!FUNCTIONS.includes(name)) {
    if (name === 'forecast')
      parser.fail('say what of the forecast is meant: max(forecast(rainfall, 6h))', start);
    if (quantities.has(name))
      parser.fail(`${name} is a quantity; say over which window: max(${name}, 1h)`, start);
    parser.fail(unknownWord('function', name, FUNCTIONS), start);
  }
  parser.expect('(', `after "${name}"`);
  if (name === 'silent') return readSilent(parser, start);
  if (name === 'returnPeriod') return readReturnPeriod(parser, start);
  if (name === 'share' || (name === 'count' && looksLikeStations(parser)))
    return readStations(parser, name, start);
  if (parser.next.text === 'forecast') return readForecast(parser, name, start);
  return readAggregate(parser, name as AggregateName, start);
}

/** `max(forecast(rainfall, 6h))`: the span lies ahead of the instant. */
function readForecast(parser: TokenReader, name: string, start: number): Node {
  const known = forecastAggregates.find((one) => one === name);
  if (known === undefined)
    parser.fail(`${name} of a forecast is not known; use ${forecastAggregates.join(', ')}`, start);
  parser.take();
  parser.expect('(', 'after "forecast"');
  const quantity = readQuantity(parser);
  parser.expect(',', `and how far ahead after "${quantity}", as in ${name}(forecast(${quantity}, 6h))`);
  const spanMs = parser.span('ahead, in forecast(…)');
  parser.expect(')', 'to close forecast(…)');
  parser.expect(')', `to close ${name}(…)`);
  const text = parser.textFrom(start);
  const node = { kind: 'forecast' as const, name: known as ForecastAggregate, quantity, spanMs, text };
  return { sort: 'expression', expression: parser.place(node, start) };
}

/** `stations`, or a misspelling of it with more than one word behind it. */
function looksLikeStations(parser: TokenReader): boolean {
  const { kind, text } = parser.next;
  if (kind !== 'word') return false;
  if (text === 'stations') return true;
  return parser.after?.kind === 'word' && nearestWord(text, ['stations']) !== undefined;
}

function readSilent(parser: TokenReader, start: number): Node {
  let quantity: string | null = null;
  if (parser.next.kind === 'word') {
    quantity = readQuantity(parser);
    parser.expect(',', `after "${quantity}"`);
  }
  const spanMs = parser.span('in silent(…)');
  parser.expect(')', 'to close silent(…)');
  const text = parser.textFrom(start);
  return {
    sort: 'condition',
    condition: parser.place({ kind: 'silent' as const, quantity, spanMs, text }, start),
  };
}

function readStations(parser: TokenReader, measure: 'count' | 'share', start: number): Node {
  if (!parser.takeIf('stations')) {
    const misspelt = parser.next.kind === 'word' && nearestWord(parser.next.text, ['stations']) !== undefined;
    parser.fail(
      misspelt
        ? unknownWord('word', parser.next.text, ['stations'])
        : `${measure} takes stations, as in ${measure}(stations where sum(rainfall, 1h) >= 20 mm), found ${parser.found()}`,
    );
  }
  if (!parser.takeIf('where')) {
    const nearest = parser.next.kind === 'word' ? nearestWord(parser.next.text, ['where']) : undefined;
    const hint = nearest === undefined ? '' : '; did you mean "where"?';
    parser.fail(`expected "where" and a condition after "stations", found ${parser.found()}${hint}`);
  }
  const where = parser.nestedCondition(start);
  parser.expect(')', `to close ${measure}(…)`);
  const text = parser.textFrom(start);
  return {
    sort: 'expression',
    expression: parser.place({ kind: 'stations' as const, measure, where, text }, start),
  };
}

function readReturnPeriod(parser: TokenReader, start: number): Node {
  const of = parser.nestedValue(start);
  parser.expect(')', 'to close returnPeriod(…)');
  const text = parser.textFrom(start);
  return {
    sort: 'expression',
    expression: parser.place({ kind: 'return-period' as const, of, text }, start),
  };
}

function readAggregate(parser: TokenReader, name: AggregateName, start: number): Node {
  const quantity = readQuantity(parser);
  parser.expect(',', `and a window after "${quantity}", as in ${name}(${quantity}, 1h)`);
  const percent = name === 'percentile' ? readPercent(parser) : undefined;
  if (percent !== undefined && readsDayOfYear(parser)) {
    parser.expect(')', 'to close percentile(…)');
    const text = parser.textFrom(start);
    const node = { kind: 'climatology' as const, quantity, percent, by: DAY_OF_YEAR, text };
    return { sort: 'expression', expression: parser.place(node, start) };
  }
  const windowStart = parser.next.start;
  const window = parser.place(readWindow(parser), windowStart);
  parser.expect(')', `to close ${name}(…)`);
  const text = parser.textFrom(start);
  const node = { kind: 'aggregate' as const, name, quantity, window, text };
  return {
    sort: 'expression',
    expression: parser.place(percent === undefined ? node : { ...node, percent }, start),
  };
}

function readPercent(parser: TokenReader): number {
  const { kind, text, start } = parser.take();
  const value = Number(text);
  if (kind !== 'number' || !(value > 0 && value < 100) || !/^\d+(?:\.\d{1,3})?$/.test(text))
    parser.fail('expected a percentage between 0 and 100, as in percentile(airTemperature, 95, 24h)', start);
  parser.takeIf('%');
  parser.expect(',', 'and a window after the percentage');
  return value;
}

/** `day-of-year` in place of a window; a near miss is refused by name. */
function readsDayOfYear(parser: TokenReader): boolean {
  const { kind, text, start } = parser.next;
  if (kind !== 'word' || text === 'session') return false;
  let end = start;
  while (parser.next.kind === 'word' || parser.next.text === '-') {
    if (parser.next.start !== end) break;
    end = parser.take().end;
  }
  const written = parser.text.slice(start, end);
  if (written === DAY_OF_YEAR) return true;
  const nearest = nearestWord(written, [DAY_OF_YEAR, 'session']);
  const hint =
    nearest === undefined ? `write a window such as 24h, or ${DAY_OF_YEAR}` : `did you mean "${nearest}"?`;
  return parser.fail(`unknown kind of window "${written}"; ${hint}`, start);
}

function readQuantity(parser: TokenReader): string {
  const { kind, text, start } = parser.next;
  if (kind !== 'word') parser.fail(`expected a quantity such as rainfall, found ${parser.found()}`);
  if (text === 'stations')
    parser.fail('only count and share take stations: count(stations where …) >= 3', start);
  if (!quantities.has(text)) parser.fail(unknownWord('quantity', text, [...quantities.keys()]), start);
  parser.take();
  return text;
}
