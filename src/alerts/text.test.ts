import { expect, it } from 'vitest';
import type { AlertEvent, Evidence } from '../model/alert.ts';
import { alertHeadline, evidenceSentence, levelWord } from './text.ts';

const evidence: Evidence = {
  expression: 'sum(rainfall, 24h) > 100 mm',
  value: 120.8,
  unit: 'mm',
  threshold: 100,
  from: 0,
  to: 1,
  coverage: 1,
  observations: 24,
};
const rule = { title: { 'pt-BR': 'Chuvas intensas', en: 'Heavy rain' } };
const station = { id: 'A801', name: 'Porto Alegre' };
const event = { event: 'raised', level: 'red' } as AlertEvent;

it('writes numbers as each language does', () => {
  expect(evidenceSentence(evidence, 'pt-BR')).toBe('Chuva, acumulado em 24h: 120,8 mm (limiar: 100 mm).');
  expect(evidenceSentence(evidence, 'en')).toBe('Rainfall, total over 24h: 120.8 mm (threshold: 100 mm).');
});

it('says what is missing and what could be more', () => {
  const { value: _, ...silent } = evidence;
  expect(evidenceSentence({ ...silent, coverage: 0.499 }, 'pt-BR')).toContain(
    'sem dados (limiar: 100 mm; dados de 49 % do período)',
  );
  expect(evidenceSentence({ ...evidence, upperBound: 3.25 }, 'en')).toContain('could be up to 3.25 mm more');
  expect(evidenceSentence({ ...evidence, expression: 'a + b > 1' }, 'en')).toContain('a + b > 1: 120.8 mm');
});

it('says of what is forecast that it is, by whom and when', () => {
  const expression = 'max(forecast(rainfall, 6h)) >= 40 mm';
  const forecast = { issuer: 'gfs', issuedAt: Date.UTC(2024, 3, 30) };
  expect(evidenceSentence({ ...evidence, expression, forecast }, 'pt-BR')).toBe(
    'Chuva, máximo em 6h (previsto): 120,8 mm (limiar: 100 mm; previsto por gfs em 2024-04-30T00:00:00Z).',
  );
  expect(evidenceSentence({ ...evidence, expression, forecast: null }, 'en')).toContain('no recent forecast');
  expect(alertHeadline({ ...event, forecast: true }, rule, station, 'pt-BR')).toBe(
    'Grande perigo: Chuvas intensas, Porto Alegre (previsto)',
  );
  expect(alertHeadline({ ...event, forecast: true }, rule, station, 'en')).toContain('(forecast)');
});

it('heads every event in both languages', () => {
  expect(levelWord('yellow', 'pt-BR')).toBe('Perigo potencial');
  expect(alertHeadline(event, rule, station, 'pt-BR')).toBe('Grande perigo: Chuvas intensas, Porto Alegre');
  expect(alertHeadline({ ...event, event: 'escalated' }, rule, station, 'en')).toBe(
    'Escalated – Great danger: Heavy rain, Porto Alegre',
  );
  expect(alertHeadline({ ...event, event: 'ended', endReason: 'cleared' }, rule, station, 'pt-BR')).toBe(
    'Encerrado: Chuvas intensas, Porto Alegre',
  );
});
