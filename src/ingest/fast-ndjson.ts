import { AtalaiaError } from '../lib/errors.ts';
import type { Refusal, Report } from '../model/report.ts';
import { HOUR_MS } from '../model/time.ts';
import { rawReport } from './decode/body.ts';
import { parseJson } from './decode/json.ts';
import { type CheckContext, checkReport, FUTURE_MS } from './decode/report.ts';
import { checkReading } from './gate.ts';
import { learnTemplate, type Slot, type Template } from './ndjson-template.ts';

export interface NdjsonParser {
  /**
   * Reads whole lines of NDJSON in UTF-8 (the last may lack its LF). Each report that passes is handed on in order.
   * @returns the count of lines that were not empty
   */
  parse(
    buffer: Buffer,
    onReport: (report: Report, line: number) => void,
    onRefusal?: (refusal: Refusal) => void,
  ): number;
}

const MAX_TEMPLATES = 8;
const LF = 10;
const QUOTE = 34;
const DOT = 46;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const stationBytes = new Uint8Array(256);
for (const c of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-'))
  stationBytes[c] = 1;

/**
 * A parser that expects each line to be laid out like one of the last few: it compares the fixed bytes and reads only
 * station, instant and numbers. Any surprise sends the line through the strict path, so nothing passes that would not there.
 */
export function createNdjsonParser(context: CheckContext): NdjsonParser {
  const templates: Template[] = [];
  const scan = createScanner(context);
  return {
    parse(buffer, onReport, onRefusal = () => {}) {
      let count = 0;
      for (let start = 0, line = 1; start < buffer.length; line++) {
        let end = buffer.indexOf(LF, start);
        if (end < 0) end = buffer.length;
        let report: Report | undefined;
        for (let i = 0; i < templates.length && report === undefined; i++) {
          report = scan(buffer, start, end, templates[i] as Template);
        }
        if (report !== undefined) {
          count++;
          onReport(report, line);
        } else {
          const bytes = buffer.subarray(start, end);
          let clean = true;
          const strict = strictLine(bytes, line, context, (refusal) => {
            clean = false;
            onRefusal(refusal);
          });
          if (strict !== 'empty') count++;
          if (typeof strict === 'object') {
            onReport(strict, line);
            // A layout with a refused part would lose the refusal on the next line.
            const template = clean ? learnTemplate(bytes) : undefined;
            if (template !== undefined) templates.unshift(template);
            if (templates.length > MAX_TEMPLATES) templates.pop();
          }
        }
        start = end + 1;
      }
      return count;
    },
  };
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

type Scan = (buffer: Buffer, start: number, end: number, template: Template) => Report | undefined;

/** Reads a line by a template; undefined is a surprise. */
function createScanner(context: CheckContext): Scan {
  const dayOf = createDayReader();
  return (buffer, start, end, template) => {
    let at = start;
    let station = '';
    let observedAt = Number.NaN;
    const numbers = new Array<number>(template.quantities.length);
    for (const slot of template.slots) {
      const { before } = slot;
      for (let i = 0; i < before.length; i++) if (buffer[at + i] !== before[i]) return undefined;
      at += before.length;
      if (slot.kind === 'station') {
        const from = at;
        while (at < end && stationBytes[buffer[at] as number] === 1) at++;
        if (at === from || at - from > 64 || buffer[at] !== QUOTE) return undefined;
        station = buffer.toString('latin1', from, at);
      } else if (slot.kind === 'time') {
        observedAt = readInstant(buffer, at, dayOf);
        at += 20;
        if (!(observedAt <= context.receivedAt + FUTURE_MS) || at > end) return undefined;
      } else if (slot.kind === 'number') {
        const stop = numberEnd(buffer, at, end);
        if (stop < 0) return undefined;
        numbers[slot.place] = readNumber(buffer, at, stop);
        at = stop;
      }
    }
    const { after } = template;
    if (end - at !== after.length) return undefined;
    for (let i = 0; i < after.length; i++) if (buffer[at + i] !== after[i]) return undefined;
    const intervalMs = template.intervalMs ?? context.stationInterval?.(station) ?? HOUR_MS;
    const values = scaled(template.slots, numbers, intervalMs);
    return (
      values && {
        station,
        observedAt,
        intervalMs,
        receivedAt: context.receivedAt,
        quantities: template.quantities,
        values,
      }
    );
  };
}

function scaled(slots: readonly Slot[], numbers: number[], intervalMs: number): number[] | undefined {
  for (const slot of slots) {
    if (slot.kind !== 'number') continue;
    const result = checkReading(slot.quantity, numbers[slot.place], slot.unit, intervalMs);
    if (!('value' in result)) return undefined;
    numbers[slot.place] = result.value;
  }
  return numbers;
}

const isDigit = (c: number | undefined): boolean => c !== undefined && c >= 48 && c <= 57;

/** End of a plain JSON number of at most 15 digits; -1 for any other. */
function numberEnd(buffer: Buffer, from: number, end: number): number {
  let at = buffer[from] === 45 ? from + 1 : from;
  const whole = at;
  while (at < end && isDigit(buffer[at])) at++;
  if (at === whole || (buffer[whole] === 48 && at - whole > 1)) return -1;
  if (buffer[at] === DOT) {
    const fraction = ++at;
    while (at < end && isDigit(buffer[at])) at++;
    if (at === fraction) return -1;
  }
  const next = buffer[at];
  return at - whole > 16 || next === 101 || next === 69 ? -1 : at;
}

/** Whole digits over a power of ten: both exact, so the quotient is the nearest double, as Number() gives. */
function readNumber(buffer: Buffer, from: number, end: number): number {
  let mantissa = 0;
  let scale = 1;
  let fraction = false;
  for (let at = buffer[from] === 45 ? from + 1 : from; at < end; at++) {
    const c = buffer[at] as number;
    if (c === DOT) fraction = true;
    else {
      mantissa = mantissa * 10 + (c - 48);
      if (fraction) scale *= 10;
    }
  }
  return (buffer[from] === 45 ? -mantissa : mantissa) / scale;
}

type DayReader = (year: number, month: number, day: number) => number;

/** Epoch ms of a day, NaN when it is not in the calendar; remembers the last. */
function createDayReader(): DayReader {
  let key = -1;
  let at = Number.NaN;
  return (year, month, day) => {
    const wanted = (year * 100 + month) * 100 + day;
    if (wanted !== key) {
      const date = new Date(Date.UTC(year, month - 1, day));
      at =
        year >= 1000 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
          ? date.getTime()
          : Number.NaN;
      key = wanted;
    }
    return at;
  };
}

/** `YYYY-MM-DDThh:mm:ssZ` at `at`; NaN for any other form (the strict path knows them). */
function readInstant(buffer: Buffer, at: number, dayOf: DayReader): number {
  const two = (offset: number): number => {
    const a = (buffer[at + offset] as number) - 48;
    const b = (buffer[at + offset + 1] as number) - 48;
    return a >= 0 && a <= 9 && b >= 0 && b <= 9 ? a * 10 + b : Number.NaN;
  };
  const marks =
    buffer[at + 4] === 45 &&
    buffer[at + 7] === 45 &&
    buffer[at + 10] === 84 &&
    buffer[at + 13] === 58 &&
    buffer[at + 16] === 58 &&
    buffer[at + 19] === 90;
  if (!marks) return Number.NaN;
  const [hour, minute, second] = [two(11), two(14), two(17)];
  if (!(hour < 24 && minute < 60 && second < 60)) return Number.NaN;
  const year = two(0) * 100 + two(2);
  const [month, day] = [two(5), two(8)];
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1)) return Number.NaN;
  return dayOf(year, month, day) + ((hour * 60 + minute) * 60 + second) * 1000;
}
