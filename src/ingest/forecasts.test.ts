import { expect, it } from 'vitest';
import { readForecasts } from './forecasts.ts';

const issuedAt = '2024-04-30T00:00:00Z';
const value = (h: number, mm: unknown) => ({ validAt: `2024-04-30T0${h}:00:00Z`, value: mm });
const good = {
  ...{ station: 'A801', issuer: 'gfs', issuedAt, quantity: 'rainfall', unit: 'mm', interval: '1h' },
  values: [value(1, 0), value(2, 12.5)],
};
const line = (change: object): string => `${JSON.stringify({ ...good, ...change })}\n`;

it('reads a forecast a line, each value in the canonical unit', () => {
  const at = Date.parse(issuedAt);
  const { forecasts, refusals } = readForecasts(
    `${line({})}\n${line({ unit: 'in', values: [value(1, 1)] })}`,
  );
  expect(refusals).toEqual([]);
  expect(forecasts).toEqual([
    {
      ...{ station: 'A801', issuer: 'gfs', issuedAt: at, receivedAt: at, quantity: 'rainfall' },
      ...{ intervalMs: 3_600_000, index: 1, validAt: [at + 3_600_000, at + 7_200_000], values: [0, 12_500] },
    },
    expect.objectContaining({ values: [25_400] }),
  ]);
});

it('takes the time of arrival from the door, and from a recording where there is none', () => {
  const late = line({ receivedAt: '2024-04-30T05:00:00Z' });
  const [live, recorded] = [readForecasts(late, Date.parse(issuedAt) + 7), readForecasts(late)];
  expect(live.forecasts[0]?.receivedAt).toBe(Date.parse(issuedAt) + 7);
  expect(recorded.forecasts[0]?.receivedAt).toBe(Date.parse('2024-04-30T05:00:00Z'));
});

it.each([
  ['station', { station: ' ' }],
  ['form', { issuer: 'a b' }],
  ['form', { colour: 1 }],
  ['time', { issuedAt: 'today' }],
  ['time', { receivedAt: 7 }],
  ['future', { receivedAt: '2024-04-29T00:00:00Z' }],
  ['unknown-quantity', { quantity: 'rain' }],
  ['unknown-quantity', { quantity: 'heatIndex' }],
  ['unit', { unit: '°C' }],
  ['unit', { unit: 7 }],
  ['interval', { interval: '1m' }],
  ['interval', { interval: '3h' }],
  ['no-values', { values: [] }],
  ['no-values', { values: Array.from({ length: 385 }, () => value(1, 0)) }],
  ['time', { values: [value(2, 0), value(1, 0)] }],
  ['time', { values: [value(0, 0)] }],
  ['time', { values: [{ validAt: '2024-06-30T00:00:00Z', value: 1 }] }],
  ['time', { values: [7] }],
  ['not-finite', { values: [value(1, null)] }],
  ['range', { values: [value(1, -1)] }],
])('refuses the whole forecast: %s', (code, change) => {
  const { forecasts, refusals } = readForecasts(`${line({})}${line(change)}`);
  expect(forecasts).toHaveLength(1);
  expect(refusals).toMatchObject([{ index: 2, code }]);
});

it('refuses a line that is no object', () => {
  expect(readForecasts('[]\n{').refusals.map(({ index, code }) => [index, code])).toEqual([
    [1, 'form'],
    [2, 'form'],
  ]);
});
