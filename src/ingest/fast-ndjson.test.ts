import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Refusal, Report } from '../model/report.ts';
import { createNdjsonParser, strictLine } from './fast-ndjson.ts';
import { LineScanner } from './ndjson-scan.ts';
import { learnTemplate } from './ndjson-template.ts';

const context = {
  receivedAt: Date.UTC(2024, 4, 1),
  stationInterval: (id: string) => (id === 'A' ? 600_000 : id === 'B801' ? 0 : null),
};

function strict(buffer: Buffer): unknown[] {
  const out: unknown[] = [];
  for (const [i, text] of buffer.toString('latin1').split('\n').entries()) {
    const result = strictLine(Buffer.from(text, 'latin1'), i + 1, context, (refusal) => out.push(refusal));
    if (typeof result === 'object') out.push([i + 1, result]);
  }
  return out;
}
function fast(buffer: Buffer, registryVersion?: number): unknown[] {
  const out: unknown[] = [];
  createNdjsonParser({ ...context, registryVersion }).parse(
    buffer,
    (report, line) => out.push([line, report]),
    (refusal) => out.push(refusal),
  );
  return out;
}
function expectSame(buffer: Buffer): void {
  const wanted = strict(buffer);
  expect(fast(buffer)).toEqual(wanted);
  expect(fast(buffer, 1)).toEqual(wanted);
}

/** A line in a form that templates know, with what the given parts vary. */
const sent = (s: string, t: string, n: string, rest = '') =>
  `{"station":"${s}","observedAt":"${t}","values":{"rainfall":${n},"windGust":{"value":${n},"unit":"km/h"}}${rest}}`;
const isFast = (first: string, second: string): boolean => {
  const template = learnTemplate(Buffer.from(first));
  const bytes = Buffer.from(`${second}\n`);
  const scanner = new LineScanner();
  scanner.open(bytes, context);
  return template !== undefined && scanner.read(0, template) !== undefined && scanner.end === bytes.length;
};

const number = fc.oneof(
  fc.constantFrom(
    '0',
    '-0',
    '1.25',
    '00',
    '1e1',
    '1E400',
    '-5.0005',
    '.5',
    '5.',
    '999',
    '123456789012345678',
    'null',
    '"1"',
    '1.000500',
    '72.69999999999999',
    '0.1234567',
    '2147483.648',
    '999999999',
    '4294967297',
    '4295.967297',
    '-',
    '1.5.2',
    'NaN',
    '1e-7',
  ),
  fc.double({ noNaN: true, min: -20, max: 120 }).map(String),
  fc.integer({ min: 0, max: 900 }).map((n) => String(n / 10)),
);
const reading = fc
  .tuple(
    fc.constantFrom('rainfall', 'airTemperature', 'windGust', 'wind\\u0047ust', 'nope'),
    number,
    fc.constantFrom('', '', 'mm', 'in', 'degF', 'K', 'km/h', 'kt'),
  )
  .map(([name, value, unit]) => `"${name}":${unit === '' ? value : `{"value":${value},"unit":"${unit}"}`}`);
const values = fc.array(reading, { maxLength: 3 }).map((list) => `"values":{${list.join(',')}}`);
const time = fc
  .constantFrom(
    '2024-04-30T06:00:00Z',
    '2024-04-30T23:59:60Z',
    '2024-04-30T24:00:00Z',
    '2024-02-30T00:00:00Z',
    '2024-04-29T01:02:03Z',
    '2024-04-30T06:00:00-03:00',
    '2024-04-30T06:00:00.5Z',
    '2024-04-30T06:00:00.000Z',
    '2024-04-30t06:00:00z',
    '2024-05-02T00:00:00Z',
    '0024-04-30T06:00:00Z',
  )
  .map((t) => `"observedAt":"${t}"`);
const station = fc
  .constantFrom('A', 'B801', '\\u0041', 'é', '', 'x'.repeat(65))
  .map((s) => `"station":"${s}"`);
const interval = fc.constantFrom(
  '',
  '',
  '"interval":"PT1H"',
  '"interval":"PT0S"',
  '"interval":null',
  '"interval":"PT10M"',
  '"extra":{"station":"Q"}',
  '"extra":"plain text"',
  '"extra":"açúcar"',
  '"extra":-12.75',
  '"extra":1e5',
  '"extra":[1,{"values":{}}]',
  '"extra":true',
  '"\\u0065xtra":"\\n"',
  '"station":"Z"',
);
const line = fc
  .tuple(
    fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
    station,
    time,
    interval,
    values,
    fc.constantFrom(',', ' , ', ',\t', ',\u00a0'),
    fc.constantFrom('', '\r', ' ', 'x', '}'),
  )
  .map(
    ([order, s, t, i, v, comma, end]) =>
      `{${order
        .map((n) => [s, t, i, v][n])
        .filter((part) => part !== '')
        .join(comma)}}${end}`,
  );

describe('createNdjsonParser', () => {
  it('gives what the strict path gives, whatever the lines', () => {
    const lines = fc.array(fc.tuple(line, fc.integer({ min: 1, max: 3 })), { maxLength: 12 });
    fc.assert(
      fc.property(lines, fc.constantFrom('\n', '\r\n', '\n\n'), fc.boolean(), (list, lineEnd, isEnded) => {
        const texts = list.flatMap(([text, times]) => Array.from({ length: times }, () => text));
        expectSame(Buffer.from(texts.join(lineEnd) + (isEnded ? lineEnd : '')));
      }),
      { numRuns: 1500 },
    );
  });

  it('repeats a refusal on every line of one layout', () => {
    const text =
      '{"station":"A","observedAt":"2024-04-30T06:00:00Z","values":{"rainfall":null,"windGust":1}}';
    const buffer = Buffer.from(`${text}\n${text}\n`);
    expectSame(buffer);
    expect(fast(buffer)).toHaveLength(4);
  });

  it('gives the same for one layout with other numbers, stations and bytes damaged', () => {
    const variant = fc.tuple(
      fc.constantFrom('A', 'B2', 'a b'),
      fc.constantFrom('2024-04-30T06:00:00Z', '2024-04-30T07:60:00Z', '2024-13-01T00:00:00Z'),
      number,
      fc.constantFrom('', ',"battery":12.5', ',"note":"ok"'),
      fc.option(
        fc.tuple(fc.nat(90), fc.constantFrom('"', '\\', '0', 'e', '\u00e9', ',', '', '\n', '\u0000')),
      ),
    );
    fc.assert(
      fc.property(fc.array(variant, { maxLength: 10 }), (list) => {
        const texts = list.map(([s, t, n, rest, damage]) => {
          const text = sent(s, t, n, rest);
          return damage === null ? text : text.slice(0, damage[0]) + damage[1] + text.slice(damage[0] + 1);
        });
        expectSame(Buffer.from([sent('A', '2024-04-30T05:00:00Z', '1'), ...texts].join('\n')));
      }),
      { numRuns: 1500 },
    );
  });

  it('gives the same for valid lines with any bytes changed, cut out, doubled or put in', () => {
    const base = ['', ',"battery":12.5,"note":"ok"', ',"interval":"PT1H"'].map((rest, i) =>
      sent('A801', `2024-04-30T0${i}:10:20Z`, `${i}.25`, rest),
    );
    const start = Buffer.from(`${[...base, ...base, ...base].join('\n')}\n`);
    const change = fc.tuple(fc.nat(start.length - 1), fc.nat(6), fc.uint8Array({ maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let bytes: Buffer = start;
        for (const [at, cut, put] of changes)
          bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + cut)]);
        expectSame(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['other values', sent('B2', '2024-04-29T23:59:59Z', '-0')],
    ['a long number', sent('B2', '2024-04-29T23:59:59Z', '1.50000000000000000001')],
    ['fraction and zone', sent('B2', '2024-04-29T23:59:59.250-03:00', '1'), '2024-04-30T06:00:00.250-03:00'],
    [
      'more keys',
      sent('B2', '2024-04-29T23:59:59Z', '1', ',"battery":1,"note":"x"'),
      undefined,
      ',"battery":12.5,"note":""',
    ],
    ['CR', `${sent('B2', '2024-04-29T23:59:59Z', '1')}\r`, undefined, '', '\r'],
  ])(
    'reads a line by the layout of another with %s',
    (_, second, time = '2024-04-30T06:00:00Z', rest = '', end = '') =>
      expect(isFast(sent('A', time, '1.5', rest) + end, second)).toBe(true),
  );

  it.each([
    ['another unit', sent('A', '2024-04-30T06:00:00Z', '1').replace('km/h', 'm/s!')],
    ['a number out of range', sent('A', '2024-04-30T06:00:00Z', '500.5')],
    ['a number out of range for its interval', sent('A', '2024-04-30T06:00:00Z', '84')],
    ['an interval of nothing', sent('B801', '2024-04-30T06:00:00Z', '1')],
    ['a future instant', sent('A', '2024-05-01T00:05:01Z', '1')],
    ['a leading zero', sent('A', '2024-04-30T06:00:00Z', '01')],
    ['no digit after the point', sent('A', '2024-04-30T06:00:00Z', '1.')],
    ['a number that wraps around in 32 bits', sent('A', '2024-04-30T06:00:00Z', '4294967297')],
    ['an exponent', sent('A', '2024-04-30T06:00:00Z', '1e1')],
    ['more after the end', `${sent('A', '2024-04-30T06:00:00Z', '1')} x`],
  ])('leaves %s to the strict path', (_, second) =>
    expect(isFast(sent('C', '2024-04-30T06:00:00Z', '1.5'), second)).toBe(false),
  );

  it('stays right when every line has another layout, and when one comes back after many', () => {
    const texts = Array.from({ length: 400 }, (_, i) =>
      sent('A', '2024-04-30T06:00:00Z', `${i % 9}`, `,"k${i % 97}":1`),
    );
    expectSame(Buffer.from(texts.join('\n')));
  });

  it('asks for the interval anew when the registry changes', () => {
    let answer = 600_000;
    const changing = { receivedAt: context.receivedAt, stationInterval: () => answer, registryVersion: 1 };
    const parser = createNdjsonParser(changing);
    const bytes = Buffer.from(`${sent('A', '2024-04-30T06:00:00Z', '1')}\n`.repeat(3));
    const intervals = (): number[] => {
      const found: number[] = [];
      parser.parse(
        bytes,
        (report: Report) => found.push(report.intervalMs),
        (_: Refusal) => {},
      );
      return found;
    };
    expect(intervals()).toEqual([600_000, 600_000, 600_000]);
    answer = 300_000;
    changing.registryVersion = 2;
    expect(intervals()).toEqual([300_000, 300_000, 300_000]);
  });
});
