import type { ptBr } from './pt-br.ts';

/** The same keys and the same arguments in every language; the compiler refuses a missing or a surplus one. */
export type Dictionary = {
  readonly [K in keyof typeof ptBr]: (typeof ptBr)[K] extends (...args: infer A) => string
    ? (...args: A) => string
    : string;
};
