import type { Rule, Window } from '../model/rule.ts';
import { DAY_MS, HOUR_MS } from '../model/time.ts';
import { MAX_FORECAST_AGE_MS, MAX_ISSUES } from '../stream/forecasts.ts';
import { reachMs } from '../stream/window-kinds.ts';
import { readsOf } from './reads.ts';
import { comparisonsOf } from './work.ts';

/** A reading in a series: seven columns of 8 bytes (stream/series.ts). */
const BYTES_PER_READING = 56;
/** A rule's level over time at one station; measured 377 bytes when calm, and as many a change within lateness. */
const BYTES_PER_TRACK = 1024;
/** A window that follows the newest instant, and the instants of reports. */
const BYTES_PER_WINDOW = 512;
const BYTES_PER_INSTANT = 16;
/** A value forecast, with its instant. */
const BYTES_PER_FORECAST_VALUE = 16;
const FIRST_CAPACITY = 16;
/** What one rule asks of each station, or of each station of its areas. */
interface RuleCost {
  readonly rule: Rule;
  readonly windows: readonly Window[];
  readonly forecasts: number;
}

/** The static cost of a rule set; {@link stationCost} applies it to a station. */
export interface RuleSetCost {
  readonly rules: readonly RuleCost[];
  /** Names of the quantities of which readings are kept. */
  readonly quantities: readonly string[];
  /** The rule that looks back furthest, and how far; null when none looks back. */
  readonly longest: { readonly rule: string; readonly reachMs: number } | null;
  /** Most readings that a window by count holds. */
  readonly keptReports: number;
  readonly latenessMs: number;
  readonly distinctWindows: number;
  /** Values kept of the forecasts of a station, at hourly steps. */
  readonly forecastValues: number;
}

/**
 * Adds up what rules read. The fold keeps every quantity that a rule names for the longest window of the whole set.
 * @param latenessMs how late a report may come and still be put in its place (`pipeline.lateness`)
 */
export function ruleSetCost(rules: readonly Rule[], latenessMs = DAY_MS): RuleSetCost {
  const quantities = new Set<string>();
  const distinct = new Set<string>();
  const costs: RuleCost[] = [];
  const aheadMs = new Map<string, number>();
  let longest: RuleSetCost['longest'] = null;
  let keptReports = 0;
  for (const rule of rules) {
    const reads = readsOf(rule);
    const windows = new Map<string, Window>();
    for (const quantity of reads.quantities) {
      quantities.add(quantity);
      // Where there are suspect readings, they stand in a second series together with the good ones.
      if (rule.quality === 'suspect') quantities.add(`${quantity} with suspect`);
    }
    for (const { quantity, window } of reads.windows) {
      const key = JSON.stringify(window);
      windows.set(key, window);
      distinct.add(`${quantity} ${key}`);
      if (window.kind === 'count') keptReports = Math.max(keptReports, window.reports);
    }
    const reach = Math.max(0, ...[...windows.values()].map(reachMs)) + reads.withinMs;
    if (reach > (longest?.reachMs ?? 0)) longest = { rule: rule.name, reachMs: reach };
    for (const { quantity, spanMs } of reads.forecasts)
      aheadMs.set(quantity, Math.max(spanMs, aheadMs.get(quantity) ?? 0));
    costs.push({ rule, windows: [...windows.values()], forecasts: reads.forecasts.length });
  }
  return {
    rules: costs,
    quantities: [...quantities].sort(),
    longest,
    keptReports,
    latenessMs,
    distinctWindows: distinct.size,
    forecastValues: [...aheadMs.values()].reduce(
      (sum, spanMs) => sum + MAX_ISSUES * Math.ceil((MAX_FORECAST_AGE_MS + spanMs) / HOUR_MS),
      0,
    ),
  };
}

/** What a rule set takes of one station. */
export interface StationCost {
  /** Readings kept of each quantity. */
  readonly readings: number;
  readonly bytes: number;
  /** Work that one report on time causes, in comparisons (work.ts), when it holds every quantity that rules name. */
  readonly comparisons: number;
}

/**
 * State and work of one station that reports every `intervalMs` every quantity that rules name. The store of a series
 * doubles when it is full and keeps room for twice its readings; that room is counted.
 * @param areaStations stations of its area
 */
export function stationCost(cost: RuleSetCost, intervalMs: number, areaStations = 1): StationCost {
  // The fold's own margin, an hour for clocks put back, and the wait of an area for its slowest station.
  const keptMs = (cost.longest?.reachMs ?? 0) + cost.latenessMs + 2 * HOUR_MS + 3 * intervalMs;
  const readings = Math.ceil(keptMs / intervalMs) + cost.keptReports;
  let room = FIRST_CAPACITY;
  while (room < 2 * readings) room *= 2;
  const bytes =
    cost.quantities.length * room * BYTES_PER_READING +
    Math.ceil((cost.latenessMs + 3 * intervalMs) / intervalMs) * BYTES_PER_INSTANT +
    cost.rules.length * BYTES_PER_TRACK +
    cost.distinctWindows * BYTES_PER_WINDOW +
    cost.forecastValues * BYTES_PER_FORECAST_VALUE;
  let comparisons = 0;
  // A value forecast has a rule evaluated when it comes into the span ahead and when it leaves it.
  const steps = Math.ceil((2 * intervalMs) / HOUR_MS);
  for (const { rule, windows, forecasts } of cost.rules)
    comparisons +=
      comparisonsOf(rule, intervalMs, areaStations) * (evaluations(windows, intervalMs) + forecasts * steps);
  return { readings, bytes, comparisons };
}

/**
 * Instants at which one report has a rule evaluated: its own, the one at which it has left each sliding window, the ends
 * of closed windows until the next report, the end of a session.
 */
function evaluations(windows: readonly Window[], intervalMs: number): number {
  let instants = 1;
  for (const window of windows) {
    if (window.kind === 'count') continue;
    if (window.kind === 'tumbling' || window.kind === 'hopping') {
      const everyMs = window.kind === 'hopping' ? window.everyMs : window.spanMs;
      // A reading changes the windows that it lies in and the first one after them, however long the next is awaited.
      instants += Math.min(Math.ceil(intervalMs / everyMs), Math.ceil(window.spanMs / everyMs) + 1);
    } else instants += 1;
  }
  return instants;
}
