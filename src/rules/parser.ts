import { quantities } from '../model/quantity.ts';
import {
  type AggregateName,
  aggregateNames,
  type ComparisonOperator,
  type Condition,
  type Expression,
  type HeldCondition,
  type NumberLiteral,
} from '../model/rule.ts';
import { parseSpan } from '../model/time.ts';
import { units } from '../model/unit.ts';
import { canonicalFraction } from './fraction.ts';
import { ExpressionError, type Token, tokenize } from './lexer.ts';
import { readWindow } from './window.ts';
import { nearestWord, unknownWord } from './words.ts';

/** Deepest nesting of parentheses and `not`. */
export const MAX_DEPTH = 32;
const KEYWORDS = new Set(['and', 'or', 'not', 'for', 'then', 'within', 'where']);
const COMPARISONS: ReadonlySet<string> = new Set(['>', '>=', '<', '<=', '=', '!=']);
/** Functions of the language that this version knows of and does not evaluate. */
const PLANNED = ['share', 'rise', 'returnPeriod'];

type Node =
  | { readonly sort: 'condition'; readonly condition: Condition }
  | { readonly sort: 'expression'; readonly expression: Expression };

/** A parsed, unchecked condition; `places` holds the offset in the text where each node begins. */
export interface ParsedCondition extends HeldCondition {
  readonly places: ReadonlyMap<object, number>;
}

/**
 * Parses `condition [for span]`, as levels and `clear` hold it. Windows and aggregates of the whole language
 * are accepted here; check.ts refuses what cannot be evaluated. Throws {@link ExpressionError} with the offset.
 */
export function parseHeldCondition(text: string): ParsedCondition {
  return new Parser(text).held();
}

/** One pass over the tokens, one level of precedence a method: or, and, not, comparison, + -, * /, primary. */
export class Parser {
  readonly text: string;
  readonly places = new Map<object, number>();
  readonly tokens: readonly Token[];
  private at = 0;
  private depth = 0;

  constructor(text: string) {
    this.text = text;
    this.tokens = tokenize(text);
  }

  get next(): Token {
    return this.tokens[this.at] as Token;
  }

  take(): Token {
    const token = this.next;
    if (token.kind !== 'end') this.at += 1;
    return token;
  }

  takeIf(text: string): boolean {
    if (this.next.kind === 'end' || this.next.kind === 'number' || this.next.text !== text) return false;
    this.at += 1;
    return true;
  }

  expect(symbol: string, context: string): void {
    if (!this.takeIf(symbol)) this.fail(`expected "${symbol}" ${context}, found ${this.found()}`);
  }

  fail(message: string, offset = this.next.start): never {
    throw new ExpressionError(offset, message);
  }

  found(): string {
    return this.next.kind === 'end' ? 'the end' : `"${this.next.text}"`;
  }

  private ended(): boolean {
    return this.next.kind === 'end';
  }

  held(): ParsedCondition {
    if (this.ended()) this.fail('expected a condition such as "sum(rainfall, 1h) >= 20 mm"');
    const start = this.next.start;
    const condition = this.condition(this.or(), start);
    const holdMs = this.takeIf('for') ? this.span('after "for"') : 0;
    if (!this.ended()) this.failTrailing();
    return { condition, holdMs, places: this.places };
  }

  private failTrailing(): never {
    const { text, kind } = this.next;
    if (text === ',') this.fail('unexpected ","; decimals are written with a point (20.5 mm)');
    if (text === ')') this.fail('")" without its "("');
    if (text === 'then')
      this.fail('sequences ("A then B within 30m") are not supported yet; supported: and, or, not');
    const nearest = kind === 'word' ? nearestWord(text, ['and', 'or', 'for']) : undefined;
    const hint =
      nearest === undefined ? '"and", "or" or "for"' : `"and", "or" or "for" (did you mean "${nearest}"?)`;
    this.fail(`expected ${hint}, found ${this.found()}`);
  }

  private condition(node: Node, offset: number): Condition {
    if (node.sort === 'condition') return node.condition;
    if (this.next.text === ',') this.failTrailing();
    const shown = this.text.slice(offset, this.tokens[this.at - 1]?.end ?? offset);
    return this.fail(`"${shown}" is a value, not a condition; compare it: "${shown} >= …"`, offset);
  }

  private expression(node: Node, offset: number): Expression {
    if (node.sort === 'expression') return node.expression;
    return this.fail(
      'a condition cannot be calculated with or compared; join conditions with "and", "or"',
      offset,
    );
  }

  private or(): Node {
    return this.joined('or', () => this.joined('and', () => this.not()));
  }

  private joined(kind: 'and' | 'or', part: () => Node): Node {
    const start = this.next.start;
    const first = part();
    if (this.next.kind !== 'word' || this.next.text !== kind) return first;
    const terms = [this.condition(first, start)];
    while (this.takeIf(kind)) {
      const offset = this.next.start;
      terms.push(this.condition(part(), offset));
    }
    return { sort: 'condition', condition: this.place({ kind, terms }, start) };
  }

  private not(): Node {
    const start = this.next.start;
    if (!this.takeIf('not')) return this.comparison();
    return this.nested(start, () => {
      const offset = this.next.start;
      const term = this.condition(this.not(), offset);
      return { sort: 'condition', condition: this.place({ kind: 'not', term }, start) };
    });
  }

  private nested<T>(offset: number, part: () => T): T {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) this.fail(`nested deeper than ${MAX_DEPTH}; split the condition`, offset);
    const result = part();
    this.depth -= 1;
    return result;
  }

  private comparison(): Node {
    const start = this.next.start;
    const first = this.sum();
    if (!COMPARISONS.has(this.next.text)) return first;
    const left = this.expression(first, start);
    const operator = this.take().text as ComparisonOperator;
    const rightStart = this.next.start;
    const right = this.expression(this.sum(), rightStart);
    if (COMPARISONS.has(this.next.text)) {
      this.fail('comparisons cannot be chained; write "a < b and b < c"');
    }
    const text = this.text.slice(start, (this.tokens[this.at - 1] as Token).end);
    return {
      sort: 'condition',
      condition: this.place({ kind: 'comparison', operator, left, right, text }, start),
    };
  }

  private sum(): Node {
    return this.calculated(['+', '-'], () => this.calculated(['*', '/'], () => this.primary()));
  }

  private calculated(operators: readonly ('+' | '-' | '*' | '/')[], part: () => Node): Node {
    const start = this.next.start;
    let node = part();
    for (;;) {
      const operator = operators.find((symbol) => symbol === this.next.text);
      if (operator === undefined) return node;
      const left = this.expression(node, start);
      this.take();
      const offset = this.next.start;
      const right = this.expression(part(), offset);
      node = {
        sort: 'expression',
        expression: this.place({ kind: 'arithmetic', operator, left, right }, start),
      };
    }
  }

  private primary(): Node {
    const { kind, text, start } = this.next;
    if (kind === 'number') return { sort: 'expression', expression: this.number(1, start) };
    if (this.takeIf('-')) {
      if (this.next.kind !== 'number') this.fail(`expected a number after "-", found ${this.found()}`);
      return { sort: 'expression', expression: this.number(-1, start) };
    }
    if (this.takeIf('(')) {
      return this.nested(start, () => {
        const node = this.or();
        this.expect(')', 'to close the parenthesis');
        return node;
      });
    }
    if (kind === 'word' && !KEYWORDS.has(text)) {
      this.take();
      return this.call(text, start);
    }
    return this.fail(`expected a function such as sum(rainfall, 1h) or a number, found ${this.found()}`);
  }

  private number(sign: 1 | -1, start: number): NumberLiteral {
    const { text } = this.take();
    if (!/^\d{1,9}(?:\.\d{1,6})?$/.test(text))
      this.fail(`${text} has too many digits; at most 9 before and 6 behind the point`, start);
    const value = sign * Number(text) || 0;
    const unit = this.unit();
    const canonical = canonicalFraction(value, unit);
    if (canonical === undefined) return this.fail(`${text} ${unit} is too large a number`, start);
    return this.place({ kind: 'number', value, unit, canonical }, start);
  }

  private unit(): string | null {
    const { kind, text, start } = this.next;
    if (kind !== 'word' || KEYWORDS.has(text)) return null;
    if (!units.has(text)) {
      const span = parseSpan(`1${text}`) === undefined ? '' : ' (spans stand in windows and after "for")';
      this.fail(unknownWord('unit', text, [...units.keys()]) + span, start);
    }
    this.take();
    return text;
  }

  private call(name: string, start: number): Node {
    const known = [...aggregateNames, 'silent'];
    if (PLANNED.includes(name)) {
      this.fail(
        `${name}(…) is not supported yet; supported: sum, min, max, avg, count, last, delta, silent`,
        start,
      );
    }
    if (!known.includes(name)) {
      if (quantities.has(name))
        this.fail(`${name} is a quantity; say over which window: max(${name}, 1h)`, start);
      this.fail(unknownWord('function', name, known), start);
    }
    this.expect('(', `after "${name}"`);
    return name === 'silent' ? this.silent(start) : this.aggregate(name as AggregateName, start);
  }

  private silent(start: number): Node {
    let quantity: string | null = null;
    if (this.next.kind === 'word') {
      quantity = this.quantity();
      this.expect(',', `after "${quantity}"`);
    }
    const spanMs = this.span('in silent(…)');
    this.expect(')', 'to close silent(…)');
    const text = this.text.slice(start, (this.tokens[this.at - 1] as Token).end);
    return { sort: 'condition', condition: this.place({ kind: 'silent', quantity, spanMs, text }, start) };
  }

  private aggregate(name: AggregateName, start: number): Node {
    const quantity = this.quantity();
    this.expect(',', `and a window after "${quantity}", as in ${name}(${quantity}, 1h)`);
    const percent = name === 'percentile' ? this.percent() : undefined;
    const windowStart = this.next.start;
    const window = this.place(readWindow(this), windowStart);
    this.expect(')', `to close ${name}(…)`);
    const text = this.text.slice(start, (this.tokens[this.at - 1] as Token).end);
    const node = { kind: 'aggregate' as const, name, quantity, window, text };
    return {
      sort: 'expression',
      expression: this.place(percent === undefined ? node : { ...node, percent }, start),
    };
  }

  private percent(): number {
    const { kind, text, start } = this.take();
    const value = Number(text);
    if (kind !== 'number' || !(value > 0 && value < 100))
      this.fail('expected a percentage between 0 and 100, as in percentile(q, 95, 24h)', start);
    this.takeIf('%');
    this.expect(',', 'and a window after the percentage');
    return value;
  }

  private quantity(): string {
    const { kind, text, start } = this.next;
    if (kind !== 'word') this.fail(`expected a quantity such as rainfall, found ${this.found()}`);
    if (text === 'stations')
      this.fail(
        'conditions over an area ("stations where …") are not supported yet; supported: one station',
        start,
      );
    if (!quantities.has(text)) this.fail(unknownWord('quantity', text, [...quantities.keys()]), start);
    this.take();
    return text;
  }

  /** A span such as `1h`, in ms. */
  span(context: string): number {
    const number = this.take();
    if (number.kind !== 'number')
      this.fail(
        `expected a span such as 1h ${context}, found ${number.kind === 'end' ? 'the end' : `"${number.text}"`}`,
        number.start,
      );
    const word = this.next;
    const ms = word.kind === 'word' ? parseSpan(`${number.text}${word.text}`) : undefined;
    if (ms === undefined) {
      const written = this.text.slice(number.start, word.kind === 'word' ? word.end : number.end);
      this.fail(`"${written}" is not a span; write 30m, 1h or 2d (units: s, m, min, h, d)`, number.start);
    }
    this.take();
    return ms;
  }

  place<T extends object>(node: T, offset: number): T {
    this.places.set(node, offset);
    return node;
  }
}
