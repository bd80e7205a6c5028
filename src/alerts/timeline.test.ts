import { expect, test } from 'vitest';
import type { Truth } from '../stream/truth.ts';
import { Timeline, type TimelineRule } from './timeline.ts';

const truths: Record<string, Truth> = { F: 0, T: 1, U: 2 };
/** One step an hour: truth of each level, then of clear. Returns the level after each. */
function walk(
  rule: TimelineRule,
  steps: readonly string[],
  line = Timeline.begin(rule.holdsMs.length),
  from = 0,
): number[] {
  return steps.map((step, i) => {
    const all = [...step].map((letter) => truths[letter] as Truth);
    line.step(rule, { at: from + i, levels: all.slice(0, -1), clear: all.at(-1) as Truth, mayRaise: true });
    return line.state.level;
  });
}

test('a hold needs an evaluation at least as long before; unknown breaks nothing and completes nothing', () => {
  const rule = { holdsMs: [2], clearHoldMs: 1 };
  expect(walk(rule, ['TF', 'TF', 'TF'])).toEqual([-1, -1, 0]);
  expect(walk(rule, ['TF', 'FF', 'TF', 'TF', 'TF'])).toEqual([-1, -1, -1, -1, 0]);
  expect(walk(rule, ['TF', 'UF', 'UF', 'TF'])).toEqual([-1, -1, -1, 0]);
});

test('a level falls when false for the hold of clear; without any in force the lowest stays', () => {
  expect(walk({ holdsMs: [0, 0], clearHoldMs: 1 }, ['TTF', 'TFF', 'TFF', 'FFF', 'FFF', 'FFF'])).toEqual([
    1, 1, 0, 0, 0, 0,
  ]);
});

test('it clears only by its clear, held with no level; unknown completes nothing', () => {
  const rule = { holdsMs: [0], clearHoldMs: 1 };
  expect(walk(rule, ['TF', 'FT', 'FT'])).toEqual([0, 0, -1]);
  expect(walk(rule, ['TF', 'FT', 'FU', 'FT'])).toEqual([0, 0, 0, -1]);
  expect(walk(rule, ['TF', 'UT', 'FT', 'FT'])).toEqual([0, 0, 0, -1]);
  expect(walk({ holdsMs: [0], clearHoldMs: null }, ['TF', 'UF', 'FF'])).toEqual([0, 0, -1]);
});

test('late data goes back; a reset settles what was', () => {
  const rule = { holdsMs: [0], clearHoldMs: 1 };
  const line = Timeline.begin(1);
  walk(rule, ['TF', 'FT', 'FT'], line);
  line.rewind(1);
  expect(walk(rule, ['TF', 'FT'], line, 1)).toEqual([0, 0]);
  expect(line.state.onsetAt).toBe(0);
  line.reset(2);
  expect([line.settledAt, line.state.level]).toEqual([2, -1]);
  expect(
    Timeline.restore(JSON.parse(JSON.stringify(line.snapshot())) as ReturnType<Timeline['snapshot']>).state,
  ).toEqual(line.state);
});

test('only the newest instant of a report may raise or put a level in force', () => {
  const rule = { holdsMs: [0, 0], clearHoldMs: 5 };
  const line = Timeline.begin(2);
  line.step(rule, { at: 0, levels: [1, 1], clear: 0, mayRaise: false });
  expect(line.state.level).toBe(-1);
  walk(rule, ['TFF'], line, 1);
  line.step(rule, { at: 2, levels: [1, 1], clear: 0, mayRaise: false });
  expect(walk(rule, ['TFF'], line, 3)).toEqual([0]);
});
