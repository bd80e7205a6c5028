/** Something wrong in a rule or rule-test file: where, and what to do. Lines and columns count from 1. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** A problem at an offset of a text (in UTF-16 units), before file, line and column are known. */
export interface Flaw {
  readonly offset: number;
  readonly message: string;
}

/** Problems reported of one file; more help nobody. */
const MAX_PROBLEMS = 100;

/** Turns offsets of `text` into lines and columns, in the order of the text; the first 100. */
export function locate(file: string, text: string, flaws: readonly Flaw[]): Problem[] {
  return [...flaws]
    .sort((a, b) => a.offset - b.offset)
    .slice(0, MAX_PROBLEMS)
    .map(({ offset, message }) => {
      const before = text.slice(0, Math.max(0, Math.min(offset, text.length)));
      const lineStart = before.lastIndexOf('\n') + 1;
      return { file, line: before.split('\n').length, column: before.length - lineStart + 1, message };
    });
}
