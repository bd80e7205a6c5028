import type { Window } from '../model/rule.ts';
import type { Parser } from './parser.ts';
import { nearestWord } from './words.ts';

/** Reads `1h`, `1h tumbling`, `1h every 5m`, `10 reports` or `session 30m` at the parser's place. */
export function readWindow(parser: Parser): Window {
  if (parser.takeIf('session')) return { kind: 'session', gapMs: parser.span('after "session"') };
  const [number, word] = peekTwo(parser);
  if (number?.kind === 'number' && /^reports?$/.test(word?.text ?? '')) {
    const reports = Number(number.text);
    if (!Number.isInteger(reports) || reports < 1 || reports > 10_000) {
      parser.fail('a window by count holds 1 to 10000 reports');
    }
    parser.take();
    parser.take();
    return { kind: 'count', reports };
  }
  const spanMs = parser.span('as the window');
  if (parser.takeIf('tumbling')) return { kind: 'tumbling', spanMs };
  if (parser.takeIf('every')) return { kind: 'hopping', spanMs, everyMs: parser.span('after "every"') };
  if (parser.next.kind === 'word') {
    const nearest = nearestWord(parser.next.text, ['tumbling', 'every']);
    const hint = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
    parser.fail(`unknown kind of window "${parser.next.text}"${hint}`);
  }
  return { kind: 'sliding', spanMs };
}

function peekTwo(parser: Parser) {
  const at = parser.tokens.indexOf(parser.next);
  return [parser.tokens[at], parser.tokens[at + 1]] as const;
}
