import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AtalaiaError } from '../../lib/errors.ts';
import { ingestResponse } from '../response.ts';
import { decodeBody } from './body.ts';

const receivedAt = Date.UTC(2024, 3, 30, 12);
const at = '2024-04-30T06:00:00Z';
const decode = (body: string | Uint8Array, contentType = 'application/json', encoding?: string) =>
  decodeBody({
    contentType,
    encoding,
    body: typeof body === 'string' ? Buffer.from(body) : body,
    receivedAt,
  });
const one = (values: string, extra = '') =>
  `{"station":"A801","observedAt":"${at}"${extra},"values":${values}}`;
const failure = (run: () => unknown): AtalaiaError => {
  try {
    run();
  } catch (error) {
    if (error instanceof AtalaiaError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('decodeBody', () => {
  it('reads the contract example, with units', () => {
    const { reports, refusals, sent } = decode(
      one('{"rainfall":12.4,"airTemperature":{"value":54.5,"unit":"degF"}}', ',"interval":"PT1H"'),
    );
    expect(refusals).toEqual([]);
    expect(sent).toBe(1);
    expect(reports[0]).toEqual({
      index: 0,
      report: {
        station: 'A801',
        observedAt: Date.parse(at),
        intervalMs: 3_600_000,
        receivedAt,
        quantities: ['rainfall', 'airTemperature'],
        values: [12400, 12500],
      },
    });
  });

  it('shares the layout whatever the key order', () => {
    const { reports } = decode(
      `[${one('{"rainfall":1,"windGust":2}')},${one('{"windGust":3,"rainfall":2}')}]`,
    );
    expect(reports[0]?.report.quantities).toBe(reports[1]?.report.quantities);
    expect(reports[1]?.report.values).toEqual([2000, 3000]);
  });

  it('answers an empty array with 202 and zeros', () => {
    expect(ingestResponse(decode('[]'))).toEqual({
      status: 202,
      body: { accepted: 0, duplicates: 0, rejected: [] },
    });
  });

  it('counts repeats but lets corrections pass', () => {
    const result = decode(
      `[${one('{"rainfall":1}')},${one('{"rainfall":1.0}')},${one('{"rainfall":2}')},${one('{"rainfall":1}')},${one('{}')}]`,
    );
    expect(result).toMatchObject({ sent: 5, duplicates: 1 });
    expect(result.reports.map((entry) => entry.index)).toEqual([0, 2, 3]);
    expect(result.refusals).toMatchObject([{ index: 4, code: 'no-values' }]);
  });

  it.each([
    'NaN',
    '"NaN"',
    'Infinity',
    '1e999',
    '"12,5"',
    'null',
    '[]',
    '{"value":1,"unit":"C"}',
    '{"unit":"mm"}',
    'true',
  ])('refuses rainfall %s by name and keeps the others', (value) => {
    const result = decode(one(`{"rainfall":${value},"windGust":2}`));
    expect(result.reports[0]?.report.quantities).toEqual(['windGust']);
    expect(result.refusals).toMatchObject([{ index: 0, quantity: 'rainfall' }]);
  });

  it.each([
    ['2024-04-30T24:00:00Z', 'time'],
    ['2024-04-30T06:00:00', 'time'],
    ['2024-02-30T06:00:00Z', 'time'],
    ['2024-04-30T12:05:01Z', 'future'],
    ['2099-01-01T00:00:00Z', 'future'],
  ])('%s is refused as %s', (observedAt, code) => {
    const result = decode(JSON.stringify({ station: 'A801', observedAt, values: { rainfall: 1 } }));
    expect(result.refusals).toMatchObject([{ index: 0, code }]);
    expect(ingestResponse(result).status).toBe(422);
  });

  it('takes second 60 as the next second, five minutes ahead, and the station interval', () => {
    const body = '{"station":"A","observedAt":"2024-04-30T12:04:60Z","values":{"rainfall":1}}';
    const { reports } = decodeBody({
      contentType: 'application/json; charset=UTF-8',
      encoding: '',
      body: Buffer.from(body),
      receivedAt,
      stationInterval: () => 600_000,
    });
    expect(reports[0]?.report).toMatchObject({ observedAt: receivedAt + 300_000, intervalMs: 600_000 });
  });

  it.each([
    ['{"a":1', 'line 1, column 7'],
    ['[1,\n 2,]', 'line 2, column 4'],
    ['', 'line 1, column 1'],
    ['{"a":"\\ud800"}', 'line 1, column 6'],
    ['{"__proto__":{}}', 'line 1, column 2'],
    ['{"values":{"constructor":1}}', 'column 12'],
    ['\ufeff{}', 'byte order mark'],
    ['['.repeat(200_000), 'levels deep'],
    ['[{}]x', 'column 5'],
    ['[01]', 'column 3'],
  ])('%.40s cannot be read: %s', (body, place) => {
    const error = failure(() => decode(body));
    expect(error.code).toBe('ATL_UNREADABLE');
    expect(error.message).toContain(place);
  });

  it('refuses UTF-16 and bytes that are not UTF-8, and leaves prototypes alone', () => {
    expect(failure(() => decode(Buffer.from('{}', 'utf16le'))).code).toBe('ATL_UNREADABLE');
    expect(failure(() => decode(Buffer.from([0x7b, 0x22, 0xff, 0x22]))).message).toContain('column 3');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('refuses a report in which a name stands twice', () => {
    expect(decode(one('{"rainfall":1,"rainfall":2}'))).toMatchObject({
      reports: [],
      refusals: [{ code: 'form' }],
    });
  });

  it('bounds size, unpacked size, reports and readings', () => {
    expect(failure(() => decode(Buffer.alloc(8 * 1024 * 1024 + 1, 32))).code).toBe('ATL_TOO_LARGE');
    expect(
      failure(() => decode(gzipSync(Buffer.alloc(20 * 1024 * 1024, 32)), 'application/json', 'gzip')).code,
    ).toBe('ATL_TOO_LARGE');
    expect(failure(() => decode(`[${'0,'.repeat(10_000)}0]`)).code).toBe('ATL_TOO_LARGE');
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`q${i}`, 1]));
    expect(decode(one(JSON.stringify(many)))).toMatchObject({ refusals: [{ code: 'form' }] });
  });

  it('reads gzip, refuses damaged gzip and other media', () => {
    expect(decode(gzipSync(one('{"rainfall":1}')), 'application/json', 'gzip').reports).toHaveLength(1);
    expect(failure(() => decode(Buffer.from('no gzip'), 'application/json', 'gzip')).code).toBe(
      'ATL_UNREADABLE',
    );
    expect(failure(() => decode('{}', 'text/plain')).code).toBe('ATL_UNSUPPORTED_MEDIA');
    expect(failure(() => decode('{}', 'application/json', 'br')).code).toBe('ATL_UNSUPPORTED_MEDIA');
    expect(failure(() => decode('{}', 'constructor')).code).toBe('ATL_UNSUPPORTED_MEDIA');
  });

  it('reads NDJSON and names the line', () => {
    expect(
      decode(`${one('{"rainfall":1}')}\r\n\n${one('{"rainfall":2}')}`, 'application/x-ndjson').reports,
    ).toHaveLength(2);
    expect(failure(() => decode(`${one('{}')}\n{x}`, 'application/x-ndjson')).message).toContain(
      'line 2, column 2',
    );
  });

  it('reads NDJSON by the layouts of earlier lines as it would alone, across bodies', () => {
    const values = fc.constantFrom(
      '1',
      '2.5',
      '600',
      'null',
      '"x"',
      '01',
      '{"value":1,"unit":"in"}',
      '{"value":1,"unit":"C"}',
    );
    const line = fc
      .tuple(
        values,
        fc.constantFrom('', ',"a":1', ',"a":1,"a":2', ',"interval":"PT1H"'),
        fc.constantFrom(at, '2024-04-30T24:00:00Z'),
      )
      .map(([value, extra, instant]) =>
        one(`{"rainfall":${value},"windGust":2}`, extra).replace(at, instant),
      );
    const outcome = (body: string, contentType?: string): unknown => {
      try {
        return decode(body, contentType);
      } catch (error) {
        return (error as Error).message;
      }
    };
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1, maxLength: 8 }),
        fc.constantFrom('', '\n', '\n\n', '\nx'),
        (lines, end) => {
          const body = lines.join('\n') + end;
          const bad = lines.findIndex((text) => text.includes(':01')) + 1;
          const found = outcome(body, 'application/x-ndjson');
          if (bad > 0) expect(found).toContain(`line ${bad},`);
          else if (end === '\nx') expect(found).toContain(`line ${lines.length + 1}, column 1`);
          else expect(found).toEqual(outcome(`[${lines.join(',')}]`));
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('joins CSV rows into reports', () => {
    const rows = [
      'station,observedAt,quantity,value,unit,interval',
      `A,${at},rainfall,1.5,mm,PT1H`,
      `B,${at},rainfall,2,,`,
      `A,${at},airTemperature,54.5,degF,PT1H`,
      `A,${at},windGust,"1,5",,PT1H`,
      `A,${at},rainfall,1.5,mm,PT1H`,
    ];
    const result = decode(rows.join('\n'), 'text/csv');
    expect(result.reports.map(({ report }) => [report.station, report.quantities, report.values])).toEqual([
      ['A', ['rainfall', 'airTemperature'], [1500, 12500]],
      ['B', ['rainfall'], [2000]],
    ]);
    expect(result).toMatchObject({
      sent: 3,
      duplicates: 1,
      refusals: [{ index: 0, quantity: 'windGust', code: 'not-finite' }],
    });
    expect(failure(() => decode('station,observedat,quantity,value\n', 'text/csv')).message).toContain(
      'did you mean observedAt',
    );
  });

  it('never throws anything else and always adds up', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc
            .array(
              fc.record(
                {
                  station: fc.string(),
                  observedAt: fc.constantFrom(at, '', 'x'),
                  values: fc.dictionary(fc.constantFrom('rainfall', 'x'), fc.oneof(fc.double(), fc.string())),
                },
                { requiredKeys: [] },
              ),
            )
            .map((v) => JSON.stringify(v)),
        ),
        (body) => {
          try {
            const result = decode(body);
            const listed = new Set(result.refusals.map((refusal) => refusal.index));
            for (const { index } of result.reports) listed.delete(index);
            expect(result.reports.length + result.duplicates).toBeLessThanOrEqual(result.sent);
            expect(result.sent - result.reports.length - result.duplicates).toBeLessThanOrEqual(listed.size);
          } catch (error) {
            if (!(error instanceof AtalaiaError)) throw error;
          }
        },
      ),
    );
  });

  it('refuses each report of a station that is not allowed, with its place, before repeats are looked for', () => {
    const stations = fc.array(fc.constantFrom('A1', 'A2', 'B1'), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(stations, fc.constantFrom('json', 'x-ndjson'), (names, form) => {
        const lines = names.map((station) =>
          JSON.stringify({ station, observedAt: at, values: { rainfall: 1 } }),
        );
        const body = Buffer.from(form === 'json' ? `[${lines}]` : `${lines.join('\n')}\n`);
        const isAllowed = (station: string): boolean => station !== 'B1';
        const input = { contentType: `application/${form}`, encoding: undefined, body, receivedAt };
        const result = decodeBody({ ...input, isAllowed });
        const refused = names.flatMap((name, index) => (name === 'B1' ? [index] : []));
        expect(result.refusals.map(({ index, code }) => [index, code])).toEqual(
          refused.map((n) => [n, 'scope']),
        );
        expect(result.reports.every(({ report }) => report.station !== 'B1')).toBe(true);
        expect(result.reports.length + result.duplicates + refused.length).toBe(names.length);
        const all = decodeBody({ ...input, isAllowed: () => true });
        expect(all).toEqual(decodeBody(input));
      }),
    );
  });
});
