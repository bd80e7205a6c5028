import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../model/time.ts';
import type { ReadAlert } from '../cap/read/message.ts';
import { type ForeignFacts, foreignFacts, keyOf, RETENTION_MS } from './facts.ts';
import { info, message } from './fixture.ts';

const SENT = Date.UTC(2026, 0, 15, 13);
const read = (one: ReadAlert, now = SENT) => foreignFacts(one, { source: 'feed', now, faulty: false });
function factsOf(one: ReadAlert): ForeignFacts {
  const facts = read(one);
  if ('refused' in facts) throw new Error(facts.refused);
  return facts;
}
const ended = (one: ReadAlert): readonly string[] =>
  factsOf(one).ends.map(({ key, kind }) => `${kind} ${(JSON.parse(key) as string[])[2]}`);
const triple = (identifier: string, sender = 'x@example.org'): string =>
  `${sender},${identifier},2026-01-15T09:00:00-03:00`;

it.each<[string, Partial<ReadAlert>, number, string]>([
  ['no sender', { sender: ' ' }, SENT, 'unnamed'],
  ['no instant', { sent: 'yesterday' }, SENT, 'unnamed'],
  ['a name beyond any bound', { identifier: 'x'.repeat(501) }, SENT, 'unnamed'],
  ['a draft', { status: 'Draft' }, SENT, 'status'],
  ['a sign of life of the system', { status: 'System' }, SENT, 'status'],
  ['a private message', { scope: 'Private' }, SENT, 'scope'],
  ['an acknowledgement', { msgType: 'Ack' }, SENT, 'type'],
  ['a name of the prototype', { msgType: 'constructor' }, SENT, 'type'],
  ['tomorrow', {}, SENT - DAY_MS - 1, 'future'],
  ['long ago', {}, SENT + RETENTION_MS + 1, 'old'],
])('refuses %s', (_name, more, now, why) => {
  expect(read(message(more), now)).toEqual({ refused: why });
  expect(read(message())).toHaveProperty('alert');
});

describe('what a message ends', () => {
  it.each<[string, Partial<ReadAlert>, readonly string[]]>([
    ['an alert ends nothing', { references: triple('a.0') }, []],
    ['an update', { msgType: 'Update', references: triple('a.0') }, ['superseded a.0']],
    ['an update without content', { msgType: 'Update', references: triple('a.0'), info: [] }, []],
    [
      'an update under the name of what it replaces',
      { msgType: 'Update', references: `${triple('a.1')} ${triple('a.0')}` },
      ['superseded a.0'],
    ],
    ['a cancellation', { msgType: 'Cancel', references: triple('a.0') }, ['cancelled a.0', 'cancelled a.1']],
    ['an error', { msgType: 'Error', references: triple('a.0') }, ['withdrawn a.0', 'withdrawn a.1']],
    ['of another sender nothing', { msgType: 'Update', references: triple('a.0', 'y@example.org') }, []],
    [
      'commas between references',
      { msgType: 'Update', references: `${triple('a.0')},${triple('b.0')}` },
      ['superseded a.0', 'superseded b.0'],
    ],
    [
      'a reference cut short',
      { msgType: 'Update', references: `x@example.org,q ${triple('a.0')}\n${triple('a.0')}` },
      ['superseded a.0'],
    ],
  ])('%s', (_name, more, expected) => {
    expect(ended(message(more))).toEqual(expected);
  });

  it('keeps tests and real warnings apart', () => {
    const { ends } = factsOf(message({ status: 'Test', msgType: 'Cancel', references: triple('a.0') }));
    expect(ends.map(({ key }) => key)).toContain(keyOf('Test', 'x@example.org', 'a.0'));
    expect(ends.map(({ key }) => key)).not.toContain(keyOf('Actual', 'x@example.org', 'a.0'));
  });

  it('tells when references beyond the bound were passed over', () => {
    const many = Array.from({ length: 1001 }, (_, i) => triple(`b.${i}`)).join(' ');
    const { alert, ends } = factsOf(message({ msgType: 'Update', references: many }));
    expect([ends.length, alert?.clipped]).toEqual([1000, true]);
  });
});

describe('what is kept', () => {
  const expiry = (more: Parameters<typeof info>[0]): number =>
    ((factsOf(message({ info: [info(more)] })).alert?.expiresAt ?? 0) - SENT) / HOUR_MS;

  it('expires as it says, and else a day after it begins', () => {
    expect(expiry({})).toBe(24);
    expect(expiry({ expires: '2026-01-15T12:00:00-03:00' })).toBe(2);
    expect(expiry({ expires: 'soon' })).toBe(24);
    expect(expiry({ expires: '', onset: '2026-01-18T10:00:00-03:00' })).toBe(96);
    // Without zone: as if in the last zone of the earth, twelve hours behind UTC.
    expect(expiry({ expires: '2026-01-15T13:00:00' })).toBe(12);
  });

  it('shapes that are shapes, addresses that are of the web, lines that stay lines', () => {
    const area = {
      areaDesc: 'Serra\u202e\nGaúcha',
      polygon: ['-23,-46 -23,-45 -24,-45 -23,-46', '1,1 2,2'],
      circle: ['-23,-46 10', 'x'],
      geocode: [],
    };
    const { alert } = factsOf(message({ info: [info({ web: 'javascript:alert(1)', area: [area] })] }));
    expect(alert?.info[0]).not.toHaveProperty('web');
    expect(alert?.info[0]?.area).toEqual([
      {
        areaDesc: 'Serra Gaúcha',
        polygon: ['-23,-46 -23,-45 -24,-45 -23,-46'],
        circle: ['-23,-46 10'],
        geocode: [],
      },
    ]);
    const linked = factsOf(message({ info: [info({ web: 'https://example.org/a' })] }));
    expect(linked.alert?.info[0]?.web).toBe('https://example.org/a');
  });

  it('is bounded, and says so', () => {
    const long = info({ description: `${'a'.repeat(19_999)}🌊`, instruction: 'b'.repeat(30_000) });
    const { alert } = factsOf(message({ info: Array.from({ length: 200 }, () => long) }));
    expect(alert?.info[0]?.description).toBe('a'.repeat(19_999));
    expect(alert?.clipped).toBe(true);
    expect(JSON.stringify(alert).length).toBeLessThan(2_200_000);
    expect(factsOf(message()).alert?.clipped).toBe(false);
  });
});
