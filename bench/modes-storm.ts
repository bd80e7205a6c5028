import { fileURLToPath } from 'node:url';
import { findRuleFiles } from '../src/app/rule-files.ts';
import { openScenario } from '../src/ingest/scenario.ts';
import { AtalaiaError } from '../src/lib/errors.ts';
import { loadRules } from '../src/rules/rule-set.ts';
import type { ModesInput } from './modes.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The recorded storm with the rules of INMET. Throws ATL_RULE when a rule file of the checkout is broken. */
export function stormInput(): ModesInput {
  const scenario = openScenario(`${root}scenarios/rs-2024`);
  const { rules, problems } = loadRules(findRuleFiles([`${root}rules/inmet`], 'rules'));
  const [first] = problems;
  if (first)
    throw new AtalaiaError('ATL_RULE', `${first.file}:${first.line}:${first.column}: ${first.message}`);
  return { rules, stations: scenario.stations, reports: [...scenario.reports()] };
}
