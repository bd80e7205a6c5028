import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { DAY_MS, formatSpan, MINUTE_MS, SECOND_MS } from '../model/time.ts';
import { type RuleSetCost, ruleSetCost, type StationCost, stationCost } from './cost.ts';

/** Reports are counted at this interval where the registry gives none. */
const WORST_INTERVAL_MS = MINUTE_MS;
const STATIONS_PER_TOTAL = 10_000;

/** What a rule set may take; each figure can be raised where the machine has the room. */
export interface Budget {
  /** Bytes of state of one station. */
  readonly stationBytes: number;
  /** Bytes of state in total, for each begun 10,000 stations. */
  readonly totalBytes: number;
  /** Comparisons that one report on time may cause. */
  readonly comparisons: number;
  /** Comparisons a second of all stations together. */
  readonly comparisonsPerSecond: number;
}

/**
 * 64 MiB a station, 1 GiB for each begun 10,000 stations, a quarter of a million comparisons a report (about a
 * second), a million a second: four workers, of which each made 0.3 million on a busy machine.
 */
export const defaultBudget: Budget = {
  stationBytes: 64 * 2 ** 20,
  totalBytes: 2 ** 30,
  comparisons: 250_000,
  comparisonsPerSecond: 1_000_000,
};

/** The cost of a rule set: at one report a minute, and for the stations of a registry. */
export interface RuleSetWeight {
  readonly cost: RuleSetCost;
  readonly worst: StationCost;
  /** Of the stations given, each at its own interval; null without stations. */
  readonly registry: {
    readonly stations: number;
    readonly totalBytes: number;
    readonly comparisonsPerSecond: number;
    /** The station with the most state, and the one whose reports cause the most comparisons. */
    readonly largest: StationCost & { readonly id: string };
    readonly busiest: StationCost & { readonly id: string };
  } | null;
  /** Sentences with the figure and the remedy; empty when the rules keep to the budget. */
  readonly problems: readonly string[];
}

/**
 * Bounds the state and work of a rule set before it runs. With stations each is counted at its own interval (one minute
 * where it has none), without at one report a minute.
 */
export function weighRules(
  rules: readonly Rule[],
  stations: readonly Station[] = [],
  { latenessMs = DAY_MS, budget = defaultBudget }: { latenessMs?: number; budget?: Budget } = {},
): RuleSetWeight {
  const cost = ruleSetCost(rules, latenessMs);
  const worst = stationCost(cost, WORST_INTERVAL_MS);
  const registry = stations.length === 0 ? null : weighStations(cost, stations);
  const problems: string[] = [];
  const largest = registry?.largest ?? { ...worst, id: 'that reports every minute' };
  const busiest = registry?.busiest ?? { ...worst, id: 'that reports every minute' };
  const give = registry === null ? 'give --stations with the real intervals, ' : '';
  if (largest.bytes > budget.stationBytes)
    problems.push(
      `station ${largest.id} would hold ${tellBytes(largest.bytes)} (${largest.readings} readings of each of ${cost.quantities.length} quantities), more than ${tellBytes(budget.stationBytes)}; ${give}${shorten(cost)}`,
    );
  if (busiest.comparisons > budget.comparisons)
    problems.push(
      `one report of station ${busiest.id} would cause ${busiest.comparisons} comparisons, more than ${budget.comparisons}; ${give}${lighten(cost)}`,
    );
  const total = registry === null ? 0 : totalBudget(budget, registry.stations);
  if (registry !== null && registry.totalBytes > total)
    problems.push(
      `the ${registry.stations} stations would hold ${tellBytes(registry.totalBytes)}, more than ${tellBytes(total)}; ${shorten(cost)}, or give more: pipeline.budget of the configuration, --budget of rules check`,
    );
  if (registry !== null && registry.comparisonsPerSecond > budget.comparisonsPerSecond)
    problems.push(
      `the ${registry.stations} stations would cause ${Math.round(registry.comparisonsPerSecond)} comparisons a second, more than ${budget.comparisonsPerSecond}; ${lighten(cost)}`,
    );
  return { cost, worst, registry, problems };
}

/** Bytes that the stations may take together. */
export const totalBudget = (budget: Budget, stations: number): number =>
  budget.totalBytes * Math.ceil(stations / STATIONS_PER_TOTAL);

function weighStations(cost: RuleSetCost, stations: readonly Station[]): RuleSetWeight['registry'] {
  const inRegion = new Map<string, number>();
  for (const { region } of stations) inRegion.set(region, (inRegion.get(region) ?? 0) + 1);
  const isNamed = cost.rules.some(({ rule }) => rule.subject === 'area' && rule.area.kind === 'named');
  const known = new Map<string, StationCost>();
  let totalBytes = 0;
  let comparisonsPerSecond = 0;
  let largest: (StationCost & { id: string }) | undefined;
  let busiest: (StationCost & { id: string }) | undefined;
  for (const { id, region, intervalMs } of stations) {
    // Which stations a named area has is not in the registry: it may have all.
    const areaStations = isNamed ? stations.length : (inRegion.get(region) as number);
    const key = `${intervalMs} ${areaStations}`;
    let own = known.get(key);
    if (own === undefined) {
      own = stationCost(cost, intervalMs ?? WORST_INTERVAL_MS, areaStations);
      known.set(key, own);
    }
    totalBytes += own.bytes;
    comparisonsPerSecond += (own.comparisons * SECOND_MS) / (intervalMs ?? WORST_INTERVAL_MS);
    if (own.bytes > (largest?.bytes ?? -1)) largest = { ...own, id };
    if (own.comparisons > (busiest?.comparisons ?? -1)) busiest = { ...own, id };
  }
  return largest && busiest
    ? { stations: stations.length, totalBytes, comparisonsPerSecond, largest, busiest }
    : null;
}

function shorten({ longest, keptReports }: RuleSetCost): string {
  const count = keptReports > 0 ? ` or the windows of up to ${keptReports} reports` : '';
  return longest === null
    ? 'take fewer rules'
    : `shorten the longest window (rule ${longest.rule} looks back ${formatSpan(longest.reachMs)})${count}`;
}

function lighten(cost: RuleSetCost): string {
  const alone = cost.rules.map((rule) => ({
    name: rule.rule.name,
    comparisons: stationCost({ ...cost, rules: [rule] }, WORST_INTERVAL_MS).comparisons,
  }));
  const { name } = alone.reduce((most, one) => (one.comparisons > most.comparisons ? one : most));
  return `take fewer rules, shorter windows and "within" spans or smaller areas (heaviest: rule ${name})`;
}

/** `3.1 MiB`: binary units, one decimal below ten. */
export function tellBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Bytes of `512 MiB` or `8GiB`, binary units; undefined when it is no such size above zero. */
export function parseBytes(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,6}(?:\.\d{1,3})?)\s*(KiB|MiB|GiB|TiB)$/.exec(text.trim()) ?? [];
  if (number === undefined || Number(number) === 0) return undefined;
  return Number(number) * 1024 ** (['KiB', 'MiB', 'GiB', 'TiB'].indexOf(unit as string) + 1);
}
