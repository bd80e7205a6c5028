import { expect, it, test } from 'vitest';
import { newest, patterns, readChoice, silent, soundOf } from './sounds.ts';

test('levels differ by number of pulses, rhythm and pitch, and no pulse runs into the next', () => {
  const all = Object.values(patterns);
  expect(all.map((pulses) => pulses.length)).toEqual([2, 3, 10]);
  expect(new Set(all.map((pulses) => pulses.map(({ hz }) => hz).join())).size).toBe(3);
  for (const level of ['yellow', 'orange', 'red'] as const)
    for (const isDrill of [false, true]) {
      const sound = soundOf(level, isDrill);
      for (const [i, { at }] of sound.entries()) {
        const before = sound[i - 1];
        if (before) expect(at).toBeGreaterThan(before.at + before.lasts);
      }
    }
});

test('a drill begins with notes that no alert has', () => {
  const real = new Set(Object.values(patterns).flatMap((pulses) => pulses.map(({ hz }) => hz)));
  for (const { hz } of soundOf('red', true).slice(0, 2)) expect(real).not.toContain(hz);
  expect(soundOf('red', true)).toHaveLength(12);
});

it.each([
  ['nothing', {}, [], null],
  ['what waited before', { a: 'red' }, [['a', 'red']], null],
  [
    'one that is new',
    { a: 'red' },
    [
      ['a', 'red'],
      ['b', 'yellow'],
    ],
    'yellow',
  ],
  ['one that has risen', { a: 'yellow' }, [['a', 'orange']], 'orange'],
  ['one that has fallen', { a: 'red' }, [['a', 'yellow']], null],
  [
    'the highest of several',
    {},
    [
      ['a', 'yellow'],
      ['b', 'red'],
      ['c', 'orange'],
    ],
    'red',
  ],
] as const)('hears %s', (_name, before, waiting, expected) => {
  const rows = waiting.map(([alert, level]) => ({ alert, level }));
  expect(newest(new Map(Object.entries(before)), rows)).toBe(expected);
});

it.each([null, '', '{', '7', 'null', '[]'])('what a browser kept may be anything: %j', (text) => {
  expect(readChoice(text).isOn).toBe(false);
});

test('a choice is read as it was kept, without what is none', () => {
  const choice = { isOn: true, volume: 0.25, levels: ['red'], hasDrills: true };
  expect(readChoice(JSON.stringify(choice))).toEqual(choice);
  expect(readChoice('{"isOn":true,"volume":9,"levels":["purple","red"]}')).toEqual({
    ...{ isOn: true, volume: silent.volume, levels: ['red'], hasDrills: false },
  });
});
