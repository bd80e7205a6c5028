import type { Area } from '../../src/model/area.ts';
import type { Report } from '../../src/model/report.ts';
import type { Rule } from '../../src/model/rule.ts';
import type { Station } from '../../src/model/station.ts';
import { HOUR_MS } from '../../src/model/time.ts';
import { rain, station, T0 } from '../../src/stream/fixture.ts';
import { AreaNetwork } from './area-network.ts';

/** Three stations of one region, as the tests of areas see them. */
export const ids = ['A801', 'A802', 'A803'];
export const stations = ids.map((id) => station(id, '1'));
export const network = (
  rules: readonly Rule[],
  rest: { stations?: Station[]; areas?: Area[] } = {},
): AreaNetwork => new AreaNetwork({ rules, stations, startAt: T0, ...rest });
/** One hour of all three stations; null: no report. */
export const all = (at: number, ...amounts: (number | null)[]): Report[] =>
  amounts.flatMap((mm, i) => (mm === null ? [] : [rain(at, mm, { station: ids[i] as string })]));
export const story = (one: AreaNetwork): string[] =>
  one.events.map(
    (e) => `${e.event}${e.endReason ? `:${e.endReason}` : ''} ${e.subject.id} @${(e.at - T0) / HOUR_MS}`,
  );
