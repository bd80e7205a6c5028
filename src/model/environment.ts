import type { Text } from './language.ts';

export type Environment = 'actual' | 'exercise' | 'test';

/** What every text of a server that is not the real thing begins with. */
export const drillMarks: Readonly<Record<Environment, Text | null>> = {
  actual: null,
  exercise: { 'pt-BR': 'EXERCÍCIO', en: 'EXERCISE' },
  test: { 'pt-BR': 'TESTE', en: 'TEST' },
};

/** Words that make people take a drill for the real thing: in Hawaii, 2018, the text of the drill said so. */
const REAL =
  /not\s+(a|an)\s+(drill|exercise|test)|n[ãa]o\s+(é|e|se trata de)\s+(um\s+|uma\s+)?(exerc[íi]cio|simula(do|ção|cao)|teste|treinamento)|this\s+is\s+real|isto\s+é\s+real/i;

/** Whether a text claims to be the real thing, which no text of an exercise or test may. */
export const claimsReal = (text: string): boolean => REAL.test(text);
