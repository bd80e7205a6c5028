import { readFileSync } from 'node:fs';
import { parseAreas } from '../../ingest/areas.ts';
import { tryMessage } from '../../ingest/formats/trial.ts';
import { readBorders } from '../../ingest/geo/borders.ts';
import { parseStations } from '../../ingest/stations.ts';
import type { Rule } from '../../model/rule.ts';
import type { Station } from '../../model/station.ts';
import { weighRules } from '../../rules/budget.ts';
import { loadRules } from '../../rules/rule-set.ts';
import { loadTemplates } from '../../rules/template.ts';
import { budgetOf } from '../config/config.ts';
import type { Config } from '../config/schema.ts';
import { findRuleFiles } from '../rule-files.ts';
import { type Check, fail, ok, tried, warn } from './check.ts';

const SHOWN = 5;

/** Stations, areas and rules of the configuration, each read and checked as at a start; an exercise brings its own. */
export async function checkContents(config: Config, isExercise: boolean): Promise<Check[]> {
  const checks: Check[] = [];
  let stations: readonly Station[] = [];
  const { file } = config.stations;
  if (file === undefined)
    checks.push(ok('stations', `no file; unknown stations: ${config.stations.unknown}`));
  else
    checks.push(
      await tried('stations', 'Correct stations.file in the configuration.', async () => {
        const list = parseStations(readFileSync(file, 'utf8'), file);
        stations = list.stations;
        return told('stations', list.problems, `${stations.length} in ${file}`);
      }),
    );
  const areas = config.areas;
  if (areas !== undefined)
    checks.push(
      await tried('areas', 'Correct areas in the configuration.', async () => {
        const list = parseAreas(
          readFileSync(areas, 'utf8'),
          areas,
          stations.length > 0 ? stations : undefined,
        );
        return told('areas', list.problems, `${list.areas.length} in ${areas}`);
      }),
    );
  const { borders } = config;
  if (borders !== undefined)
    checks.push(
      await tried('borders', 'Make it anew with atalaia geo import.', async () =>
        told('borders', [], `${readBorders(readFileSync(borders), borders).size} in ${borders}`),
      ),
    );
  checks.push(isExercise ? ok('rules', 'those of the exercise') : await checkRules(config, stations));
  return checks;
}

function checkRules(config: Config, stations: readonly Station[]): Promise<Check> {
  return tried('rules', 'Correct rules in the configuration.', async () => {
    const { rules: paths, pipeline } = config;
    if (paths.length === 0)
      return warn('rules', 'there are none: nothing will be warned of', 'Name folders or files as rules.');
    const { rules, problems } = loadRules(findRuleFiles(paths, 'rules'));
    const { problems: others } = loadTemplates(findRuleFiles(paths, 'templates'));
    const flaws = [...problems, ...others].map(
      (flaw) => `${flaw.file}:${flaw.line}:${flaw.column}: ${flaw.message}`,
    );
    const heavy =
      flaws.length > 0
        ? []
        : weighRules(rules, stations, { latenessMs: pipeline.lateness, budget: budgetOf(config) }).problems;
    return told('rules', [...flaws, ...heavy], `${countOf(rules)} in ${paths.join(', ')}`);
  });
}

const countOf = (rules: readonly Rule[]): string =>
  `${rules.length} ${rules.length === 1 ? 'rule' : 'rules'}`;

const told = (name: string, problems: readonly string[], detail: string): Check =>
  problems.length === 0
    ? ok(name, detail)
    : fail(
        name,
        problems.slice(0, SHOWN).join('; '),
        problems.length > SHOWN
          ? `Correct these and ${problems.length - SHOWN} more.`
          : 'Correct what is named.',
      );

/** A producer's message, as the doors would read it. */
export function checkSample(path: string, receivedAt: number): Promise<Check> {
  const name = 'sample';
  const remedy = `See atalaia source test ${path}.`;
  return tried(name, remedy, async () => {
    const { format, reports, refusals } = tryMessage({ body: readFileSync(path), receivedAt }, {});
    const good = reports.filter((report) => report !== undefined);
    const readings = good.reduce((sum, report) => sum + report.quantities.length, 0);
    const detail = `${path}: ${format}, ${good.length} reports with ${readings} readings, ${refusals.length} refused`;
    if (good.length === 0) return fail(name, detail, remedy);
    return refusals.length > 0 ? warn(name, detail, remedy) : ok(name, detail);
  });
}
