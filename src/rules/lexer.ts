import { AtalaiaError } from '../lib/errors.ts';

/** What is wrong in an expression, with the offset in its text. */
export class ExpressionError extends AtalaiaError {
  readonly offset: number;
  constructor(offset: number, message: string) {
    super('ATL_RULE', message);
    this.offset = offset;
  }
}

export interface Token {
  readonly kind: 'number' | 'word' | 'symbol' | 'end';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Bounds the depth of the tree of `1 + 1 + 1 …`. */
const MAX_TOKENS = 4000;
const SPACE = /\s+/uy;
const NUMBER = /\d+(?:\.\d+)?/uy;
/**
 * `km/h`, `kJ/m²`, and the rate of either: `km/h/h`. A name before "(" is a function, and the "/" divides. The captured
 * lookahead takes words whole, without going back, so that no text takes long.
 */
const UNIT = /(?:[\p{L}°%][\p{L}\p{N}²³]*)(?:(?=(\/\p{L}[\p{L}\p{N}²³]*))\1(?!\s*\()){0,2}/uy;
const WORD = /[\p{L}_][\p{L}\p{N}_]*/uy;
const SYMBOL = />=|<=|!=|[><=(),+\-*/]/uy;

const mistaken: Readonly<Record<string, string>> = {
  '==': '=',
  '=>': '>=',
  '=<': '<=',
  '<>': '!=',
  '≥': '>=',
  '≤': '<=',
  '≠': '!=',
  '&&': 'and',
  '||': 'or',
  '!': 'not',
  '−': '-',
  '×': '*',
  '÷': '/',
};

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function refuseMistaken(text: string, at: number): void {
  for (const length of [2, 1]) {
    const written = text.slice(at, at + length);
    const right = written.length === length && written !== '!=' ? mistaken[written] : undefined;
    if (right !== undefined && text.slice(at, at + 2) !== '!=') {
      throw new ExpressionError(at, `"${written}" is not part of the language; write "${right}"`);
    }
  }
}

/** Cuts an expression into tokens. Throws {@link ExpressionError} at the first character that has no meaning. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const space = matchAt(SPACE, text, at);
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    refuseMistaken(text, at);
    if (tokens.length >= MAX_TOKENS)
      throw new ExpressionError(at, `longer than ${MAX_TOKENS} words; split the rule`);
    const token = tokenAt(text, at, tokens.at(-1));
    tokens.push(token);
    at = token.end;
  }
  tokens.push({ kind: 'end', text: '', start: text.trimEnd().length, end: text.length });
  return tokens;
}

function tokenAt(text: string, at: number, previous: Token | undefined): Token {
  const number = matchAt(NUMBER, text, at);
  if (number !== undefined) return { kind: 'number', text: number, start: at, end: at + number.length };
  const word = matchAt(previous?.kind === 'number' ? UNIT : WORD, text, at);
  if (word !== undefined) return { kind: 'word', text: word, start: at, end: at + word.length };
  const symbol = matchAt(SYMBOL, text, at);
  if (symbol !== undefined) return { kind: 'symbol', text: symbol, start: at, end: at + symbol.length };
  const character = String.fromCodePoint(text.codePointAt(at) as number);
  throw new ExpressionError(at, `unexpected character "${character}"`);
}
