import { firstInstantAt, wallAt } from './wall-time.ts';

/** One way to a person: a channel of the configuration, with an address where the channel takes one. */
export interface Contact {
  readonly channel: string;
  readonly address?: string;
}

/** Contacts in the order in which they are tried. */
export interface Person {
  readonly name: string;
  readonly contacts: readonly Contact[];
}

/** Somebody stands in from one instant to another, epoch ms, `to` not included. */
export interface Override {
  readonly from: number;
  readonly to: number;
  readonly person: string;
}

/** Who is on duty when: people in turn, each for `everyMs` of wall time; of overrides that overlap the last one holds. */
export interface Roster {
  readonly timeZone: string;
  readonly people: readonly string[];
  /** Wall time at which the first of them begins; before it the turn runs backwards, so that nobody is missing. */
  readonly startsWall: number;
  readonly everyMs: number;
  readonly overrides: readonly Override[];
}

/** People, groups of them and rosters, by their keys in the configuration. */
export interface Directory {
  readonly people: Readonly<Record<string, Person>>;
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly rosters: Readonly<Record<string, Roster>>;
}

/** Whom a subscription or a step of an escalation is for. */
export type Target =
  | { readonly roster: string }
  | { readonly group: string }
  | { readonly person: string }
  | Contact;

export const emptyDirectory: Directory = { people: {}, groups: {}, rosters: {} };

/** A turn or what an override makes of it; epoch ms, `to` not included. */
export interface Shift {
  readonly person: string;
  readonly from: number;
  readonly to: number;
}

/** When a turn begins. A handover that falls in an hour that is left out or comes twice is at its first instant. */
const beginOf = ({ startsWall, everyMs, timeZone }: Roster, turn: number): number =>
  firstInstantAt(startsWall + turn * everyMs, timeZone);

/** The number of the turn at an instant. */
function turnAt(roster: Roster, at: number): number {
  const near = Math.floor((wallAt(at, roster.timeZone) - roster.startsWall) / roster.everyMs);
  // Where the wall goes back the figures fall before a handover that has been.
  return beginOf(roster, near + 1) <= at ? near + 1 : near;
}

/** The shift at an instant, as far as the same person has it without a break of turn or override. */
export function shiftAt(roster: Roster, at: number): Shift {
  const turn = turnAt(roster, at);
  const count = roster.people.length;
  let shift: Shift = {
    person: roster.people[((turn % count) + count) % count] as string,
    from: beginOf(roster, turn),
    to: beginOf(roster, turn + 1),
  };
  for (const { from, to, person } of roster.overrides) {
    if (from <= at && at < to)
      shift = { person, from: Math.max(from, shift.from), to: Math.min(to, shift.to) };
    else if (from > at) shift = { ...shift, to: Math.min(shift.to, from) };
    else shift = { ...shift, from: Math.max(shift.from, to) };
  }
  return shift;
}

/** The key of the person on duty at an instant. */
export const onDutyAt = (roster: Roster, at: number): string => shiftAt(roster, at).person;

/** Shifts from `from` to `to`, in order, at most `limit`; neighbours of one person are one. */
export function shiftsBetween(roster: Roster, from: number, to: number, limit: number): Shift[] {
  const shifts: Shift[] = [];
  for (let at = from; at < to; ) {
    const shift = shiftAt(roster, at);
    const last = shifts.at(-1);
    if (last?.person === shift.person) shifts[shifts.length - 1] = { ...last, to: shift.to };
    else if (shifts.length === limit) break;
    else shifts.push(shift);
    at = shift.to;
  }
  return shifts;
}
