import type { AlertEvent } from '../model/alert.ts';
import type { Area } from '../model/area.ts';
import { eventKinds, type Feedback, type ObservedEvent } from '../model/observed-event.ts';
import type { Level } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import type { Subject } from '../model/subject.ts';
import { distanceM } from '../quality/spatial.ts';
import { type Contingency, type LeadTimes, leadOf, type Scores, scoresOf } from './verification.ts';
import { match, type Occurrence, type Warned, warnedSpells } from './verification-match.ts';

/** How far, km, a station stands for its surroundings where no rule says it. */
const REACH_KM = 15;

/** What stands against what: alerts as the public had them, and what is known of what happened. */
export interface Verified {
  /** Revisions that were public, of every rule. */
  readonly revisions: readonly AlertEvent[];
  readonly events: readonly ObservedEvent[];
  /** In the order in which it came. */
  readonly feedback: readonly Feedback[];
  readonly stations: readonly Station[];
  readonly areas: readonly Area[];
  /** Rules in force, by name: what they warn of, and within what radius, km, where they say one. */
  readonly rules: ReadonlyMap<string, { readonly hazard: string; readonly reachKm?: number }>;
  readonly toleranceMs: number;
  /** Epoch ms, `to` not included: cases that begin in it count, others only explain. */
  readonly from: number;
  readonly to: number;
  /** Until when an open alert stands. */
  readonly now: number;
}

/** One thing that was right or wrong. `unjudged`: an alert of which nobody can know. */
export interface Case {
  readonly kind: 'hit' | 'miss' | 'false-alarm' | 'unjudged';
  /** When it began, epoch ms. */
  readonly at: number;
  /** Region or named area; null where it is in none that is known. */
  readonly area: string | null;
  readonly leadMs: number | null;
  readonly event?: ObservedEvent;
  readonly alert?: string;
}

/** Whether an alert of the hazard warns of the event. */
const warnsOf = (hazard: string, event: ObservedEvent): boolean =>
  eventKinds.get(event.hazard)?.warnedBy.includes(hazard) ?? false;

/** Tells where alerts and events are. */
class Places {
  readonly #given: Verified;
  readonly #regionOf: ReadonlyMap<string, string>;
  readonly #stationsOf: ReadonlyMap<string, readonly string[]>;
  readonly #reached = new Map<string, ReadonlySet<string>>();
  readonly #areas = new Map<string, string | null>();

  constructor(given: Verified) {
    this.#given = given;
    this.#regionOf = new Map(given.stations.map(({ id, region }) => [id, region]));
    const named = given.areas.map(({ id, stations }) => [id, stations] as const);
    const regions = Map.groupBy(given.stations, ({ region }) => region);
    const ids = [...regions].map(([region, all]) => [region, all.map(({ id }) => id)] as const);
    this.#stationsOf = new Map([...ids, ...named]);
  }

  areaOf(subject: Subject): string | null {
    return subject.kind === 'area' ? subject.id : (this.#regionOf.get(subject.id) ?? null);
  }

  /** An event at a point is told of the region of the nearest station. */
  areaOfEvent({ id, place }: ObservedEvent): string | null {
    if ('area' in place) return place.area;
    const known = this.#areas.get(id);
    if (known !== undefined) return known;
    const near = this.#given.stations.map((one) => ({ one, far: distanceM(one, place) }));
    const region = near.sort((a, b) => a.far - b.far)[0]?.one.region ?? null;
    this.#areas.set(id, region);
    return region;
  }

  #stationsAt({ id, place }: ObservedEvent, reachKm: number): ReadonlySet<string> {
    const key = `${id} ${reachKm}`;
    const known = this.#reached.get(key);
    if (known) return known;
    const within = 'area' in place ? 0 : (place.km + reachKm) * 1000;
    const near =
      'area' in place
        ? (this.#stationsOf.get(place.area) ?? [])
        : this.#given.stations.filter((one) => distanceM(one, place) <= within).map((one) => one.id);
    const reached = new Set(near);
    this.#reached.set(key, reached);
    return reached;
  }

  /** Whether an alert of a rule on a subject stands where the event was. */
  isThere(event: ObservedEvent, rule: string, { kind, id }: Subject): boolean {
    if ('area' in event.place && event.place.area === id) return true;
    const at = this.#stationsAt(event, this.#given.rules.get(rule)?.reachKm ?? REACH_KM);
    return kind === 'station' ? at.has(id) : (this.#stationsOf.get(id) ?? []).some((one) => at.has(one));
  }
}

/** What is known before anything is matched; made once for all rules and levels. */
export interface Grounds {
  readonly given: Verified;
  readonly places: Places;
  readonly firstOf: ReadonlyMap<string, AlertEvent>;
  /** The newest answer of each alert. */
  readonly answers: ReadonlyMap<string, Feedback>;
}

export function groundsOf(given: Verified): Grounds {
  const firstOf = new Map<string, AlertEvent>();
  for (const event of given.revisions) if (!firstOf.has(event.alert)) firstOf.set(event.alert, event);
  const answers = new Map(given.feedback.map((one) => [one.alert, one]));
  return { given, places: new Places(given), firstOf, answers };
}

/**
 * The cases of a rule, or of all together (null: every event counts), at a level or above. An event is a hit when an alert that warns of it stood there
 * within the tolerance, else a miss. What people say of an alert counts before that: `no` makes it a false alarm, whatever
 * happened; `yes` and `partly` a hit, without a lead time where no event is known. Another alert is a false alarm when
 * events that such alerts warn of are known at all in the span, else unjudged.
 */
export function casesOf(grounds: Grounds, rule: string | null, level: Level): Case[] {
  const { given, places, firstOf, answers } = grounds;
  const spells = rulesOf(given, rule).flatMap((one) => warnedSpells(given.revisions, one, level, given.now));
  const events = rule === null ? given.events : eventsOf(given, rule);
  const byId = new Map(events.map((one) => [one.id, one]));
  const answerOf = (spell: Warned) => answers.get(spell.alert)?.wasReal;
  const subjectOf = ({ alert }: Warned): Subject => (firstOf.get(alert) as AlertEvent).subject;
  const hazardOf = ({ alert }: Warned): string => (firstOf.get(alert) as AlertEvent).hazard;
  const believed = spells.filter((spell) => answerOf(spell) !== 'no');
  const occurrences: Occurrence[] = events
    .filter((event) => reaches(event, level))
    .map(({ id, from, to }) => ({ rule: '', subject: id, level, from, to }));
  const used = new Set<Warned>(believed);
  // The spells of a rule on a subject stand in one place, and warn of one thing.
  const bySubject = [...Map.groupBy(believed, ({ rule: own, subject }) => `${own} ${subject}`).values()];
  const where = ({ subject }: Occurrence): readonly Warned[] => {
    const event = byId.get(subject) as ObservedEvent;
    return bySubject.flatMap((own) => {
      const [first] = own as [Warned];
      const isMeant = warnsOf(hazardOf(first), event) && places.isThere(event, first.rule, subjectOf(first));
      return isMeant ? own : [];
    });
  };
  const found = match(believed, occurrences, given.toleranceMs, where);
  for (const spell of found.falseAlarms) used.delete(spell);
  const ofEvent = (kind: 'hit' | 'miss', { subject, from }: Occurrence, leadMs: number | null): Case => {
    const event = byId.get(subject) as ObservedEvent;
    return { kind, at: from, area: places.areaOfEvent(event), leadMs, event };
  };
  const kindOf = (spell: Warned): Case['kind'] => {
    const answer = answerOf(spell);
    if (answer !== undefined) return answer === 'no' ? 'false-alarm' : 'hit';
    return events.some((event) => warnsOf(hazardOf(spell), event)) ? 'false-alarm' : 'unjudged';
  };
  const ofSpell = (spell: Warned): Case => ({
    kind: kindOf(spell),
    ...{ at: spell.from, area: places.areaOf(subjectOf(spell)), leadMs: null, alert: spell.alert },
  });
  const cases = [
    ...found.hits.map(({ occurrence, leadMs }) => ofEvent('hit', occurrence, leadMs)),
    ...found.misses.map((occurrence) => ofEvent('miss', occurrence, null)),
    ...spells.filter((spell) => !used.has(spell)).map(ofSpell),
  ];
  return cases.filter(({ at }) => at >= given.from && at < given.to).sort((a, b) => a.at - b.at);
}

/** Rules in force and those that alerts came from. */
export const rulesOf = ({ rules, revisions }: Verified, rule: string | null = null): string[] =>
  rule === null ? [...new Set([...rules.keys(), ...revisions.map((one) => one.rule)])].sort() : [rule];

function eventsOf({ rules, revisions, events }: Verified, rule: string): readonly ObservedEvent[] {
  const hazards = new Set(revisions.flatMap((one) => (one.rule === rule ? [one.hazard] : [])));
  const own = rules.get(rule)?.hazard;
  if (own !== undefined) hazards.add(own);
  return events.filter((one) => [...hazards].some((hazard) => warnsOf(hazard, one)));
}

const ranks = { yellow: 0, orange: 1, red: 2 } as const;
const reaches = (event: ObservedEvent, level: Level): boolean =>
  event.level === undefined || ranks[event.level] >= ranks[level];

export interface CaseScores extends Contingency, Scores {
  /** Hits, misses and false alarms together. */
  readonly n: number;
  readonly unjudged: number;
  readonly lead: LeadTimes;
}

const HOUR_MS = 3_600_000;

/** The scores of cases; correct negatives are null, for what did not happen cannot be counted. */
export function scoreCases(cases: readonly Case[]): CaseScores {
  const count = (kind: Case['kind']): number => cases.filter((one) => one.kind === kind).length;
  const table = {
    ...{ hits: count('hit'), misses: count('miss'), falseAlarms: count('false-alarm') },
    correctNegatives: null,
  };
  const leads = cases.flatMap(({ leadMs }) => (leadMs === null ? [] : [leadMs / HOUR_MS]));
  return {
    n: table.hits + table.misses + table.falseAlarms,
    ...table,
    ...scoresOf(table),
    unjudged: count('unjudged'),
    lead: leadOf(leads),
  };
}

/** One point of a rolling score: the cases that began in the window before `to`. */
export interface RollingPoint extends Pick<CaseScores, 'n' | 'pod' | 'far' | 'csi' | 'bias'> {
  readonly to: number;
  /** Hours, the median. */
  readonly lead: number | null;
}

/** Scores over a window that moves by `everyMs` and ends at `to` last; the first whole window is the first point. */
export function rollingScores(
  cases: readonly Case[],
  span: { readonly from: number; readonly to: number },
  windowMs: number,
  everyMs: number,
): RollingPoint[] {
  const steps = Math.max(0, Math.floor((span.to - span.from - windowMs) / everyMs));
  return Array.from({ length: steps + 1 }, (_, i) => {
    const to = span.to - (steps - i) * everyMs;
    const { n, pod, far, csi, bias, lead } = scoreCases(
      cases.filter(({ at }) => at >= to - windowMs && at < to),
    );
    return { to, n, pod, far, csi, bias, lead: lead.median };
  });
}
