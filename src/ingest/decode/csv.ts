import { unreadable } from './json.ts';

export interface CsvRow {
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * Splits CSV text (RFC 4180: quotes doubled, LF or CRLF) into rows with their line number from 1; empty lines are left out.
 * @throws AtalaiaError ATL_UNREADABLE with line and column for a quote that does not close
 */
export function* csvRows(text: string, separator = ','): Generator<CsvRow> {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const start = line;
    const fields: string[] = [];
    for (;;) {
      let field: string;
      if (text[at] === '"') {
        const quoted = quotedField(text, at);
        field = quoted.value;
        for (let i = at; i < quoted.end; i++) if (text.charCodeAt(i) === 10) line++;
        at = quoted.end;
        if (at < text.length && text[at] !== separator && text[at] !== '\n' && text[at] !== '\r') {
          throw unreadable(text, at, 1, 'a separator is expected after the closing quote');
        }
      } else {
        const end = fieldEnd(text, at, separator);
        field = text.slice(at, end);
        at = end;
      }
      fields.push(field);
      if (text[at] !== separator) break;
      at++;
    }
    if (text[at] === '\r') at++;
    if (text[at] === '\n') at++;
    line++;
    if (fields.length > 1 || fields[0] !== '') yield { line: start, fields };
  }
}

function fieldEnd(text: string, from: number, separator: string): number {
  let at = from;
  const stop = separator.charCodeAt(0);
  for (; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === stop || c === 10 || c === 13) break;
  }
  return at;
}

function quotedField(text: string, from: number): { value: string; end: number } {
  let value = '';
  let at = from + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw unreadable(text, from, 1, 'this quote does not close');
    value += text.slice(at, quote);
    if (text[quote + 1] !== '"') return { value, end: quote + 1 };
    value += '"';
    at = quote + 2;
  }
}

/** A field for CSV output, quoted only where needed. */
export const csvField = (value: string): string =>
  /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
