import type { Window } from '../model/rule.ts';
import type { TokenReader } from './token-reader.ts';
import { nearestWord } from './words.ts';

/** Most readings that a window by count holds. */
const MAX_REPORTS = 10_000;

/**
 * Reads `1h`, `1h tumbling`, `1h every 5m`, `10 reports`, `10 reports tumbling` or `session 30m` at the parser's place.
 */
export function readWindow(parser: TokenReader): Window {
  if (parser.takeIf('session')) return { kind: 'session', gapMs: parser.span('after "session"') };
  const { kind, text } = parser.next;
  if (kind === 'word') {
    const nearest = nearestWord(text, ['session']);
    parser.fail(
      nearest === undefined
        ? `expected a window such as 1h, 10 reports or session 30m, found "${text}"`
        : `unknown kind of window "${text}"; did you mean "${nearest}"?`,
    );
  }
  const word = parser.after;
  if (kind === 'number' && word?.kind === 'word' && isReports(word.text)) return readCount(parser);
  const spanMs = parser.span('as the window');
  if (parser.takeIf('tumbling')) return { kind: 'tumbling', spanMs };
  if (parser.takeIf('every')) return { kind: 'hopping', spanMs, everyMs: parser.span('after "every"') };
  refuseWord(parser, ['tumbling', 'every']);
  return { kind: 'sliding', spanMs };
}

/** A near miss of `reports` too, to be refused by name: every unit of a span is shorter. */
const isReports = (word: string): boolean => word.length > 3 && nearestWord(word, ['reports']) !== undefined;

function readCount(parser: TokenReader): Window {
  const reports = Number(parser.next.text);
  if (!Number.isInteger(reports) || reports < 1 || reports > MAX_REPORTS) {
    parser.fail(`a window by count holds 1 to ${MAX_REPORTS} reports`);
  }
  parser.take();
  if (!/^reports?$/.test(parser.next.text)) {
    parser.fail(`unknown kind of window "${parser.next.text}"; did you mean "reports"?`);
  }
  parser.take();
  if (parser.takeIf('tumbling')) return { kind: 'count', reports, tumbling: true };
  refuseWord(parser, ['tumbling']);
  return { kind: 'count', reports };
}

function refuseWord(parser: TokenReader, known: readonly string[]): void {
  if (parser.next.kind !== 'word') return;
  const nearest = nearestWord(parser.next.text, known);
  const hint = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
  parser.fail(`unknown kind of window "${parser.next.text}"${hint}`);
}
