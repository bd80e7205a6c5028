import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Refusal, Report } from '../model/report.ts';
import { createNdjsonParser, strictLine } from './fast-ndjson.ts';

const context = {
  receivedAt: Date.UTC(2024, 4, 1),
  stationInterval: (id: string) => (id === 'A' ? 600_000 : null),
};

function strict(buffer: Buffer): unknown[] {
  const out: unknown[] = [];
  for (const [i, text] of buffer.toString('latin1').split('\n').entries()) {
    const result = strictLine(Buffer.from(text, 'latin1'), i + 1, context, (refusal) => out.push(refusal));
    if (typeof result === 'object') out.push(result);
  }
  return out;
}
function fast(buffer: Buffer): unknown[] {
  const out: (Report | Refusal)[] = [];
  createNdjsonParser(context).parse(
    buffer,
    (report) => out.push(report),
    (refusal) => out.push(refusal),
  );
  return out;
}

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
  ),
  fc.double({ noNaN: true, min: -20, max: 120 }).map(String),
  fc.integer({ min: 0, max: 900 }).map((n) => String(n / 10)),
);
const reading = fc
  .tuple(
    fc.constantFrom('rainfall', 'airTemperature', 'windGust', 'wind\\u0047ust', 'nope'),
    number,
    fc.constantFrom('', '', 'mm', 'degF', 'km/h'),
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
  '"extra":{"station":"Q"}',
  '"station":"Z"',
);
const line = fc
  .tuple(
    fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
    station,
    time,
    interval,
    values,
    fc.constantFrom(',', ' , ', ',\t'),
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
      fc.property(lines, (list) => {
        const buffer = Buffer.from(
          list.flatMap(([text, times]) => Array.from({ length: times }, () => text)).join('\n'),
        );
        expect(fast(buffer)).toEqual(strict(buffer));
      }),
      { numRuns: 1500 },
    );
  });

  it('repeats a refusal on every line of one layout', () => {
    const text =
      '{"station":"A","observedAt":"2024-04-30T06:00:00Z","values":{"rainfall":null,"windGust":1}}';
    const buffer = Buffer.from(`${text}\n${text}\n`);
    expect(fast(buffer)).toEqual(strict(buffer));
    expect(fast(buffer)).toHaveLength(4);
  });

  it('gives the same for one layout with other numbers, stations and bytes damaged', () => {
    const base = (s: string, t: string, n: string) =>
      `{"station":"${s}","observedAt":"${t}","values":{"rainfall":${n},"windGust":{"value":${n},"unit":"km/h"}}}`;
    const variant = fc.tuple(
      fc.constantFrom('A', 'B2', 'a b'),
      fc.constantFrom('2024-04-30T06:00:00Z', '2024-04-30T07:60:00Z', '2024-13-01T00:00:00Z'),
      number,
      fc.option(fc.tuple(fc.nat(90), fc.constantFrom('"', '\\', '0', 'e', '\u00e9', ','))),
    );
    fc.assert(
      fc.property(fc.array(variant, { maxLength: 10 }), (list) => {
        const texts = list.map(([s, t, n, damage]) => {
          const text = base(s, t, n);
          return damage === null ? text : text.slice(0, damage[0]) + damage[1] + text.slice(damage[0] + 1);
        });
        const buffer = Buffer.from([base('A', '2024-04-30T05:00:00Z', '1'), ...texts].join('\n'));
        expect(fast(buffer)).toEqual(strict(buffer));
      }),
      { numRuns: 1500 },
    );
  });
});
