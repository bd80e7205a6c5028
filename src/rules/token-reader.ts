import type { Condition, Expression } from '../model/rule.ts';
import { parseSpan } from '../model/time.ts';
import { ExpressionError, type Token, tokenize } from './lexer.ts';

export type Node =
  | { readonly sort: 'condition'; readonly condition: Condition }
  | { readonly sort: 'expression'; readonly expression: Expression };

/** The tokens of a condition from the first to the last, and what a call asks of the parser that reads it. */
export abstract class TokenReader {
  readonly text: string;
  readonly places = new Map<object, number>();
  readonly tokens: readonly Token[];
  private at = 0;

  constructor(text: string) {
    this.text = text;
    this.tokens = tokenize(text);
  }

  get next(): Token {
    return this.tokens[this.at] as Token;
  }

  /** The token behind the next. */
  get after(): Token | undefined {
    return this.tokens[this.at + 1];
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

  protected ended(): boolean {
    return this.next.kind === 'end';
  }

  /** What was written from `start` to the token just taken. */
  textFrom(start: number): string {
    return this.text.slice(start, this.tokens[this.at - 1]?.end ?? start);
  }

  /** A whole condition inside a call that began at `offset`. */
  abstract nestedCondition(offset: number): Condition;

  /** A value inside a call that began at `offset`. */
  abstract nestedValue(offset: number): Expression;

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
