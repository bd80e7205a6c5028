import { AtalaiaError } from '../lib/errors.ts';
import type { Refusal, Report } from '../model/report.ts';
import { rawReport } from './decode/body.ts';
import { parseJson } from './decode/json.ts';
import { type CheckContext, checkReport } from './decode/report.ts';
import { LineScanner } from './ndjson-scan.ts';
import { TemplateSet } from './template-set.ts';

export interface NdjsonParser {
  /**
   * Reads whole lines of NDJSON in UTF-8 (the last may lack its LF). Each report that passes is handed on in order.
   * Not to be called again from its own callbacks.
   * @param firstLine the number of the first line, 1 unless more went before
   * @returns the count of lines that were not empty
   */
  parse(
    buffer: Buffer,
    onReport: (report: Report, line: number) => void,
    onRefusal?: (refusal: Refusal) => void,
    firstLine?: number,
  ): number;
}

const LF = 10;
const LINE_END = Buffer.from('\n');
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A parser that expects each line to be laid out like one of the last few: it compares the fixed bytes and reads only
 * station, instant and numbers. Any surprise sends the line through the strict path, so nothing passes that would not there.
 */
export function createNdjsonParser(context: CheckContext): NdjsonParser {
  const scanner = new LineScanner();
  const templates = new TemplateSet(scanner);
  const readLines = (
    bytes: Buffer,
    firstLine: number,
    onReport: (report: Report, line: number) => void,
    onRefusal: (refusal: Refusal) => void,
  ): number => {
    scanner.open(bytes, context);
    let count = 0;
    for (let start = 0, line = firstLine; start < bytes.length; line++) {
      const report = templates.read(start);
      if (report !== undefined) {
        start = scanner.end;
        count++;
        onReport(report, line);
        continue;
      }
      const end = bytes.indexOf(LF, start);
      const text = bytes.subarray(start, end);
      let clean = true;
      const strict = strictLine(text, line, context, (refusal) => {
        clean = false;
        onRefusal(refusal);
      });
      if (strict !== 'empty') count++;
      if (typeof strict === 'object') {
        // A layout with a refused part would lose the refusal on the next line.
        if (clean) templates.learn(text, start);
        onReport(strict, line);
      }
      start = end + 1;
    }
    return count;
  };
  return {
    parse(buffer, onReport, onRefusal = () => {}, firstLine = 1) {
      const whole = buffer.lastIndexOf(LF) + 1;
      const count = readLines(buffer.subarray(0, whole), firstLine, onReport, onRefusal);
      if (whole === buffer.length) return count;
      const rest = Buffer.concat([buffer.subarray(whole), LINE_END]);
      return count + readLines(rest, firstLine + linesIn(buffer.subarray(0, whole)), onReport, onRefusal);
    },
  };
}

/** How many lines end in these bytes. */
export function linesIn(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) lines++;
  return lines;
}

/** One line through the strict path. */
export function strictLine(
  bytes: Uint8Array,
  line: number,
  context: CheckContext,
  onRefusal: (refusal: Refusal) => void,
): Report | 'empty' | 'refused' {
  const refusals: Refusal[] = [];
  try {
    const text = decoder.decode(bytes);
    if (text.trim() === '') return 'empty';
    const raw = rawReport(parseJson(text, line));
    if (typeof raw === 'string') refusals.push({ index: line, code: 'form', message: raw });
    else {
      const report = checkReport(raw, line, context, refusals);
      for (const refusal of refusals) onRefusal(refusal);
      return report ?? 'refused';
    }
  } catch (error) {
    const message = error instanceof AtalaiaError ? error.message : `Line ${line} is not UTF-8.`;
    refusals.push({ index: line, code: 'form', message });
  }
  for (const refusal of refusals) onRefusal(refusal);
  return 'refused';
}
