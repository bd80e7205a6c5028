import { AtalaiaError } from '../../lib/errors.ts';

/** A JSON value as read; objects have no prototype, so that no key can reach one. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** Key of the note on an object in which a name stands twice: which one was meant cannot be known. */
export const repeatedKey: unique symbol = Symbol('repeated key');

const MAX_DEPTH = 32;
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/**
 * Reads one JSON text strictly (RFC 8259) and safely: at most 32 levels deep (checked before descending), no `__proto__`,
 * `constructor` or `prototype` keys, no lone surrogates. `NaN` and `Infinity`, which some senders write, are read
 * as numbers so that the gate can refuse that one reading.
 *
 * @param firstLine number of the text's first line, for messages
 * @throws AtalaiaError ATL_UNREADABLE with line and column
 */
export const parseJson = (text: string, firstLine = 1): Json => new JsonReader(text, firstLine).whole();

class JsonReader {
  private readonly text: string;
  private readonly firstLine: number;
  private at = 0;

  constructor(text: string, firstLine: number) {
    this.text = text;
    this.firstLine = firstLine;
  }

  whole(): Json {
    this.space();
    const value = this.value(1);
    this.space();
    if (this.at < this.text.length) this.fail('nothing more may follow the JSON value');
    return value;
  }

  private fail(why: string, at = this.at): never {
    throw unreadable(this.text, at, this.firstLine, why);
  }

  private space(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return;
      this.at++;
    }
  }

  private value(depth: number): Json {
    const c = this.text[this.at];
    if (c === '{' || c === '[') {
      if (depth > MAX_DEPTH) this.fail(`more than ${MAX_DEPTH} levels deep`);
      return c === '{' ? this.object(depth) : this.array(depth);
    }
    if (c === '"') return this.string();
    if (c === 't') return this.word('true', true);
    if (c === 'f') return this.word('false', false);
    if (c === 'n') return this.word('null', null);
    if (c === 'N') return this.word('NaN', Number.NaN);
    if (c === 'I') return this.word('Infinity', Number.POSITIVE_INFINITY);
    if (c === '-' && this.text[this.at + 1] === 'I') return this.word('-Infinity', Number.NEGATIVE_INFINITY);
    return this.number();
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail('a JSON value is expected');
    this.at += word.length;
    return value;
  }

  private number(): number {
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (match === null)
      this.fail(this.at >= this.text.length ? 'the text ends too early' : 'a JSON value is expected');
    this.at = NUMBER.lastIndex;
    return Number(match[0]);
  }

  private object(depth: number): JsonObject {
    const object: JsonObject & { [repeatedKey]?: string } = Object.create(null);
    this.at++;
    this.space();
    if (this.text[this.at] === '}') {
      this.at++;
      return object;
    }
    for (;;) {
      const start = this.at;
      if (this.text[start] !== '"') this.fail('a key in double quotes is expected');
      const key = this.string();
      if (FORBIDDEN.has(key)) this.fail(`the key ${key} is not allowed`, start);
      this.space();
      if (this.text[this.at] !== ':') this.fail('a colon is expected');
      this.at++;
      this.space();
      if (key in object) object[repeatedKey] = key;
      object[key] = this.value(depth + 1);
      if (this.closes('}')) return object;
    }
  }

  private array(depth: number): Json[] {
    const items: Json[] = [];
    this.at++;
    this.space();
    if (this.text[this.at] === ']') {
      this.at++;
      return items;
    }
    for (;;) {
      items.push(this.value(depth + 1));
      if (this.closes(']')) return items;
    }
  }

  private closes(bracket: string): boolean {
    this.space();
    const c = this.text[this.at];
    if (c !== bracket && c !== ',')
      this.fail(c === undefined ? 'the text ends too early' : `a comma or ${bracket} is expected`);
    this.at++;
    if (c === bracket) return true;
    this.space();
    return false;
  }

  private string(): string {
    const start = this.at++;
    let result = '';
    for (;;) {
      PLAIN.lastIndex = this.at;
      PLAIN.test(this.text);
      result += this.text.slice(this.at, PLAIN.lastIndex);
      this.at = PLAIN.lastIndex;
      const c = this.text[this.at];
      if (c === '"') break;
      if (c !== '\\')
        this.fail(
          c === undefined
            ? 'the text ends inside a string'
            : 'a control character in a string must be escaped',
        );
      result += this.escape();
    }
    this.at++;
    if (!result.isWellFormed()) this.fail('the string has half of a surrogate pair', start);
    return result;
  }

  private escape(): string {
    const c = this.text[this.at + 1] ?? '';
    const plain = ESCAPES[c];
    if (plain !== undefined) {
      this.at += 2;
      return plain;
    }
    const hex = this.text.slice(this.at + 2, this.at + 6);
    if (c !== 'u' || !/^[0-9a-fA-F]{4}$/.test(hex)) this.fail('no known escape');
    this.at += 6;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }
}

/** ATL_UNREADABLE that names line and column (in characters, from 1) of `at`. */
export function unreadable(text: string, at: number, firstLine: number, why: string): AtalaiaError {
  const before = text.slice(0, at);
  const lines = before.split('\n');
  const column = (lines.at(-1) as string).length + 1;
  return new AtalaiaError(
    'ATL_UNREADABLE',
    `The body cannot be read: line ${firstLine + lines.length - 1}, column ${column}: ${why}. Correct it there and send it again.`,
  );
}
