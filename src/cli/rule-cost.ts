import { readFileSync } from 'node:fs';
import { parseStations } from '../ingest/stations.ts';
import { AtalaiaError } from '../lib/errors.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { formatSpan, parseSpan } from '../model/time.ts';
import {
  type Budget,
  defaultBudget,
  parseBytes,
  tellBytes,
  totalBudget,
  weighRules,
} from '../rules/budget.ts';
import type { CommandIo } from './command.ts';

/** Options of `rules check` that say what the rules may cost. */
export const costOptions = {
  stations: { type: 'string' },
  lateness: { type: 'string' },
  budget: { type: 'string' },
  'station-budget': { type: 'string' },
} as const;

export type CostValues = { readonly [K in keyof typeof costOptions]?: string | undefined };

const wrong = (message: string): AtalaiaError => new AtalaiaError('ATL_USAGE', message);

/** Prints state and work of a rule set; true when it exceeds the budget, which stderr then tells. */
export function tellCost(rules: readonly Rule[], values: CostValues, io: CommandIo): boolean {
  const budget: Budget = {
    ...defaultBudget,
    totalBytes: size(values.budget, 'budget') ?? defaultBudget.totalBytes,
    stationBytes: size(values['station-budget'], 'station-budget') ?? defaultBudget.stationBytes,
  };
  const latenessMs = values.lateness === undefined ? undefined : parseSpan(values.lateness);
  if (values.lateness !== undefined && latenessMs === undefined)
    throw wrong(`--lateness ${values.lateness} is not a span such as 24h.`);
  const stations = values.stations === undefined ? [] : readStations(values.stations);
  const { cost, worst, registry, problems } = weighRules(rules, stations, {
    budget,
    ...(latenessMs === undefined ? {} : { latenessMs }),
  });
  const reach = formatSpan(cost.longest?.reachMs ?? 0);
  const lines = [
    `kept: ${cost.quantities.length} quantities (${cost.quantities.join(', ')}), ${reach} and ${formatSpan(cost.latenessMs)} of lateness`,
    `a station that reports every minute: ${tellBytes(worst.bytes)} of state (${worst.readings} readings of each quantity), ${worst.comparisons} comparisons a report`,
  ];
  if (registry !== null) {
    const { stations: count, totalBytes, comparisonsPerSecond, largest, busiest } = registry;
    lines.push(
      `${values.stations}: ${count} stations, ${tellBytes(totalBytes / count)} of state each on average, ${tellBytes(largest.bytes)} at most (${largest.id}), ${tellBytes(totalBytes)} in total (at most ${tellBytes(totalBudget(budget, count))}); ${busiest.comparisons} comparisons a report at most (${busiest.id}), ${Math.ceil(comparisonsPerSecond)} a second in total`,
    );
  }
  io.stdout.write(`${lines.join('\n')}\n`);
  for (const problem of problems) io.stderr.write(`too costly: ${problem}\n`);
  return problems.length > 0;
}

function readStations(file: string): readonly Station[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AtalaiaError('ATL_INPUT', `${file} cannot be read. Give a station registry (CSV).`, { cause });
  }
  const { stations, problems } = parseStations(text, file);
  if (problems.length > 0) throw new AtalaiaError('ATL_INPUT', problems.join('\n'));
  return stations;
}

/** `512 MiB`, `8GiB`; binary units. */
function size(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const bytes = parseBytes(text);
  if (bytes === undefined) throw wrong(`--${option} ${text} is not a size; write 512MiB or 8GiB.`);
  return bytes;
}
