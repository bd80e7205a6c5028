import { expect, it } from 'vitest';
import { worstByStation } from './alerts.ts';
import type { AlertItem } from './contract.ts';

const item = (
  alert: string,
  subject: AlertItem['subject'],
  level: AlertItem['level'],
  stations?: string[],
): AlertItem =>
  ({
    alert,
    subject,
    level,
    evidence: [{ expression: 'count(stations where …) >= 2', ...(stations ? { stations } : {}) }],
  }) as unknown as AlertItem;

it('an area marks the stations that its evidence names, and the worst level counts at each', () => {
  const worst = worstByStation([
    item('a', { kind: 'station', id: 'A801' }, 'yellow'),
    item('b', { kind: 'area', id: '4314902' }, 'red', ['A801', 'A802']),
    item('c', { kind: 'station', id: 'A802' }, 'orange'),
    item('d', { kind: 'area', id: 'vale' }, 'yellow'),
  ]);
  expect([...worst].map(([id, { alert }]) => [id, alert])).toEqual([
    ['A801', 'b'],
    ['A802', 'b'],
  ]);
});
