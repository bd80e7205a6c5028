import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AlertEvent, alertEventNames, endReasons } from '../model/alert.ts';
import { languages } from '../model/language.ts';
import { levelNames } from '../model/rule.ts';
import { environmentOf, SELF_TEST } from '../model/self-test.ts';
import { hazards } from '../rules/hazard.ts';
import {
  type AlertFacts,
  drillMark,
  headlineOf,
  messageText,
  smsText,
  type Told,
  textLimits,
  within,
  withinSegments,
} from './message-text.ts';
import { smsSize, toGsm } from './sms.ts';

const base = {
  event: 'raised',
  rule: 'chuva',
  hazard: 'rain',
  subject: { kind: 'station', id: 'A801' },
  level: 'red',
  at: 0,
  issuedAt: Date.UTC(2024, 4, 2, 20),
  onsetAt: 0,
  evidence: [
    {
      expression: 'sum(rainfall, 24h) > 100 mm',
      ...{ value: 120.8, unit: 'mm', threshold: 100, from: 0, to: 1, coverage: 1, observations: 24 },
    },
  ],
} as unknown as AlertEvent;
const facts: AlertFacts = {
  title: { 'pt-BR': 'Chuvas intensas', en: 'Heavy rain' },
  place: 'Porto Alegre',
  instruction: {
    'pt-BR': 'Saia de áreas baixas. Não atravesse ruas alagadas.',
    en: 'Leave low ground. Do not cross flooded streets.',
  },
  expiresAt: Date.UTC(2024, 4, 2, 21),
  timeZone: 'America/Sao_Paulo',
};

test('level, hazard, place, until when, what to do; whole sentences only', () => {
  const told: Told = { event: base, facts };
  expect(messageText(told, 'pt-BR', 'actual', within(textLimits.short))).toBe(
    'Grande perigo: Chuvas intensas, Porto Alegre. Até 02/05 18:00. Saia de áreas baixas.',
  );
  expect(messageText(told, 'en', 'exercise', within(textLimits.medium))).toBe(
    'EXERCISE: Great danger: Heavy rain, Porto Alegre. Until 2 May 18:00. Leave low ground. ' +
      'Do not cross flooded streets. Rainfall, total over 24h: 120.8 mm (threshold: 100 mm).',
  );
  expect(smsText(told, 'pt-BR', 'exercise', 1)).toBe(
    'EXERCICIO: Grande perigo: Chuvas intensas, Porto Alegre. Até 02/05 18:00. Saia de areas baixas. Nao atravesse ruas alagadas.',
  );
});

test('what waits for approval and what was a false alarm say so first, in any room', () => {
  const draft: Told = { event: base, facts, isDraft: true };
  for (const limit of [textLimits.short, textLimits.medium])
    expect(messageText(draft, 'pt-BR', 'exercise', within(limit))).toMatch(
      /^EXERCÍCIO: NÃO PUBLICADO, aguarda aprovação: Grande perigo/,
    );
  expect(smsText(draft, 'en', 'actual', 1)).toMatch(/^NOT PUBLISHED, needs approval: Great danger/);
  const ended = { ...base, event: 'ended', endReason: 'cancelled' } as AlertEvent;
  const correction = { 'pt-BR': 'Alarme falso: não há perigo.', en: 'False alarm: there is no danger.' };
  expect(messageText({ event: ended, facts, correction }, 'en', 'test', within(textLimits.medium))).toMatch(
    /^TEST: False alarm: there is no danger\. Cancelled: Heavy rain, Porto Alegre\./,
  );
});

const word = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.constantFrom('São José', 'Ação', '山口', '🌧️', 'a'.repeat(200), '{}[]~^|\\€', 'ACTUAL', ''),
);
const sentence = fc.array(word, { maxLength: 12 }).map((words) => words.join(' '));
const both = fc.record({ 'pt-BR': sentence, en: sentence });
const told: fc.Arbitrary<Told> = fc
  .record({
    event: fc.constantFrom(...alertEventNames),
    endReason: fc.constantFrom(...endReasons),
    level: fc.constantFrom(...levelNames),
    hazard: fc.constantFrom(...hazards.keys(), 'unheard'),
    id: word,
    others: fc.integer({ min: 0, max: 40 }),
    facts: fc.option(
      fc.record({
        title: both,
        place: sentence,
        instruction: both,
        expiresAt: fc.integer({ min: 0, max: 4e12 }),
        timeZone: fc.constantFrom('America/Sao_Paulo', 'America/Rio_Branco', 'UTC'),
      }),
    ),
  })
  .map(({ event, endReason, level, hazard, id, others, facts }) => {
    const one = { ...base, event, endReason, level, hazard, subject: { kind: 'station', id } } as AlertEvent;
    const companions = Array.from({ length: others }, (_, i) => ({
      ...one,
      subject: { kind: 'station' as const, id: `${id}${i}` },
    }));
    return { event: one, ...(facts ? { facts } : {}), ...(others > 1 ? { companions } : {}) };
  });

test('every text of every alert fits its channel, and one of a drill begins with the word', () => {
  const environments = ['actual', 'exercise', 'test'] as const;
  fc.assert(
    fc.property(
      told,
      fc.constantFrom(...languages),
      fc.constantFrom(...environments),
      (one, language, environment) => {
        const mark = drillMark(environment, language);
        for (const limit of Object.values(textLimits)) {
          const text = messageText(one, language, environment, within(limit));
          expect(text.length).toBeLessThanOrEqual(limit);
          expect(text).not.toBe('');
          if (mark !== undefined) expect(text.startsWith(`${mark}: `)).toBe(true);
          expect(text.isWellFormed()).toBe(true);
        }
        for (const segments of [1, 2, 6]) {
          const text = smsText(one, language, environment, segments);
          expect(smsSize(text)).toMatchObject({ alphabet: 'GSM-7' });
          expect(smsSize(text).segments).toBeLessThanOrEqual(segments);
          if (mark !== undefined) expect(text.startsWith(`${toGsm(mark)}: `)).toBe(true);
          const full = messageText(one, language, environment, withinSegments(segments));
          expect(smsSize(full).segments).toBeLessThanOrEqual(segments);
          if (mark !== undefined) expect(full.startsWith(`${mark}: `)).toBe(true);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('no word is cut: what is left is the beginning of the words', () => {
  fc.assert(
    fc.property(told, fc.constantFrom(...languages), (one, language) => {
      const words = headlineOf(one, language).split(' ');
      fc.pre(words.every((part) => part.length < 60));
      const text = messageText(one, language, 'actual', within(textLimits.short));
      if (!text.endsWith('...')) return;
      const bare = (list: readonly string[]): string =>
        list
          .join(' ')
          .replace(/[,:;.–-]+$/, '')
          .trimEnd();
      expect(words.some((_, i) => `${bare(words.slice(0, i + 1))}...` === text)).toBe(true);
    }),
  );
});

test('parts of text messages, as 3GPP TS 23.038 and 23.040 count them', () => {
  expect(smsSize('a'.repeat(160))).toEqual({ alphabet: 'GSM-7', units: 160, segments: 1 });
  expect(smsSize('a'.repeat(161)).segments).toBe(2);
  expect(smsSize('a'.repeat(306)).segments).toBe(2);
  expect(smsSize('a'.repeat(307)).segments).toBe(3);
  expect(smsSize('€'.repeat(80))).toEqual({ alphabet: 'GSM-7', units: 160, segments: 1 });
  // The escape sequence at the end of the first part goes to the second one whole: 152 + 2 > 153.
  expect(smsSize(`${'a'.repeat(152)}€${'a'.repeat(151)}`)).toMatchObject({ units: 305, segments: 2 });
  expect(smsSize(`${'a'.repeat(152)}€${'a'.repeat(152)}`)).toMatchObject({ units: 306, segments: 3 });
  expect(smsSize('ã'.repeat(70))).toEqual({ alphabet: 'UCS-2', units: 70, segments: 1 });
  expect(smsSize('ã'.repeat(71)).segments).toBe(2);
  expect(smsSize(`${'ã'.repeat(66)}🌧${'ã'.repeat(3)}`).segments).toBe(2);
  expect(smsSize('Índice de ação').alphabet).toBe('UCS-2');
  expect(toGsm('Ação – São João… “à é ü” 山')).toBe('Acao - Sao Joao... "à é ü" ?');
});

test("the system's test of itself says so first of all, on every server, and names no danger", () => {
  const told: Told = { event: { ...base, hazard: SELF_TEST, level: 'yellow', evidence: [] }, facts };
  for (const environment of ['actual', 'exercise', 'test'] as const) {
    expect(messageText(told, 'pt-BR', environment, within(400))).toMatch(
      /^TESTE: Chuvas intensas, Porto Alegre\./,
    );
    expect(smsText(told, 'en', environment, 1)).toMatch(/^TEST: Heavy rain, Porto Alegre/);
    expect(environmentOf(told.event, environment)).toBe('test');
    expect(environmentOf(base, environment)).toBe(environment);
  }
});
