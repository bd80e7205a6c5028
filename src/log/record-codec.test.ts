import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LogRecord } from '../model/record.ts';
import { decodeRecord, encodeRecord } from './record-codec.ts';

const integer = fc.maxSafeInteger().map((n) => n + 0);
const report = fc
  .record({
    station: fc.string({ unit: 'grapheme' }),
    observedAt: integer,
    intervalMs: integer,
    receivedAt: integer,
    readings: fc.array(fc.tuple(fc.string(), integer), { maxLength: 12 }),
  })
  .map(({ readings, ...rest }) => ({
    ...rest,
    quantities: readings.map(([q]) => q),
    values: readings.map(([, v]) => v),
  }));
const record: fc.Arbitrary<LogRecord> = fc.oneof(
  fc.record(
    { kind: fc.constant('report' as const), report, neighbour: fc.constant(true as const) },
    { requiredKeys: ['kind', 'report'] },
  ),
  fc.record(
    { kind: fc.constant('tick' as const), at: integer, gap: fc.constant(true as const) },
    { requiredKeys: ['kind', 'at'] },
  ),
  fc.record({
    kind: fc.constant('command' as const),
    id: fc.string(),
    command: fc.oneof(
      fc.record({ type: fc.constantFrom('rules' as const, 'stations' as const), hash: fc.string() }),
      fc.record({ type: fc.constant('recording' as const), delayMs: integer, startAt: integer }),
    ),
  }),
);

test('every record comes back as it was', () => {
  fc.assert(
    fc.property(record, (one) => {
      expect(decodeRecord(encodeRecord(one))).toEqual(one);
    }),
  );
});

test('reports of one layout share one array', () => {
  const make = (station: string): Uint8Array =>
    encodeRecord({
      kind: 'report',
      report: {
        station,
        observedAt: 1,
        intervalMs: 2,
        receivedAt: 3,
        quantities: ['rainfall', 'windGust'],
        values: [1, 2],
      },
    });
  const [a, b] = [decodeRecord(make('A1')), decodeRecord(make('A2'))];
  expect(a.kind === 'report' && b.kind === 'report' && a.report.quantities === b.report.quantities).toBe(
    true,
  );
});

test('bytes that are no record are named as damage', () => {
  const json = (text: string): Uint8Array => Buffer.from(`\u0001${text}`);
  for (const bad of [
    new Uint8Array(0),
    Buffer.from('\u0002["t",1]'),
    json('["t"'),
    json('["t","1"]'),
    json('["x"]'),
    json('{}'),
    json('["r","s",1,2,3,["q"],[]]'),
    Buffer.from([1, 255]),
  ]) {
    expect(() => decodeRecord(bad)).toThrowError(expect.objectContaining({ code: 'ATL_LOG_DAMAGED' }));
  }
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      try {
        decodeRecord(bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ATL_LOG_DAMAGED' });
      }
    }),
  );
});

test('layouts whose names run together stay apart', () => {
  for (const quantities of [[], [''], ['', ''], ['\n'], ['a', 'b'], ['a\nb']]) {
    const report = {
      station: 's',
      observedAt: 1,
      intervalMs: 2,
      receivedAt: 3,
      quantities,
      values: quantities.map(() => 1),
    };
    expect(decodeRecord(encodeRecord({ kind: 'report', report }))).toEqual({ kind: 'report', report });
  }
});
