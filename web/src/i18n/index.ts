import type { Language } from '../../../src/model/language.ts';
import type { Dictionary } from './dictionary.ts';
import { en } from './en.ts';
import { ptBr } from './pt-br.ts';

export const dictionaries: Readonly<Record<Language, Dictionary>> = { 'pt-BR': ptBr, en };
