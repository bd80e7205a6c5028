import type { Rule } from '../model/rule.ts';
import { explainRule } from '../rules/explain.ts';
import { printHeld } from '../rules/print.ts';
import { thresholdsOf } from '../rules/threshold.ts';
import { listOf, type Route } from './route.ts';

/** What a person reads of a rule: its conditions as text, the numbers that they compare with, and the whole in words. */
const readable = (rule: Rule): object => ({
  levels: rule.levels.map((one) => ({
    level: one.level,
    condition: printHeld(one),
    thresholds: thresholdsOf(one.condition).map(({ value, unit }) => ({ value, unit })),
  })),
  clear: rule.clear && printHeld(rule.clear),
  words: { 'pt-BR': explainRule(rule, 'pt-BR'), en: explainRule(rule, 'en') },
});

export const ruleRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/rules',
    operationId: 'listRules',
    summary: 'The rules in force; `readable` says each in the language of rules and in words.',
    responses: { 200: { description: 'All rules', schema: listOf('Rule') } },
    handler: (_request, _reply, { rules }) => ({
      items: rules().map((rule) => ({ ...rule, readable: readable(rule) })),
      next: null,
    }),
  },
];
