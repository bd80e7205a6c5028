import type { Forecast } from '../model/forecast.ts';
import { HOUR_MS } from '../model/time.ts';
import type { ForecastInput } from './rule-input.ts';
import type { WindowStatistics } from './window.ts';

/** From this age on a forecast is no value: twice the twelve hours between the main runs of global models. */
export const MAX_FORECAST_AGE_MS = 24 * HOUR_MS;
/** Forecasts kept of one quantity of a station: two days of hourly ones. */
export const MAX_ISSUES = 48;

/** One forecast of a quantity, as the fold remembers it. */
export type Issue = Omit<Forecast, 'station' | 'quantity'>;

/** What a window ahead holds, and of which forecast. */
export interface ForecastWindow {
  readonly statistics: WindowStatistics;
  readonly issue: Issue | null;
}

/** `new`: rules may see something else now. `old`: the newest ones alone are kept, and it is none of them. */
export type ForecastInsertion = 'new' | 'repeat' | 'old';

/**
 * The forecasts of one station, beside its readings and never among them. What is kept depends on which forecasts came
 * and not on their order: of one issuer and `issuedAt` the one received last counts.
 */
export class StationForecasts {
  /** By quantity, ascending by (`issuedAt`, issuer from the last to the first), so that the last one counts. */
  readonly #issues = new Map<string, Issue[]>();

  get size(): number {
    return this.#issues.size;
  }

  /** Takes a forecast in. Nothing is kept of it that no rule can read that looks `aheadMs` ahead. */
  insert({ station: _, quantity, ...whole }: Forecast, aheadMs: number): ForecastInsertion {
    const issue = cut(whole, aheadMs);
    const list = this.#issues.get(quantity) ?? [];
    const place = list.findIndex((one) => compareIssues(one, issue) >= 0);
    const i = place < 0 ? list.length : place;
    const known = list[i];
    if (known !== undefined && compareIssues(known, issue) === 0) {
      if (compareContents(known, issue) >= 0) return 'repeat';
      list[i] = issue;
      return 'new';
    }
    if (i === 0 && list.length === MAX_ISSUES) return 'old';
    list.splice(i, 0, issue);
    if (list.length > MAX_ISSUES) list.shift();
    this.#issues.set(quantity, list);
    return 'new';
  }

  /**
   * What the newest forecast issued at or before `at` says of the instants in (at, at + span]. One that is
   * {@link MAX_FORECAST_AGE_MS} old says nothing; nothing is covered then.
   */
  window({ quantity, spanMs }: ForecastInput, at: number): ForecastWindow {
    const newest = this.#issues.get(quantity)?.findLast(({ issuedAt }) => issuedAt <= at);
    const issue = newest && at < newest.issuedAt + MAX_FORECAST_AGE_MS ? newest : null;
    return { statistics: statisticsOf(issue, at, spanMs), issue };
  }

  /** Adds the instants in [from, to] at which a window ahead changes: a forecast comes or is too old, a value comes into it or leaves it. */
  addInstants(instants: number[], { quantity, spanMs }: ForecastInput, from: number, to: number): void {
    const add = (at: number): void => void (at >= from && at <= to && instants.push(at));
    for (const { issuedAt, validAt } of this.#issues.get(quantity) ?? []) {
      if (issuedAt > to || issuedAt + MAX_FORECAST_AGE_MS < from) continue;
      add(issuedAt);
      add(issuedAt + MAX_FORECAST_AGE_MS);
      for (const at of validAt) {
        // Before it was issued, and after it is too old, it moves nothing.
        const until = issuedAt + MAX_FORECAST_AGE_MS;
        if (at - spanMs > issuedAt && at - spanMs < until) add(at - spanMs);
        if (at > issuedAt && at < until) add(at);
      }
    }
  }

  /** Forgets what no evaluation after `before` can read: of the forecasts up to then the newest is still read. */
  forget(before: number): void {
    for (const [quantity, list] of this.#issues) {
      const last = list.findLastIndex(({ issuedAt }) => issuedAt <= before);
      if (last > 0) list.splice(0, last);
      if (list.length === 1 && (list[0] as Issue).issuedAt + MAX_FORECAST_AGE_MS < before)
        this.#issues.delete(quantity);
    }
  }

  snapshot(): ForecastsSnapshot {
    return [...this.#issues].map(([quantity, list]) => [quantity, [...list]]);
  }

  static restore(from: ForecastsSnapshot): StationForecasts {
    const forecasts = new StationForecasts();
    for (const [quantity, list] of from) forecasts.#issues.set(quantity, [...list]);
    return forecasts;
  }
}

export type ForecastsSnapshot = readonly (readonly [quantity: string, issues: readonly Issue[]])[];

function cut(issue: Issue, aheadMs: number): Issue {
  const { validAt, values } = issue;
  const beyond = validAt.findIndex((at) => at > issue.issuedAt + MAX_FORECAST_AGE_MS + aheadMs);
  return beyond < 0
    ? issue
    : { ...issue, validAt: validAt.slice(0, beyond), values: values.slice(0, beyond) };
}

/** Two issuers at one instant: the name that comes first counts, so it stands last. */
const compareIssues = (a: Issue, b: Issue): number =>
  a.issuedAt - b.issuedAt || (a.issuer < b.issuer ? 1 : a.issuer > b.issuer ? -1 : 0);

/** Which of two forecasts with one key counts: the one received last; of two at once the greater text, whoever came first. */
function compareContents(a: Issue, b: Issue): number {
  if (a.receivedAt !== b.receivedAt) return a.receivedAt - b.receivedAt;
  const [one, other] = [a, b].map(({ intervalMs, validAt, values }) =>
    JSON.stringify([intervalMs, validAt, values]),
  ) as [string, string];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** A value counts as long as its valid instant lies ahead; each covers its step, no further back than the one before it. */
function statisticsOf(issue: Issue | null, at: number, spanMs: number): WindowStatistics {
  const found = { count: 0, sum: 0, min: 0, max: 0, first: 0, last: 0, coveredMs: 0 };
  const rest = { uncounted: 0, uncountedSum: 0, extent: { from: at, to: at + spanMs, neededMs: spanMs } };
  if (issue === null) return { ...found, ...rest };
  const { validAt, values, intervalMs } = issue;
  for (let i = 0; i < validAt.length; i++) {
    const valid = validAt[i] as number;
    if (valid <= at || valid > at + spanMs) continue;
    const value = values[i] as number;
    if (found.count === 0) Object.assign(found, { min: value, max: value, first: value });
    found.count++;
    found.sum += value;
    found.min = Math.min(found.min, value);
    found.max = Math.max(found.max, value);
    found.last = value;
    found.coveredMs += Math.min(intervalMs, i > 0 ? valid - (validAt[i - 1] as number) : intervalMs);
  }
  found.coveredMs = Math.min(found.coveredMs, spanMs);
  return { ...found, ...rest };
}
