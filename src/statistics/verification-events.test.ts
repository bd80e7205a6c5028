import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AlertEvent } from '../model/alert.ts';
import type { Feedback, ObservedEvent } from '../model/observed-event.ts';
import type { Level } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { HOUR_MS } from '../model/time.ts';
import { casesOf, groundsOf, rollingScores, scoreCases, type Verified } from './verification-events.ts';

const h = (hours: number): number => hours * HOUR_MS;
const station = (id: string, region: string, longitude: number): Station => ({
  ...{ id, name: id, latitude: -30, longitude, altitude: 1, region, timeZone: 'UTC', intervalMs: HOUR_MS },
});
/** One degree of longitude is 96 km here. */
const stations = [station('A', 'R1', -51), station('B', 'R1', -51.05), station('C', 'R2', -53)];

/** An alert on a station from one hour to another. */
const alert = (
  subject: string,
  from: number,
  to: number,
  level: Level = 'yellow',
  rule = 'chuva',
): AlertEvent[] => {
  const base = {
    ...{ alert: `${rule}-${subject}-${from}`, rule, hazard: rule === 'vento' ? 'wind' : 'rain', level },
    ...{ subject: { kind: 'station', id: subject } as const, onsetAt: h(from), evidence: [] },
  };
  return [
    { ...base, revision: 1, event: 'raised', at: h(from), issuedAt: h(from) },
    { ...base, revision: 2, event: 'ended', endReason: 'cleared', at: h(to), issuedAt: h(to) },
  ];
};
const event = (from: number, to: number, rest: Partial<ObservedEvent> = {}): ObservedEvent => ({
  ...{ id: `e${from}`, hazard: 'flood', place: { area: 'R1' }, from: h(from), to: h(to) },
  ...{ note: '', source: 'office', createdAt: 0, ...rest },
});
const says = (who: string, wasReal: Feedback['wasReal']): Feedback => ({
  ...{ alert: who, wasReal, note: '', by: 'Ana', at: 0 },
});
const given = (rest: Partial<Verified>): Verified => ({
  ...{
    revisions: [],
    events: [],
    feedback: [],
    stations,
    areas: [],
    rules: new Map([['chuva', { hazard: 'rain' }]]),
  },
  ...{ toleranceMs: HOUR_MS, from: 0, to: h(1000), now: h(1000), ...rest },
});
const kinds = (rest: Partial<Verified>, level: Level = 'yellow', rule: string | null = 'chuva'): string[] =>
  casesOf(groundsOf(given(rest)), rule, level).map(
    ({ kind, at, leadMs }) => `${kind} ${at / HOUR_MS}${leadMs === null ? '' : ` ${leadMs / HOUR_MS}`}`,
  );

describe('events against alerts', () => {
  it('one event of a region is one hit, whichever of its stations warned; the lead is of the first', () => {
    const revisions = [...alert('A', 10, 20), ...alert('B', 8, 20), ...alert('C', 10, 20)];
    expect(kinds({ revisions, events: [event(12, 14)] })).toEqual(['false-alarm 10', 'hit 12 4']);
  });

  it('a point is reached within the radius of the rule, and its own', () => {
    const at = (km: number) => event(12, 14, { place: { latitude: -30, longitude: -51.2, km } });
    const revisions = alert('A', 10, 20);
    const near = { revisions, events: [at(0)] };
    expect(kinds(near)).toEqual(['false-alarm 10', 'miss 12']);
    expect(kinds({ ...near, rules: new Map([['chuva', { hazard: 'rain', reachKm: 20 }]]) })).toEqual([
      'hit 12 2',
    ]);
    expect(kinds({ ...near, events: [at(6)] })).toEqual(['hit 12 2']);
  });

  it('an alert on an area warns of what happens at its stations', () => {
    const subject = { kind: 'area', id: 'valley' } as const;
    const revisions = alert('A', 10, 20).map((one) => ({ ...one, subject }));
    const events = [event(12, 14)];
    expect(kinds({ revisions, events })).toEqual(['false-alarm 10', 'miss 12']);
    const areas = [{ id: 'valley', name: 'Vale', region: 'R2', stations: ['B', 'C'] }];
    expect(kinds({ revisions, events, areas })).toEqual(['hit 12 2']);
  });

  it('an event of another kind is neither hit nor miss, and judges nothing', () => {
    const revisions = alert('A', 10, 20);
    expect(kinds({ revisions, events: [event(12, 14, { hazard: 'heat' })] })).toEqual(['unjudged 10']);
  });

  it('an event counts up to its level; one without a level, at every level', () => {
    const revisions = alert('A', 10, 20, 'orange');
    const of = (rest: Partial<ObservedEvent>) => ({ revisions, events: [event(12, 14, rest)] });
    expect(kinds(of({}), 'orange')).toEqual(['hit 12 2']);
    expect(kinds(of({}), 'red')).toEqual(['miss 12']);
    expect(kinds(of({ level: 'yellow' }), 'orange')).toEqual(['false-alarm 10']);
    expect(kinds(of({ level: 'orange' }), 'red')).toEqual([]);
  });

  it('a person who was there is believed before any match', () => {
    const revisions = alert('A', 10, 20);
    const base = { revisions, events: [event(12, 14)] };
    const no = [says('chuva-A-10', 'yes'), says('chuva-A-10', 'no')];
    expect(kinds({ ...base, feedback: no })).toEqual(['false-alarm 10', 'miss 12']);
    expect(kinds({ ...base, feedback: [says('chuva-A-10', 'yes')] })).toEqual(['hit 12 2']);
    expect(kinds({ revisions, feedback: [says('chuva-A-10', 'partly')] })).toEqual(['hit 10']);
    expect(kinds({ revisions, feedback: [says('other', 'no')] })).toEqual(['unjudged 10']);
  });

  it('only what begins in the span counts; what lies before explains', () => {
    const revisions = alert('A', 10, 20);
    const base = { revisions, events: [event(12, 14)], to: h(100) };
    expect(kinds({ ...base, from: h(11) })).toEqual(['hit 12 2']);
    expect(kinds({ ...base, from: h(13) })).toEqual([]);
  });

  it('several rules together miss only what all of them miss', () => {
    const revisions = [...alert('A', 10, 20), ...alert('A', 50, 60, 'yellow', 'vento')];
    const events = [event(12, 14), event(52, 53, { hazard: 'hail' }), event(90, 91)];
    expect(kinds({ revisions, events }, 'yellow')).toEqual(['hit 12 2', 'miss 52', 'miss 90']);
    expect(kinds({ revisions, events }, 'yellow', null)).toEqual(['hit 12 2', 'hit 52 2', 'miss 90']);
  });
});

it('scores equal those computed by hand, and roll', () => {
  const revisions = [...alert('A', 10, 20), ...alert('A', 200, 210), ...alert('A', 400, 410)];
  const all = given({ revisions, events: [event(12, 14), event(198, 199.5), event(300, 301)], to: h(500) });
  const cases = casesOf(groundsOf(all), 'chuva', 'yellow');
  expect(scoreCases(cases)).toMatchObject({
    ...{ n: 4, hits: 2, misses: 1, falseAlarms: 1, unjudged: 0, pod: 2 / 3, far: 1 / 3, csi: 0.5, bias: 1 },
    lead: { min: -2, median: 0 },
  });
  const points = rollingScores(cases, all, h(250), h(100));
  expect(points.map(({ to, n, pod }) => [to / HOUR_MS, n, pod])).toEqual([
    [300, 1, 1],
    [400, 2, 0.5],
    [500, 2, 0],
  ]);
});

it('every event that counts is a hit or a miss, once, whatever the alerts', () => {
  const spans = fc.array(
    fc.tuple(fc.constantFrom('A', 'B', 'C'), fc.nat(90), fc.integer({ min: 1, max: 9 })),
  );
  fc.assert(
    fc.property(spans, fc.uniqueArray(fc.nat(90), { maxLength: 8 }), (alerts, at) => {
      const revisions = alerts.flatMap(([id, from, long]) => alert(id, from, from + long));
      const events = at.map((from) => event(from, from + 1));
      const cases = casesOf(groundsOf(given({ revisions, events })), 'chuva', 'yellow');
      const counted = cases.flatMap((one) => (one.event ? [one.event.id] : []));
      expect(counted.toSorted()).toEqual(events.map(({ id }) => id).toSorted());
    }),
  );
});
