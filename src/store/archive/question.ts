import { AtalaiaError } from '../../lib/errors.ts';

/** A question in SQL of somebody who may read and nothing else, and its bounds. */
export interface SqlQuestion {
  readonly sql: string;
  readonly timeoutMs: number;
  /** Rows at most; what comes after them is left out. */
  readonly limit: number;
  readonly memoryMb: number;
}
export type SqlValue = string | number | boolean | null;
export interface SqlAnswer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
  /** There are more rows than `limit`. */
  readonly isCut: boolean;
}

/** Comments, brackets and white space before the first word. */
const BEFORE = /^(?:\s|\(|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/;
const reads = ['select', 'with', 'from', 'values', 'table'];

/**
 * Refuses with ATL_INPUT what does not begin as a question; the engine, opened for reading alone, refuses the rest.
 * Returns the statement without a semicolon at its end.
 */
export function questionOf(sql: string): string {
  const text = sql.trim().replace(/;\s*$/, '');
  const word = /^[a-z]*/i
    .exec(text.slice((BEFORE.exec(text) as RegExpExecArray)[0].length))?.[0]
    .toLowerCase();
  if (reads.includes(word ?? '')) return text;
  throw new AtalaiaError(
    'ATL_INPUT',
    `A question begins with SELECT or WITH; this one begins with ${word || 'no word'}. The archive is read only here.`,
  );
}

export const tookTooLong = ({ timeoutMs }: SqlQuestion): AtalaiaError =>
  new AtalaiaError(
    'ATL_INPUT',
    `The question took longer than ${timeoutMs / 1000} s and was ended. Ask about fewer stations or days, or give --timeout.`,
  );

/** What a database says about a question: its first line, for the rest shows our settings. */
export const refusedBy = (cause: unknown, hint = ''): AtalaiaError =>
  new AtalaiaError(
    'ATL_INPUT',
    `The question is refused: ${(cause instanceof Error ? cause.message : String(cause)).split('\n')[0]}${hint}`,
    { cause },
  );
