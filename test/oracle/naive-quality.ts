/**
 * The station's own checks over all its readings at once, each computed anew from plain lists: who stood before, what was
 * usual, how long a value stood still. Slow on purpose, no incremental state; only the limits themselves are the engine's.
 */
import type { Report } from '../../src/model/report.ts';
import { checkConsistency } from '../../src/quality/consistency.ts';
import type { Site } from '../../src/quality/limits.ts';
import { checkPersistence } from '../../src/quality/persistence.ts';
import { checkRange } from '../../src/quality/range.ts';
import { checkStep } from '../../src/quality/step.ts';
import { checkUnit } from '../../src/quality/unit-suspicion.ts';
import { graver, type Verdict } from '../../src/quality/verdict.ts';
import { cosineOfZenith } from '../../src/rules/derived/sun.ts';

const HOUR = 3_600_000;
const GOOD: Verdict = { flag: 'good' };

interface One {
  readonly quantity: string;
  readonly at: number;
  readonly interval: number;
  readonly value: number;
  verdict: Verdict;
}

const keyOf = (quantity: string, at: number, interval: number): string => `${quantity} ${at} ${interval}`;

/** The flagged readings of a station by quantity, instant and interval, out of its reports in order of arrival. */
export function flaggedIn(reports: readonly Report[], site: Site): ReadonlyMap<string, Verdict> {
  const values = new Map<string, { one: One; seen: number[] }>();
  for (const { quantities, values: all, observedAt: at, intervalMs: interval } of reports)
    quantities.forEach((quantity, i) => {
      const key = keyOf(quantity, at, interval);
      const value = all[i] as number;
      const seen = values.get(key)?.seen ?? [];
      if (seen.includes(value)) return;
      const one = { quantity, at, interval, value: value / 1000, verdict: GOOD };
      values.set(key, { one, seen: [...seen, value] });
    });
  const all = [...values.values()].map(({ one }) => one);
  const firsts = all.filter(
    (one) => !all.some((b) => b.quantity === one.quantity && b.at === one.at && b.interval < one.interval),
  );
  for (const one of all.filter((reading) => !firsts.includes(reading)))
    one.verdict = checkRange(one.quantity, one.value, site, one.at, one.interval);
  firsts.sort((a, b) => a.at - b.at);
  for (const at of new Set(firsts.map((one) => one.at))) {
    const now = firsts.filter((one) => one.at === at);
    for (const one of now) one.verdict = alone(one, firsts, site);
    const unflagged = new Map(
      now.filter(({ verdict }) => verdict.flag === 'good').map(({ quantity, value }) => [quantity, value]),
    );
    for (const [quantity, verdict] of checkConsistency(unflagged))
      (now.find((one) => one.quantity === quantity) as One).verdict = verdict;
  }
  return new Map(
    all
      .filter(({ verdict }) => verdict.flag !== 'good')
      .map(({ quantity, at, interval, verdict }) => [keyOf(quantity, at, interval), verdict]),
  );
}

function alone(one: One, all: readonly One[], site: Site): Verdict {
  const { quantity, at, value } = one;
  const past = all.filter((b) => b.quantity === quantity && b.at < at).reverse();
  const trusted = past.filter(({ verdict }) => verdict.flag !== 'bad');
  const days = trusted.filter((b) => at - b.at <= 48 * HOUR);
  const sorted = days.map((b) => b.value).sort((a, b) => a - b);
  const isKnown = days.length >= 6 && at - (days.at(-1) as One).at >= 3 * HOUR;
  const usual = isKnown ? sorted[Math.floor(sorted.length / 2)] : undefined;
  const before = trusted.find((b) => at - b.at <= 3 * HOUR);
  const after = all.find((b) => b.quantity === quantity && b.at > at);
  const readings = (t: number) => new Map(all.filter((b) => b.at === t).map((b) => [b.quantity, b.value]));
  return [
    checkUnit(quantity, value, days[0]?.value, () => usual),
    checkRange(quantity, value, site, at, one.interval),
    before
      ? checkStep({
          quantity,
          before: readings(before.at),
          beforeSpanMs: at - before.at,
          now: readings(at),
          ...(after ? { after: readings(after.at), afterSpanMs: after.at - at } : {}),
        })
      : GOOD,
    still(one, past, readings, site),
  ]
    .map(({ flag, check }): Verdict => (check ? { flag, check } : { flag }))
    .reduce(graver);
}

function still(
  one: One,
  past: readonly One[],
  readings: (at: number) => ReadonlyMap<string, number>,
  site: Site,
): Verdict {
  const from = Math.floor((one.at - 48 * HOUR) / (6 * HOUR)) * 6 * HOUR;
  const run = [one];
  for (const b of past) {
    if (b.value !== one.value || (run.at(-1) as One).at - b.at > 6 * HOUR || b.at < from) break;
    run.push(b);
  }
  if (run.length === 1) return GOOD;
  const beside = run.map(({ at }) => readings(at));
  const other = { windSpeed: 'windGust', windGust: 'windSpeed' }[one.quantity] ?? '';
  const directions = beside.flatMap((b) => b.get('windDirection') ?? []);
  const light = run.filter(({ at }) => cosineOfZenith(at, site.latitude, site.longitude) > 0.25);
  return checkPersistence(
    {
      quantity: one.quantity,
      value: one.value,
      count: run.length,
      spanMs: one.at - (run.at(-1) as One).at,
    },
    {
      isSaturated: beside.every((b) => (b.get('relativeHumidity') ?? 0) >= 93),
      daylightMs: light.reduce((sum, { interval }) => sum + interval, 0),
      ...(directions.length > 0 ? { isVaneStill: new Set(directions).size === 1 } : {}),
      ...(beside.filter((b) => (b.get(other) ?? 0) >= 5).length >= 3 ? { windElsewhere: 5 } : {}),
    },
  );
}

/** The same reports without the readings that a rule does not accept: the bad ones, and those suspect unless it says otherwise. */
export function acceptedOnly(reports: readonly Report[], site: Site, quality?: 'suspect'): Report[] {
  const flagged = flaggedIn(reports, site);
  return reports.map((report) => {
    const kept = report.quantities.flatMap((quantity, i) =>
      [undefined, quality].includes(
        flagged.get(keyOf(quantity, report.observedAt, report.intervalMs))?.flag as 'suspect' | undefined,
      )
        ? [i]
        : [],
    );
    return {
      ...report,
      quantities: kept.map((i) => report.quantities[i] as string),
      values: kept.map((i) => report.values[i] as number),
    };
  });
}
