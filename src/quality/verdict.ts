import type { CheckName } from '../model/observation.ts';

export type { CheckName };

/** `bad`: not what the air was; `suspect`: a person or a neighbour must decide; `good`: nothing speaks against it. */
export type Flag = 'good' | 'suspect' | 'bad';

/** What the checks say of one reading; `check` names the one that flagged it, absent where it is good. */
export interface Verdict {
  readonly flag: Flag;
  readonly check?: CheckName;
}

export const GOOD: Verdict = { flag: 'good' };

export const suspect = (check: CheckName): Verdict => ({ flag: 'suspect', check });
export const bad = (check: CheckName): Verdict => ({ flag: 'bad', check });

const weight: Readonly<Record<Flag, number>> = { good: 0, suspect: 1, bad: 2 };

/** The graver of two verdicts; of two alike the first, so that the order in which checks are asked decides the name. */
export const graver = (one: Verdict, other: Verdict): Verdict =>
  weight[other.flag] > weight[one.flag] ? other : one;
