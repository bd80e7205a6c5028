import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Report } from '../model/report.ts';
import { decodeRecord, encodeRecord } from './record-codec.ts';
import { ReportBytes } from './report-bytes.ts';

const layouts = [
  ['rainfall'],
  ['rainfall', 'windGust'],
  ['airTemperature', 'dewPoint', 'relativeHumidity'],
].map((names) => Object.freeze(names));

const instant = fc.integer({ min: -1e12, max: 4e12 });
const value = fc.oneof(
  fc.integer({ min: -100_000, max: 2_000_000 }),
  fc.maxSafeInteger().map((n) => n + 0),
  fc.constantFrom(0, -0, 0.5, 1e15, 1e16, 1e21, 999_999_999_999_999),
);
const station = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9._:-]{1,64}$/),
  fc.string({ maxLength: 70 }),
  fc.constantFrom('A1', 'é', 'a"b', 'a\\b', '\n', '\u007f', 'S'.repeat(64), 'S'.repeat(65)),
);
const report: fc.Arbitrary<Report> = fc.constantFrom(...layouts).chain((quantities) =>
  fc.record({
    station,
    observedAt: instant,
    intervalMs: fc.nat(),
    receivedAt: instant,
    quantities: fc.constant(quantities),
    values: fc.array(value, { minLength: quantities.length, maxLength: quantities.length }),
  }),
);
const record = fc.record(
  { kind: fc.constant('report' as const), report, neighbour: fc.constant(true as const) },
  { requiredKeys: ['kind', 'report'] },
);

const general = ({ report: one, neighbour }: { report: Report; neighbour?: true }): Buffer => {
  const fields = [one.station, one.observedAt, one.intervalMs, one.receivedAt, one.quantities, one.values];
  return Buffer.from(`\u0001${JSON.stringify(neighbour ? ['r', ...fields, 1] : ['r', ...fields])}`);
};

const outcome = (bytes: Uint8Array): unknown => {
  try {
    return decodeRecord(bytes);
  } catch (error) {
    return (error as Error).message;
  }
};

/** White space before the array, which JSON allows, is nothing that the reader of bytes takes. */
const behindSpace = (bytes: Uint8Array): Uint8Array =>
  Buffer.concat([bytes.subarray(0, 1), Buffer.from(' '), bytes.subarray(1)]);

test('a report is written as JSON.stringify writes it', () => {
  fc.assert(
    fc.property(record, (one) => {
      expect(Buffer.from(encodeRecord(one)).toString('latin1')).toBe(general(one).toString('latin1'));
    }),
    { numRuns: 2000 },
  );
});

test('bytes, intact or changed anywhere, are read as through JSON.parse', () => {
  const piece = fc.constantFrom(...'"\\,[]{}-+.eE019 a\n', ',1', '""', '-0', '00', '\u0000', 'é', '');
  const edit = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat(2), piece });
  fc.assert(
    fc.property(record, fc.array(edit, { maxLength: 2 }), (one, edits) => {
      let bytes = Buffer.from(encodeRecord(one));
      for (const { at, cut, piece: text } of edits) {
        const place = 1 + Math.floor(at * (bytes.length - 1));
        bytes = Buffer.concat([bytes.subarray(0, place), Buffer.from(text), bytes.subarray(place + cut)]);
      }
      expect(outcome(bytes)).toStrictEqual(outcome(behindSpace(bytes)));
    }),
    { numRuns: Number(process.env.REPORT_BYTES_RUNS ?? 5000) },
  );
});

test('every small change of a plain report is read as through JSON.parse', () => {
  const quantities = layouts[1] as readonly string[];
  const plain = {
    station: 'A801',
    observedAt: 17,
    intervalMs: 0,
    receivedAt: 30,
    quantities,
    values: [200, -15],
  };
  const bytes = Buffer.from(encodeRecord({ kind: 'report', report: plain }));
  decodeRecord(bytes);
  const pieces = [...'"\\,[]{}-+.eE019 a\n\té', ',1', ',2', '-0', '00', '9007199254740993', ''];
  for (let place = 1; place <= bytes.length; place++) {
    for (const piece of pieces) {
      for (let cut = 0; cut <= 2; cut++) {
        const parts = [bytes.subarray(0, place), Buffer.from(piece), bytes.subarray(place + cut)];
        const changed = Buffer.concat(parts);
        expect(outcome(changed)).toStrictEqual(outcome(behindSpace(changed)));
      }
    }
  }
});

test('a plain report of a layout that was taught is read from its bytes', () => {
  const reader = new ReportBytes();
  const one: Report = {
    station: 'A801',
    observedAt: 1,
    intervalMs: 0,
    receivedAt: 3,
    quantities: ['rainfall', 'windGust'],
    values: [200, -1500],
  };
  const bytes = encodeRecord({ kind: 'report', report: one, neighbour: true });
  expect(reader.read(bytes, 1)).toBeUndefined();
  reader.learn(one.quantities);
  expect(reader.read(bytes, 1)).toStrictEqual({ report: one, isNeighbour: true });
});
