import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ActCommand, actNames } from '../model/act.ts';
import type { LogRecord } from '../model/record.ts';
import { decodeRecord, encodeRecord, encodeRecords } from './record-codec.ts';

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
const act: fc.Arbitrary<ActCommand> = fc.record(
  {
    type: fc.constant('act' as const),
    act: fc.constantFrom(...actNames),
    alert: fc.string(),
    revision: integer,
    rule: fc.string(),
    subject: fc.record({ kind: fc.constantFrom('station' as const, 'area' as const), id: fc.string() }),
    by: fc.string({ unit: 'grapheme' }),
    reason: fc.string({ unit: 'grapheme' }),
    until: integer,
    text: fc.string({ unit: 'grapheme' }),
    area: fc.oneof(
      fc.record({ radiusKm: integer }),
      fc.record({ polygon: fc.array(fc.tuple(integer, integer)), name: fc.string() }),
    ),
    level: fc.constantFrom('yellow' as const, 'red' as const),
  },
  { requiredKeys: ['type', 'act', 'alert', 'revision', 'rule', 'subject', 'by'] },
);
const record: fc.Arbitrary<LogRecord> = fc.oneof(
  fc.record(
    { kind: fc.constant('report' as const), report, neighbour: fc.constant(true as const) },
    { requiredKeys: ['kind', 'report'] },
  ),
  fc
    .record({
      station: fc.string({ unit: 'grapheme' }),
      issuer: fc.string(),
      issuedAt: integer,
      receivedAt: integer,
      quantity: fc.string(),
      intervalMs: integer,
      steps: fc.array(fc.tuple(integer, integer), { maxLength: 12 }),
    })
    .map(({ steps, ...rest }) => ({
      kind: 'forecast' as const,
      forecast: { ...rest, validAt: steps.map(([at]) => at), values: steps.map(([, value]) => value) },
    })),
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
      act,
    ),
  }),
);

test('every record comes back as it was, alone and among others', () => {
  fc.assert(
    fc.property(fc.array(record), (all) => {
      expect(encodeRecords(all).map(decodeRecord)).toEqual(all);
      expect(encodeRecords(all)).toEqual(all.map(encodeRecord));
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
    json(
      '["c","1","act",{"act":"applaud","alert":"a","revision":1,"rule":"r","subject":{"kind":"area","id":"1"},"by":"x"}]',
    ),
    json('["c","1","act",{"act":"cancel","alert":"a","revision":1,"rule":"r","by":"x"}]'),
    json(
      '["c","1","raise",{"rule":{"name":"manual:dam"},"subject":{"kind":"area","id":"1"},"level":"red","at":1,"by":"x"}]',
    ),
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
