import { type Condition, levelNames, type Rule } from './rule.ts';

/** True never: nothing is measured for an alert that a person raises. */
const never: Condition = { kind: 'or', terms: [] };

/** What stands in the place of a rule for an alert raised by hand: every level is open to people. */
export function manualRule(
  given: Pick<Rule, 'name' | 'title' | 'hazard' | 'instruction' | 'expiresMs' | 'subject'> &
    Partial<Pick<Rule, 'cap' | 'area' | 'publication'>>,
): Rule {
  return {
    levels: levelNames.map((level) => ({ level, condition: never, holdMs: 0 })),
    clear: null,
    coverage: 0,
    area: { kind: 'region' },
    // Nothing was observed by a station: somebody says so.
    cap: { urgency: 'Immediate', certainty: 'Likely', responseType: 'Prepare' },
    ...given,
  };
}
