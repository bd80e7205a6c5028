import fc from 'fast-check';
import { expect, it } from 'vitest';
import { onDutyAt, type Roster, shiftAt, shiftsBetween } from './roster.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './time.ts';
import { firstInstantAt, wallAt } from './wall-time.ts';

const at = (text: string): number => Date.parse(text);
/** Wall time as if it were UTC. */
const wall = (text: string): number => Date.parse(`${text}Z`);

const roster = (more: Partial<Roster> = {}): Roster => ({
  timeZone: 'America/Sao_Paulo',
  people: ['ana', 'bia', 'caio'],
  startsWall: wall('2026-01-05T08:00'),
  everyMs: 7 * DAY_MS,
  overrides: [],
  ...more,
});

it('hands over at the hour of the zone, in turn, before its beginning too', () => {
  expect(onDutyAt(roster(), at('2026-01-05T11:00:00Z'))).toBe('ana');
  expect(onDutyAt(roster(), at('2026-01-12T10:59:59Z'))).toBe('ana');
  expect(onDutyAt(roster(), at('2026-01-12T11:00:00Z'))).toBe('bia');
  expect(onDutyAt(roster(), at('2026-01-05T10:59:59Z'))).toBe('caio');
});

it('keeps the hour on days of 23 and 25 hours', () => {
  // Santiago: back at midnight on 5 April 2026, forward on 6 September.
  const daily = roster({
    timeZone: 'America/Santiago',
    everyMs: DAY_MS,
    people: ['ana', 'bia'],
    startsWall: wall('2026-04-03T08:00'),
  });
  const begins = shiftsBetween(daily, at('2026-04-03T12:00:00Z'), at('2026-04-07T12:00:00Z'), 99);
  expect(begins.map(({ from, to }) => (to - from) / HOUR_MS)).toEqual([24, 25, 24, 24]);
  const spring = shiftsBetween(
    { ...daily, startsWall: wall('2026-09-04T08:00') },
    at('2026-09-04T12:00:00Z'),
    at('2026-09-07T10:00:00Z'),
    99,
  );
  expect(spring.map(({ from, to }) => (to - from) / HOUR_MS)).toEqual([24, 23, 24]);
});

it('a handover in an hour that comes twice is the first one; in one that is left out, the change', () => {
  expect(firstInstantAt(wall('2026-10-25T02:30'), 'Europe/Lisbon')).toBe(at('2026-10-25T02:30:00Z'));
  expect(firstInstantAt(wall('2026-10-25T01:30'), 'Europe/Lisbon')).toBe(at('2026-10-25T00:30:00Z'));
  expect(firstInstantAt(wall('2026-03-29T01:30'), 'Europe/Lisbon')).toBe(at('2026-03-29T01:00:00Z'));
  const daily = roster({
    timeZone: 'Europe/Lisbon',
    startsWall: wall('2026-10-24T01:30'),
    everyMs: DAY_MS,
    people: ['ana', 'bia'],
  });
  const minute = (text: string) => onDutyAt(daily, at(text));
  expect([minute('2026-10-25T00:29:00Z'), minute('2026-10-25T00:30:00Z')]).toEqual(['ana', 'bia']);
  // The wall shows 01:00 again: nobody is given the duty back.
  expect(minute('2026-10-25T01:05:00Z')).toBe('bia');
});

it('of overrides the last one holds, and a shift ends where one begins', () => {
  const [from, to] = [at('2026-01-06T00:00:00Z'), at('2026-01-07T00:00:00Z')];
  const one = roster({
    overrides: [
      { from, to, person: 'caio' },
      { from: from + HOUR_MS, to: from + 2 * HOUR_MS, person: 'davi' },
    ],
  });
  expect(shiftAt(one, from - 1)).toEqual({ person: 'ana', from: at('2026-01-05T11:00:00Z'), to: from });
  expect(shiftsBetween(one, from, to + 1, 99).map(({ person }) => person)).toEqual([
    'caio',
    'davi',
    'caio',
    'ana',
  ]);
});

/** Walks minute by minute: the turn is that of the latest time the wall has shown. */
function naive(
  { timeZone, people, startsWall, everyMs, overrides }: Roster,
  begin: number,
  end: number,
): string {
  let latest = Number.NEGATIVE_INFINITY;
  for (let now = begin; now <= end; now += MINUTE_MS) latest = Math.max(latest, wallAt(now, timeZone));
  const stand = overrides.findLast((one) => one.from <= end && end < one.to);
  const turn = Math.floor((latest - startsWall) / everyMs);
  return stand?.person ?? (people.at(turn % people.length) as string);
}

it('is who a walk through the minutes says, in any zone, about its changes of the clock', () => {
  const changes = [
    ['America/Sao_Paulo', '2018-11-04T03:00:00Z'],
    ['America/Sao_Paulo', '2018-02-18T02:00:00Z'],
    ['America/Santiago', '2026-04-05T03:00:00Z'],
    ['Europe/Lisbon', '2026-03-29T01:00:00Z'],
    ['Europe/Lisbon', '2026-10-25T01:00:00Z'],
    ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
    ['America/Manaus', '2026-05-01T00:00:00Z'],
  ] as const;
  fc.assert(
    fc.property(
      fc.constantFrom(...changes),
      fc.integer({ min: -36 * 60, max: 36 * 60 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 24 * 60 }),
      fc.constantFrom(1, 6, 8, 12, 24, 48),
      fc.array(fc.tuple(fc.integer({ min: -2000, max: 2000 }), fc.integer({ min: 1, max: 900 })), {
        maxLength: 3,
      }),
      ([timeZone, change], minutes, count, starts, hours, stands) => {
        const one: Roster = {
          timeZone,
          people: ['ana', 'bia', 'caio', 'davi'].slice(0, count),
          startsWall: wallAt(at(change), timeZone) - 3 * DAY_MS + starts * MINUTE_MS,
          everyMs: hours * HOUR_MS,
          overrides: stands.map(([from, length], i) => ({
            from: at(change) + from * MINUTE_MS,
            to: at(change) + (from + length) * MINUTE_MS,
            person: `o${i}`,
          })),
        };
        const now = at(change) + minutes * MINUTE_MS;
        expect(onDutyAt(one, now)).toBe(naive(one, now - 4 * HOUR_MS, now));
        const { from, to, person } = shiftAt(one, now);
        expect(from <= now && now < to).toBe(true);
        expect([onDutyAt(one, from), onDutyAt(one, to - 1)]).toEqual([person, person]);
      },
    ),
    { numRuns: 300 },
  );
});
