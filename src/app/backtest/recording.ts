import type { ReportColumns } from '../../ingest/report-columns.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { AlertEvent } from '../../model/alert.ts';
import type { Area } from '../../model/area.ts';
import type { Forecast } from '../../model/forecast.ts';
import type { Report } from '../../model/report.ts';
import type { Rule } from '../../model/rule.ts';
import type { Station } from '../../model/station.ts';
import { DAY_MS } from '../../model/time.ts';
import { weighRules } from '../../rules/budget.ts';
import { COUNTER } from '../../stream/rain-counter-fold.ts';
import { Replay } from '../replay.ts';
import { ChosenReports } from './chosen-reports.ts';
import { Screen } from './screen.ts';
import { screenKeys } from './screen-keys.ts';

/** What rules are folded over: reports in the order of their arrival, in memory, and where they come from. */
export interface Recording {
  readonly reports: ReportColumns;
  readonly stations: readonly Station[];
  readonly areas: readonly Area[];
  readonly partitions: number;
  readonly delayMs: number;
  readonly latenessMs?: number;
  /** What rules read by `forecast(…)`, in any order. */
  readonly forecasts?: readonly Forecast[];
}

export interface Folded {
  readonly events: AlertEvent[];
  /** What the fold counted, by kind. */
  readonly counts: ReadonlyMap<string, number>;
}

export interface FoldHow {
  readonly onProgress?: (reports: number, at: number) => void;
  readonly onFolded?: (report: Report) => void;
  /** Every report is folded, also where none can matter. */
  readonly isWhole?: boolean;
}

/**
 * Folds a recording by the code of live data; may be done again with other rules. Reports that can neither raise an alert
 * nor change one are passed over where the rules allow to tell (screen.ts): the events are the same.
 * @throws AtalaiaError `ATL_RULE` when the rules would cost more than one machine has; before anything is folded
 */
export function foldRecording(recording: Recording, rules: readonly Rule[], how: FoldHow = {}): Folded {
  const { stations, areas, partitions, delayMs, latenessMs, reports } = recording;
  const lateness = latenessMs === undefined ? {} : { latenessMs };
  const { problems } = weighRules(rules, stations, lateness);
  if (problems.length > 0)
    throw new AtalaiaError('ATL_RULE', `The rules are too heavy: ${problems.join('\n')}`);
  const replay = new Replay({ rules, stations, areas, partitions, delayMs, ...lateness });
  const forecasts = [...(recording.forecasts ?? [])].sort((a, b) => a.receivedAt - b.receivedAt);
  let next = 0;
  const feedUntil = (at: number): void => {
    for (; next < forecasts.length; next++) {
      const forecast = forecasts[next] as Forecast;
      if (forecast.receivedAt > at) return;
      replay.feedForecast(forecast);
    }
  };
  const chosen = how.isWhole ? null : chosenOf(recording, rules, replay);
  let seen = 0;
  let at = Number.NEGATIVE_INFINITY;
  for (const block of reports.memory)
    for (let row = 0; row < block.length; row++) {
      at = block.receivedAt[row] as number;
      if (seen === 0) replay.advanceTo(Math.min(at, forecasts[0]?.receivedAt ?? at));
      if (++seen % 5000 === 0) how.onProgress?.(seen, at);
      if (chosen && !chosen.takes(block, row)) continue;
      feedUntil(at);
      const report = reports.report(block, row);
      replay.feed(report);
      how.onFolded?.(report);
      chosen?.noteFed(block, row);
    }
  feedUntil(Number.POSITIVE_INFINITY);
  replay.advanceTo(at);
  how.onProgress?.(seen, at);
  return { events: replay.finish(), counts: replay.counts };
}

function chosenOf(recording: Recording, rules: readonly Rule[], replay: Replay): ChosenReports | null {
  const { reports, stations, latenessMs = DAY_MS } = recording;
  const keys = screenKeys(rules);
  // What is derived follows from more than its own report.
  const isMeasured = (layout: readonly string[]): boolean =>
    !layout.includes(COUNTER) && keys?.derivable.every((quantity) => layout.includes(quantity)) === true;
  if (keys === null || !reports.layouts.every(isMeasured)) return null;
  const known = new Map(stations.map((station) => [station.id, station]));
  return new ChosenReports(new Screen(keys, reports, known, latenessMs), reports, replay);
}

/** UTC days, counted from the epoch, on which each station, region and area was observed at all. */
export function observedDays(recording: Recording): ReadonlyMap<string, ReadonlySet<number>> {
  const days = new Map<string, Set<number>>();
  const wide = new Map<string, string[]>(recording.stations.map(({ id, region }) => [id, [region]]));
  for (const area of recording.areas) for (const id of area.stations) wide.get(id)?.push(area.id);
  for (const block of recording.reports.blocks())
    for (const { station, observedAt } of block) {
      const day = Math.floor(observedAt / DAY_MS);
      const own = days.get(station);
      if (own?.has(day)) continue;
      for (const subject of [station, ...(wide.get(station) ?? [])]) {
        const set = days.get(subject) ?? new Set();
        days.set(subject, set.add(day));
      }
    }
  return days;
}
