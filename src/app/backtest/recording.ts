import type { ReportColumns } from '../../ingest/report-columns.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { AlertEvent } from '../../model/alert.ts';
import type { Area } from '../../model/area.ts';
import type { Forecast } from '../../model/forecast.ts';
import type { Rule } from '../../model/rule.ts';
import type { Station } from '../../model/station.ts';
import { DAY_MS } from '../../model/time.ts';
import { weighRules } from '../../rules/budget.ts';
import { Replay } from '../replay.ts';

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

/**
 * Folds a recording by the code of live data; may be done again with other rules.
 * @throws AtalaiaError `ATL_RULE` when the rules would cost more than one machine has; before anything is folded
 */
export function foldRecording(
  recording: Recording,
  rules: readonly Rule[],
  onProgress?: (reports: number, at: number) => void,
): Folded {
  const { stations, areas, partitions, delayMs, latenessMs } = recording;
  const lateness = latenessMs === undefined ? {} : { latenessMs };
  const { problems } = weighRules(rules, stations, lateness);
  if (problems.length > 0)
    throw new AtalaiaError('ATL_RULE', `The rules are too heavy: ${problems.join('\n')}`);
  const progress = onProgress === undefined ? {} : { onProgress };
  const replay = new Replay({ rules, stations, areas, partitions, delayMs, ...lateness, ...progress });
  const forecasts = [...(recording.forecasts ?? [])].sort((a, b) => a.receivedAt - b.receivedAt);
  let next = 0;
  const feedUntil = (at: number): void => {
    for (; next < forecasts.length; next++) {
      const forecast = forecasts[next] as Forecast;
      if (forecast.receivedAt > at) return;
      replay.feedForecast(forecast);
    }
  };
  for (const block of recording.reports.blocks())
    for (const report of block) {
      feedUntil(report.receivedAt);
      replay.feed(report);
    }
  feedUntil(Number.POSITIVE_INFINITY);
  return { events: replay.finish(), counts: replay.counts };
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
