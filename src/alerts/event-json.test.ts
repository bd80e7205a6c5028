import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AlertEvent } from '../model/alert.ts';
import { formatAlertEvent } from './event-json.ts';

const at = Date.parse('2024-04-30T06:00:00Z');
const event: AlertEvent = {
  evidence: [
    {
      observations: 4,
      coverage: 2 / 3,
      to: at,
      from: at - 3_600_000,
      threshold: 1e-7,
      unit: 'mm',
      value: 0.1 + 0.2,
      expression: 'sum(rainfall, 1h) >= 60 mm',
      upperBound: 70,
      stations: ['A801', 'A802'],
    },
    { expression: 'x', unit: 'm', threshold: 2, from: at, to: at, coverage: 0, observations: 0 },
  ],
  late: true,
  issuedAt: at + 1999,
  at,
  onsetAt: at,
  previousLevel: 'yellow',
  level: 'red',
  subject: { id: 'A801', kind: 'station' },
  hazard: 'rain',
  rule: 'chuva-intensa',
  endReason: 'cleared',
  event: 'ended',
  revision: 2,
  alert: 'ab'.repeat(16),
};

describe('formatAlertEvent', () => {
  it('writes every key in the order of the contract', () => {
    expect(formatAlertEvent(event)).toBe(
      `{"alert":"${'ab'.repeat(16)}","revision":2,"event":"ended","endReason":"cleared","rule":"chuva-intensa",` +
        '"hazard":"rain","subject":{"kind":"station","id":"A801"},"level":"red","previousLevel":"yellow",' +
        '"onsetAt":"2024-04-30T06:00:00Z","at":"2024-04-30T06:00:00Z","issuedAt":"2024-04-30T06:00:01Z","late":true,' +
        '"evidence":[{"expression":"sum(rainfall, 1h) >= 60 mm","value":0.3,"unit":"mm","threshold":0.0000001,' +
        '"from":"2024-04-30T05:00:00Z","to":"2024-04-30T06:00:00Z","coverage":0.667,"observations":4,' +
        '"upperBound":70,"stations":["A801","A802"]},{"expression":"x","unit":"m","threshold":2,' +
        '"from":"2024-04-30T06:00:00Z","to":"2024-04-30T06:00:00Z","coverage":0,"observations":0}]}',
    );
  });

  it('marks what is forecast, by whom and when', () => {
    const [first] = event.evidence;
    const forecast = { issuer: 'gfs', issuedAt: at };
    const evidence = [
      { ...(first as (typeof event.evidence)[number]), forecast },
      { ...(first as (typeof event.evidence)[number]), forecast: null },
    ];
    const text = formatAlertEvent({ ...event, forecast: true, evidence });
    expect(text).toContain('"late":true,"forecast":true,"evidence"');
    expect(text).toContain('"forecast":{"issuer":"gfs","issuedAt":"2024-04-30T06:00:00Z"}}');
    expect(text).toContain('"forecast":null}');
  });

  it('leaves absent keys out', () => {
    const { late: _late, previousLevel: _previous, endReason: _end, ...rest } = event;
    const text = formatAlertEvent({ ...rest, event: 'raised', evidence: [] });
    expect(Object.keys(JSON.parse(text))).toEqual([
      'alert',
      'revision',
      'event',
      'rule',
      'hazard',
      'subject',
      'level',
      'onsetAt',
      'at',
      'issuedAt',
      'evidence',
    ]);
  });

  it('writes any finite number so that it reads back the same, without exponent and on one line', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.string(),
        (threshold, expression) => {
          const first = event.evidence[0];
          if (!first) throw new Error('no evidence');
          const text = formatAlertEvent({ ...event, evidence: [{ ...first, threshold, expression }] });
          expect(text).not.toContain('\n');
          expect(/"threshold":([^,]+)/.exec(text.slice(text.lastIndexOf('"unit"')))?.[1]).toMatch(
            /^-?\d+(\.\d+)?$/,
          );
          expect(JSON.parse(text).evidence[0]).toMatchObject({
            threshold: threshold === 0 ? 0 : threshold,
            expression,
          });
        },
      ),
    );
  });

  it('refuses a number that is none', () => {
    expect(() => formatAlertEvent({ ...event, revision: Number.NaN })).toThrow('NaN');
  });
});
