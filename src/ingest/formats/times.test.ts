import { expect, test } from 'vitest';
import { epochText, instantText } from './times.ts';

test.each([
  ['2024-05-01T09:00:00-03:00', undefined, '2024-05-01T09:00:00-03:00'],
  ['2024-05-01T09:00Z', undefined, '2024-05-01T09:00:00Z'],
  ['2024-05-01 09:00:00 UTC', undefined, '2024-05-01 09:00:00Z'],
  ['2024-05-01T09:00:00+0200', undefined, '2024-05-01T09:00:00+02:00'],
  ['2024-5-1 9:00:07', 'UTC', '2024-05-01T09:00:07Z'],
  ['2024/05/01 09:00', 'America/Sao_Paulo', '2024-05-01T12:00:00Z'],
  ['2024-05-01T09:00:00', undefined, undefined],
  ['2024-02-30 09:00:00', 'UTC', undefined],
  ['2024-05-01 24:00:00', 'UTC', undefined],
  // Clocks of New York: 02:30 does not come on 10 March 2024, and 01:30 comes twice on 3 November.
  ['2024-03-10 02:30:00', 'America/New_York', undefined],
  ['2024-11-03 01:30:00', 'America/New_York', '2024-11-03T05:30:00Z'],
])('%s in %s is %s', (text, zone, expected) => {
  expect(instantText(text, zone)).toBe(expected);
});

test('epoch seconds', () => {
  expect(epochText(1714521600)).toBe('2024-05-01T00:00:00Z');
  expect(epochText('1714521600')).toBe('2024-05-01T00:00:00Z');
  expect(epochText(1714521600000)).toBeUndefined();
  expect(epochText('soon')).toBeUndefined();
});
