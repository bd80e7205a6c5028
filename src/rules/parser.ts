import type {
  ComparisonOperator,
  Condition,
  Expression,
  HeldCondition,
  NumberLiteral,
} from '../model/rule.ts';
import { parseSpan } from '../model/time.ts';
import { readCall } from './call.ts';
import { canonicalFraction } from './fraction.ts';
import { ruleUnit, unknownUnit } from './rule-unit.ts';
import { type Node, TokenReader } from './token-reader.ts';
import { nearestWord } from './words.ts';

/** Deepest nesting of parentheses and `not`. */
export const MAX_DEPTH = 32;
const KEYWORDS = new Set(['and', 'or', 'not', 'for', 'then', 'within', 'where']);
const COMPARISONS: ReadonlySet<string> = new Set(['>', '>=', '<', '<=', '=', '!=']);

/** A parsed, unchecked condition; `places` holds the offset in the text where each node begins. */
export interface ParsedCondition extends HeldCondition {
  readonly places: ReadonlyMap<object, number>;
}

/**
 * Parses `condition [for span]`, as levels and `clear` hold it. Names and form only: check.ts refuses what has no
 * meaning. From the weakest to the strongest bind `for`, `then … within`, `or`, `and`, `not`, comparisons, `+ -`, `* /`;
 * a sequence inside another condition stands in parentheses. Throws {@link ExpressionError} with the offset.
 */
export function parseHeldCondition(text: string): ParsedCondition {
  return new Parser(text).held();
}

/** One pass over the tokens, one level of precedence a method. */
export class Parser extends TokenReader {
  private depth = 0;

  held(): ParsedCondition {
    if (this.ended()) this.fail('expected a condition such as "sum(rainfall, 1h) >= 20 mm"');
    const start = this.next.start;
    const condition = this.condition(this.sequence(), start);
    const holdMs = this.takeIf('for') ? this.span('after "for"') : 0;
    if (!this.ended()) this.failTrailing();
    return { condition, holdMs, places: this.places };
  }

  private failTrailing(): never {
    const { text, kind } = this.next;
    if (text === ',') this.fail('unexpected ","; decimals are written with a point (20.5 mm)');
    if (text === ')') this.fail('")" without its "("');
    if (text === 'within') this.fail('"within" stands behind "then": A then B within 30m');
    if (text === 'and' || text === 'or')
      this.fail(`"for" ends the condition; "${text}" stands before it: A ${text} B for 1h`);
    const words = ['and', 'or', 'then', 'for'];
    const nearest = kind === 'word' ? nearestWord(text, words) : undefined;
    const listed = '"and", "or", "then" or "for"';
    const hint = nearest === undefined ? listed : `${listed} (did you mean "${nearest}"?)`;
    this.fail(`expected ${hint}, found ${this.found()}`);
  }

  private condition(node: Node, offset: number): Condition {
    if (node.sort === 'condition') return node.condition;
    if (this.next.text === ',') this.failTrailing();
    const shown = this.textFrom(offset);
    return this.fail(`"${shown}" is a value, not a condition; compare it: "${shown} >= …"`, offset);
  }

  private expression(node: Node, offset: number): Expression {
    if (node.sort === 'expression') return node.expression;
    return this.fail(
      'a condition cannot be calculated with or compared; join conditions with "and", "or"',
      offset,
    );
  }

  /** `A then B within 30m`, from the left: `A then B within 1h then C within 2h` is `(A then B within 1h) then C …`. */
  private sequence(): Node {
    const start = this.next.start;
    let node = this.or();
    while (this.next.kind === 'word' && this.next.text === 'then') {
      const first = this.condition(node, start);
      this.take();
      const offset = this.next.start;
      const then = this.condition(this.or(), offset);
      const withinMs = this.within();
      const text = this.textFrom(start);
      node = {
        sort: 'condition',
        condition: this.place({ kind: 'sequence', first, then, withinMs, text }, start),
      };
      this.refuseJoinedSequence();
    }
    return node;
  }

  private refuseJoinedSequence(): void {
    const { text } = this.next;
    if (text === 'and' || text === 'or')
      this.fail(`put the sequence in parentheses: (A then B within 30m) ${text} C`);
  }

  private within(): number {
    if (this.takeIf('within')) return this.span('after "within"');
    const nearest = this.next.kind === 'word' ? nearestWord(this.next.text, ['within']) : undefined;
    const hint = nearest === undefined ? '' : '; did you mean "within"?';
    return this.fail(
      `expected "within" and a span to end the sequence (A then B within 30m), found ${this.found()}${hint}`,
    );
  }

  override nestedCondition(offset: number): Condition {
    return this.nested(offset, () => {
      const start = this.next.start;
      return this.condition(this.sequence(), start);
    });
  }

  override nestedValue(offset: number): Expression {
    return this.nested(offset, () => {
      const start = this.next.start;
      return this.expression(this.sum(), start);
    });
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
    const text = this.textFrom(start);
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
        const node = this.sequence();
        this.expect(')', 'to close the parenthesis');
        return node;
      });
    }
    if (kind === 'word' && !KEYWORDS.has(text)) {
      this.take();
      return readCall(this, text, start);
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
    if (ruleUnit(text) === undefined) {
      const span =
        parseSpan(`1${text}`) === undefined ? '' : ' (spans stand in windows, after "for" and "within")';
      this.fail(unknownUnit(text) + span, start);
    }
    this.take();
    return text;
  }
}
