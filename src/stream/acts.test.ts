import { expect, test } from 'vitest';
import type { ActCommand, ActOutcome } from '../model/act.ts';
import type { LogRecord } from '../model/record.ts';
import { HOUR_MS, SECOND_MS } from '../model/time.ts';
import { Bench, hour, hourRule, rain, T0 } from './fixture.ts';

const outcomes = (bench: Bench): ActOutcome[] =>
  bench.effects.flatMap((effect) => (effect.kind === 'act' ? [effect.outcome] : []));

/** The act on the alert that was told last, from the revision that it has. */
function given(bench: Bench, id: string, rest: Partial<ActCommand> & Pick<ActCommand, 'act'>): LogRecord {
  const event = bench.events.at(-1);
  if (!event) throw new Error('no alert was told');
  const { alert, revision, rule, subject } = event;
  return {
    kind: 'command',
    id,
    command: { type: 'act', alert, revision, rule, subject, by: 'Ana', ...rest },
  };
}

const raised = (): Bench =>
  new Bench([hourRule], T0).feed(rain(0, 0), rain(1, 25)).tick(hour(1) + 10 * SECOND_MS);

test('cancel ends the alert, and nothing is raised until every level has been false', () => {
  const bench = raised();
  bench.apply(given(bench, 'c1', { act: 'cancel', reason: 'a tap on the gauge' }));
  bench.feed(rain(2, 40), rain(3, 70));
  expect(bench.story).toEqual(['raised yellow @1', `ended:cancelled yellow @${1 + 10 / 3600}`]);
  expect(bench.revisions.at(-1)?.act).toEqual({
    command: 'c1',
    act: 'cancel',
    by: 'Ana',
    reason: 'a tap on the gauge',
  });
  bench.feed(rain(4, 15), rain(5, 35));
  expect(bench.story.slice(2)).toEqual(['raised orange @5']);
  expect(new Set(bench.events.map(({ alert }) => alert)).size).toBe(2);
});

test('unknown does not lift the bar of a cancel', () => {
  const bench = raised();
  bench.apply(given(bench, 'c1', { act: 'cancel' }));
  // Half an hour of an hour is no coverage: nothing is known.
  bench.feed(rain(2.5, 1, { intervalMs: HOUR_MS / 4 }), rain(4, 25));
  expect(bench.story).toHaveLength(2);
});

test('an act is done once, and only on the revision that was seen', () => {
  const bench = raised();
  const extend = given(bench, 'e1', { act: 'extend', until: hour(20), reason: 'the front stays' });
  bench
    .apply(extend)
    .tick(hour(1) + 30 * SECOND_MS)
    .apply(extend);
  expect(bench.events.map(({ event }) => event)).toEqual(['raised', 'updated']);
  expect(bench.revisions.at(-1)?.expiresAt).toBe(hour(20));
  expect(outcomes(bench)).toMatchObject([
    { command: 'e1', revision: 2, reason: 'the front stays' },
    { command: 'e1', revision: 2, refused: 'revision' },
  ]);
  bench.apply(given(bench, 'e2', { act: 'extend', until: hour(19) }));
  expect(outcomes(bench).at(-1)?.refused).toBe('not-later');
});

test('no later revision takes an extension back, and the alert expires when it says', () => {
  const bench = raised();
  bench.apply(given(bench, 'e1', { act: 'extend', until: hour(20) }));
  bench.feed(rain(2, 40)).tick(hour(19)).tick(hour(21));
  expect(bench.revisions.find(({ event }) => event.event === 'escalated')?.expiresAt).toBe(hour(20));
  expect(bench.story.at(-1)).toBe('ended:expired orange @20');
});

test('acknowledge is recorded and makes no revision', () => {
  const bench = raised();
  bench.apply(given(bench, 'a1', { act: 'acknowledge' }));
  expect(bench.events).toHaveLength(1);
  const at = hour(1) + 10 * SECOND_MS;
  expect(outcomes(bench)).toEqual([
    { command: 'a1', act: 'acknowledge', alert: bench.events[0]?.alert, by: 'Ana', at, revision: 1 },
  ]);
});

test('text and area stay with later revisions', () => {
  const bench = raised();
  bench.apply(given(bench, 'x1', { act: 'edit', text: 'Leave the bank.', area: { radiusKm: 30 } }));
  bench.feed(rain(2, 40));
  expect(bench.events.map(({ event }) => event)).toEqual(['raised', 'updated', 'escalated']);
  expect(bench.revisions.map(({ text, area }) => [text, area])).toEqual([
    [undefined, undefined],
    ['Leave the bank.', { radiusKm: 30 }],
    ['Leave the bank.', { radiusKm: 30 }],
  ]);
  expect(bench.revisions[2]?.act).toBeUndefined();
});

test('a level that a person raised is a floor until the alert ends', () => {
  const bench = raised();
  bench.apply(given(bench, 'l1', { act: 'edit', level: 'orange' }));
  expect(bench.events.at(-1)).toMatchObject({ event: 'escalated', level: 'orange', previousLevel: 'yellow' });
  bench.feed(rain(2, 25), rain(3, 70), rain(4, 25), rain(5, 25));
  expect(bench.story.slice(2)).toEqual(['escalated red @3', 'de-escalated orange @5']);
  bench.feed(rain(6, 0), rain(7, 0));
  expect(bench.story.at(-1)).toMatch(/^ended:cleared orange/);
});

test('a level that a person lowered stands until the rule says more than it did then', () => {
  const bench = new Bench([hourRule], T0).feed(rain(0, 0), rain(1, 35)).tick(hour(1) + 10 * SECOND_MS);
  bench.apply(given(bench, 'l1', { act: 'edit', level: 'yellow' }));
  bench.feed(rain(2, 35));
  expect(bench.story).toEqual(['raised orange @1', 'de-escalated yellow @1']);
  bench.feed(rain(3, 70));
  expect(bench.story.at(-1)).toBe('escalated red @3');
});

test('in the second of a revision an act waits for the next, and a checkpoint keeps it', () => {
  const bench = new Bench([hourRule], T0).feed(rain(0, 0), rain(1, 25));
  const cancel = given(bench, 'c1', { act: 'cancel' });
  bench.apply(cancel, cancel, given(bench, 'a1', { act: 'acknowledge' }));
  expect(bench.events).toHaveLength(1);
  expect(outcomes(bench)).toMatchObject([{ command: 'a1', refused: 'busy' }]);
  bench.tick(hour(1) + SECOND_MS);
  expect(bench.events.at(-1)).toMatchObject({ event: 'ended', endReason: 'cancelled' });
  expect(outcomes(bench).at(-1)).toMatchObject({ command: 'c1', revision: 2 });
});

test('what cannot be done says why', () => {
  const bench = raised();
  bench.apply(
    given(bench, 'r1', { act: 'cancel', revision: 7 }),
    given(bench, 'r2', { act: 'cancel', rule: 'gone' }),
    given(bench, 'r3', { act: 'cancel', alert: 'f'.repeat(32) }),
    given(bench, 'r4', { act: 'cancel', subject: { kind: 'area', id: 'A801' } }),
  );
  bench.apply(given(bench, 'c1', { act: 'cancel' }), given(bench, 'r5', { act: 'acknowledge' }));
  expect(outcomes(bench).map(({ command, refused }) => [command, refused])).toEqual([
    ['r1', 'revision'],
    ['r2', 'unknown'],
    ['r3', 'unknown'],
    ['r4', 'unknown'],
    ['c1', undefined],
    ['r5', 'ended'],
  ]);
});
