import { expect, it } from 'vitest';
import { dictionaries } from '../i18n/index.ts';
import { evidenceText, worstByStation } from './alerts.ts';
import type { AlertItem, EvidenceItem } from './contract.ts';

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

it.each([
  ['sum(rainfall, 24h) > 100 mm', 120.8, 'mm', '120,8\u00a0mm em 24\u00a0h'],
  ['silent(3h)', undefined, '', 'sem dados há mais de 3\u00a0h'],
  ['silent(rainfall, 30m)', undefined, '', 'sem dados há mais de 30\u00a0min'],
])('%s in words', (expression, value, unit, words) => {
  const evidence = { expression, unit, ...(value === undefined ? {} : { value }) } as unknown as EvidenceItem;
  expect(evidenceText(evidence, dictionaries['pt-BR'], 'pt-BR')).toBe(words);
});
