import { expect, test } from 'vitest';
import type { ActCommand, ActOutcome } from '../model/act.ts';
import type { LogRecord } from '../model/record.ts';
import type { Review } from '../model/rule.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../model/time.ts';
import { Bench, foldOptions, hour, hourRule, rain, T0 } from './fixture.ts';
import { type FoldSnapshot, PartitionFold } from './fold.ts';

const review: Review = { levels: ['red'], withinMs: 10 * MINUTE_MS, onTimeout: 'publish' };
const reviewed = (changes: Partial<Review> = {}) => ({ ...hourRule, publication: { ...review, ...changes } });

let number = 0;
function given(bench: Bench, rest: Partial<ActCommand> & Pick<ActCommand, 'act'>): LogRecord {
  const event = bench.events.at(-1);
  if (!event) throw new Error('no alert was told');
  const { alert, revision, rule, subject } = event;
  const command: ActCommand = { type: 'act', alert, revision, rule, subject, by: 'Ana', ...rest };
  return { kind: 'command', id: `c${number++}`, command };
}

const refusals = (bench: Bench): (ActOutcome['refused'] | null)[] =>
  bench.effects.flatMap((effect) => (effect.kind === 'act' ? [effect.outcome.refused ?? null] : []));

/** What the public is told, and what waits. */
const told = (bench: Bench): string[] =>
  bench.revisions.map(({ event, draft }) => {
    const end = event.endReason ? `:${event.endReason}` : '';
    const from = event.previousLevel ? ` from ${event.previousLevel}` : '';
    return `${draft ? (draft.waits ? 'draft ' : 'inside ') : ''}${event.event}${end} ${event.level}${from}`;
  });

const red = (changes?: Partial<Review>): Bench =>
  new Bench([reviewed(changes)], T0).feed(rain(0, 0), rain(1, 70)).tick(hour(1) + 10 * SECOND_MS);

test('a red alert waits, and once approved is raised to the public', () => {
  const bench = red();
  expect(bench.revisions[0]?.draft).toEqual({
    waits: true,
    sinceAt: hour(1),
    dueAt: hour(1) + 10 * MINUTE_MS,
    onTimeout: 'publish',
    overdue: 0,
    authors: [],
  });
  bench.apply(given(bench, { act: 'approve', by: 'Bia' }));
  expect(told(bench)).toEqual(['draft raised red', 'raised red']);
  expect(bench.revisions[1]).toMatchObject({ act: { act: 'approve', by: 'Bia' } });
  bench.tick(hour(2));
  expect(told(bench)).toHaveLength(2);
});

test('below the levels of the review nothing waits, and an automatic rule knows no drafts', () => {
  const bench = new Bench([reviewed()], T0).feed(rain(0, 0), rain(1, 35));
  const automatic = new Bench([{ ...hourRule, publication: 'automatic' }], T0).feed(rain(0, 0), rain(1, 70));
  expect([...told(bench), ...told(automatic)]).toEqual(['raised orange', 'raised red']);
});

test('nobody answers: it is published when the time is over, at once after a time down', () => {
  const bench = red().tick(hour(1) + 10 * MINUTE_MS);
  expect(told(bench)).toEqual(['draft raised red', 'raised red']);
  expect(bench.revisions[1]).toMatchObject({
    publishedBy: 'timeout',
    event: { issuedAt: hour(1) + 10 * MINUTE_MS },
  });
  const down = red();
  down.apply({ kind: 'tick', at: hour(2), gap: true }).tick(hour(2) + SECOND_MS);
  expect(told(down)).toEqual(['draft raised red', 'raised red']);
});

test('escalate: they are told again each time it runs out, and the alert lives no longer for that', () => {
  const bench = red({ onTimeout: 'escalate' });
  const { expiresAt } = bench.revisions[0] as { expiresAt: number };
  bench.tick(hour(1) + 25 * MINUTE_MS);
  expect(told(bench)).toEqual(['draft raised red', 'draft updated red', 'draft updated red']);
  expect(bench.revisions.at(-1)).toMatchObject({ draft: { overdue: 2 }, expiresAt });
  bench.tick(expiresAt + SECOND_MS);
  expect(told(bench).at(-1)).toBe('inside ended:expired red');
});

test('rejected, it ends without the public, and is not raised again by the next reading', () => {
  const bench = red();
  bench.apply(given(bench, { act: 'reject', reason: 'a tap on the gauge' })).feed(rain(2, 80));
  expect(told(bench)).toEqual(['draft raised red', 'inside ended:withdrawn red']);
});

test('what raises the level of a public alert waits, while the lower one stands', () => {
  const bench = new Bench([reviewed()], T0).feed(rain(0, 0), rain(1, 35), rain(2, 70));
  bench.tick(hour(2) + SECOND_MS).apply(given(bench, { act: 'approve', by: 'Bia' }));
  bench.tick(hour(2) + 5 * SECOND_MS).apply(given(bench, { act: 'extend', until: hour(30), by: 'Bia' }));
  expect(told(bench)).toEqual([
    'raised orange',
    'draft escalated red from orange',
    'escalated red from orange',
    'updated red',
  ]);
  bench.feed(rain(3, 0), rain(4, 0));
  expect(told(bench).slice(4)).toEqual(['ended:cleared red']);
});

test('a draft that falls to what is public is an update of that, and its end is public', () => {
  const bench = new Bench([reviewed({ withinMs: 9 * HOUR_MS })], T0).feed(rain(0, 0), rain(1, 35));
  bench.feed(rain(2, 70), rain(3, 35), rain(4, 35));
  expect(told(bench)).toEqual(['raised orange', 'draft escalated red from orange', 'updated orange']);
  bench.feed(rain(5, 70)).tick(hour(5) + SECOND_MS);
  bench.apply(given(bench, { act: 'cancel' }));
  // The public never heard of the red.
  expect(told(bench).slice(3)).toEqual(['draft escalated red from orange', 'ended:cancelled orange']);
});

test('a rejected escalation leaves the public alert as it was, until the rule says more', () => {
  const bench = new Bench([reviewed()], T0).feed(rain(0, 0), rain(1, 35), rain(2, 70));
  bench.tick(hour(2) + SECOND_MS).apply(given(bench, { act: 'reject', by: 'Bia', reason: 'hail' }));
  expect(told(bench).at(-1)).toBe('inside de-escalated orange from red');
  bench.feed(rain(3, 70)).tick(hour(4));
  expect(told(bench)).toHaveLength(3);
});

test('an edit of a reviewed level waits for another person; what it says does not leave with the end', () => {
  const bench = red();
  bench.apply(given(bench, { act: 'approve', by: 'Bia' })).tick(hour(1) + 20 * SECOND_MS);
  bench.apply(given(bench, { act: 'edit', text: 'Run.', area: { radiusKm: 90 }, by: 'Ana' }));
  expect(bench.revisions.at(-1)).toMatchObject({ text: 'Run.', draft: { waits: true, authors: ['Ana'] } });
  bench.tick(hour(1) + 30 * SECOND_MS).apply(given(bench, { act: 'approve', by: 'Ana' }));
  expect(refusals(bench).at(-1)).toBe('author');
  bench.apply(given(bench, { act: 'cancel', by: 'Ana' }));
  expect(bench.revisions.at(-1)).toMatchObject({ event: { event: 'ended', level: 'red' } });
  expect(bench.revisions.at(-1)?.area).toBeUndefined();
  expect(bench.revisions.at(-1)?.draft).toBeUndefined();
});

test('a rejected edit takes its words back', () => {
  const bench = red();
  bench.apply(given(bench, { act: 'approve', by: 'Bia' })).tick(hour(1) + 20 * SECOND_MS);
  bench.apply(given(bench, { act: 'edit', text: 'Run.', by: 'Ana' })).tick(hour(1) + 30 * SECOND_MS);
  bench.apply(given(bench, { act: 'reject', by: 'Bia', reason: 'too short' }));
  bench.tick(hour(1) + 40 * SECOND_MS).apply(given(bench, { act: 'extend', until: hour(30) }));
  expect(bench.revisions.at(-1)?.text).toBeUndefined();
  expect(told(bench).slice(2)).toEqual(['draft updated red', 'inside updated red', 'updated red']);
});

test('one person alone publishes, with a reason, even the author', () => {
  const bench = red();
  bench.apply(given(bench, { act: 'edit', text: 'Run.', by: 'Ana' })).tick(hour(1) + 30 * SECOND_MS);
  bench.apply(given(bench, { act: 'publish', by: 'Ana', reason: 'the dam breaks' }));
  expect(told(bench).at(-1)).toBe('raised red');
  expect(bench.revisions.at(-1)?.act).toMatchObject({ act: 'publish', by: 'Ana', reason: 'the dam breaks' });
  bench.tick(hour(1) + 40 * SECOND_MS).apply(given(bench, { act: 'publish', by: 'Ana' }));
  expect(refusals(bench).at(-1)).toBe('no-draft');
});

test('a checkpoint in the middle of a review changes nothing', () => {
  const whole = red({ onTimeout: 'escalate' });
  const restored = PartitionFold.restore(
    JSON.parse(JSON.stringify(whole.fold.snapshot())) as FoldSnapshot,
    foldOptions,
  );
  const rest: LogRecord[] = [
    { kind: 'tick', at: hour(1) + 11 * MINUTE_MS },
    given(whole, { act: 'approve', revision: 2, by: 'Bia' }),
  ];
  const effects = rest.map((record) => JSON.stringify(restored.apply(record)));
  expect(rest.map((record) => JSON.stringify(whole.fold.apply(record)))).toEqual(effects);
  expect(effects[1]).toContain('"event":"raised"');
});
