import type { AlertEvent } from '../../src/model/alert.ts';
import type { Report } from '../../src/model/report.ts';
import type { Rule } from '../../src/model/rule.ts';
import { naiveFold } from '../oracle/naive-fold.ts';
import type { Reference } from './reference.ts';
import { rulesOf, slidingRules } from './weather.ts';
import { violate, type World } from './world.ts';

/** The last value that the log gives for each key of a station, in order of observation. */
function readingsOf(reports: readonly Report[], station: string): Report[] {
  const last = new Map<number, Report>();
  const seen = new Set<string>();
  for (const report of reports) {
    if (report.station !== station) continue;
    // A value that was there and was replaced is an old message that came again.
    const text = `${report.observedAt} ${report.values}`;
    if (seen.has(text)) continue;
    seen.add(text);
    last.set(report.observedAt, report);
  }
  return [...last.values()].sort((a, b) => a.observedAt - b.observedAt);
}

/** The level of the newest event at or before an instant that is not about doubt; null when none is open. */
function toldAt(events: readonly AlertEvent[], at: number): string | null {
  const last = events.findLast(
    (e) => e.at <= at && e.event !== 'unverified' && e.event !== 'verified' && e.endReason !== 'merged',
  );
  return !last || last.event === 'ended' ? null : last.level;
}

/**
 * For rules over sliding windows the level that was told is that of a naive recomputation from all readings: at every
 * instant where they came in order, at the end where they did not. Readings beyond lateness take a station out.
 */
export function checkOracle(world: World, reference: Reference): void {
  const stations = new Set(reference.reports.map(({ station }) => station));
  const rules = rulesOf(world.cadence).filter(({ name }) => slidingRules.includes(name));
  for (const station of stations) {
    if (reference.beyondLateness.has(station)) continue;
    const readings = readingsOf(reference.reports, station);
    for (const rule of rules) checkStation(world, reference, rule, station, readings);
  }
}

function checkStation(
  world: World,
  reference: Reference,
  rule: Rule,
  station: string,
  readings: readonly Report[],
): void {
  const events = world.ledger.revisions
    .map(({ revision }) => revision.event)
    .filter((event) => event.rule === rule.name && event.subject.id === station);
  const instants = naiveFold(rule, readings).filter(({ newest }) => newest);
  // Readings folded in one second of the clock share a revision: what lay between them was never told.
  const clocks = new Map(
    readings.map((report) => [report.observedAt, reference.clocks.get(report) as number]),
  );
  const settled = instants.filter(({ at }, i) => {
    const next = instants[i + 1];
    return !next || (clocks.get(next.at) as number) > (clocks.get(at) as number);
  });
  const compared = reference.disordered.has(station) ? settled.slice(-1) : settled;
  for (const { at, level } of compared) {
    const told = toldAt(events, at);
    if (told !== level)
      violate(
        world,
        `${rule.name} at ${station}, ${new Date(at).toISOString()}: told ${told}, the naive fold says ${level}`,
      );
  }
}
