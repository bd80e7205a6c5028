import type { AlertEvent } from '../model/alert.ts';
import { type Level, levelNames } from '../model/rule.ts';

/** What happened: one row of the truth; instants are epoch ms, both ends belong to it. */
export interface Occurrence {
  readonly rule: string;
  readonly subject: string;
  readonly level: Level;
  readonly from: number;
  readonly to: number;
}

/** A time in which an alert stood at a level or above. `issuedAt` is when that was first told. */
export interface Warned {
  readonly alert: string;
  readonly rule: string;
  readonly subject: string;
  readonly from: number;
  readonly to: number;
  readonly issuedAt: number;
}

export interface Match {
  readonly hits: readonly { readonly occurrence: Occurrence; readonly leadMs: number }[];
  readonly misses: readonly Occurrence[];
  readonly falseAlarms: readonly Warned[];
}

const reaches = (level: Level, least: Level): boolean =>
  levelNames.indexOf(level) >= levelNames.indexOf(least);
const byTime = (a: { from: number; to: number }, b: { from: number; to: number }): number =>
  a.from - b.from || a.to - b.to;

/** The spells at `level` or above of one rule's alerts; an alert still open lasts until `end`. */
export function warnedSpells(
  events: readonly AlertEvent[],
  rule: string,
  level: Level,
  end: number,
): Warned[] {
  const open = new Map<string, AlertEvent>();
  const spells: Warned[] = [];
  const close = (first: AlertEvent, to: number): void => {
    const { alert, at: from, issuedAt } = first;
    spells.push({ alert, rule, subject: first.subject.id, from, to: Math.max(from, to), issuedAt });
    open.delete(first.alert);
  };
  const own = events.filter((event) => event.rule === rule).sort((a, b) => a.revision - b.revision);
  for (const event of own) {
    const stands = event.event !== 'ended' && reaches(event.level, level);
    const first = open.get(event.alert);
    if (stands && first === undefined) open.set(event.alert, event);
    else if (!stands && first !== undefined) close(first, event.at);
  }
  for (const first of [...open.values()]) close(first, end);
  return spells.sort((a, b) => byTime(a, b) || (a.subject < b.subject ? -1 : 1));
}

/** What reached `level`, overlapping rows of one subject joined: a row said twice is one occurrence. */
export function occurrencesAt(truth: readonly Occurrence[], rule: string, level: Level): Occurrence[] {
  const joined = new Map<string, Occurrence[]>();
  const rows = truth.filter((row) => row.rule === rule && reaches(row.level, level)).sort(byTime);
  for (const { subject, from, to } of rows) {
    const list = joined.get(subject) ?? [];
    joined.set(subject, list);
    const last = list.at(-1);
    if (last !== undefined && from <= last.to) list[list.length - 1] = { ...last, to: Math.max(last.to, to) };
    else list.push({ rule, subject, level, from, to });
  }
  return [...joined.values()].flat().sort((a, b) => byTime(a, b) || (a.subject < b.subject ? -1 : 1));
}

/**
 * Matches spells with occurrences of one rule and level. An occurrence is a hit when a spell of its subject overlaps it
 * within `toleranceMs`, a miss otherwise; a spell that overlaps none is a false alarm. Lead = `from` - first `issuedAt`.
 * @param where the spells that stood where it happened, when that is not told by the subject alone
 */
export function match(
  spells: readonly Warned[],
  occurrences: readonly Occurrence[],
  toleranceMs: number,
  where: (occurrence: Occurrence) => readonly Warned[] = bySubject(spells),
): Match {
  const used = new Set<Warned>();
  const hits: Match['hits'][number][] = [];
  const misses: Occurrence[] = [];
  for (const occurrence of occurrences) {
    const near = where(occurrence).filter(
      (spell) => spell.from <= occurrence.to + toleranceMs && spell.to >= occurrence.from - toleranceMs,
    );
    for (const spell of near) used.add(spell);
    const first = near.reduce((least, spell) => Math.min(least, spell.issuedAt), Number.POSITIVE_INFINITY);
    if (near.length === 0) misses.push(occurrence);
    else hits.push({ occurrence, leadMs: occurrence.from - first });
  }
  return { hits, misses, falseAlarms: spells.filter((spell) => !used.has(spell)) };
}

function bySubject(spells: readonly Warned[]): (occurrence: Occurrence) => readonly Warned[] {
  const spellsOf = Map.groupBy(spells, (spell) => spell.subject);
  return ({ subject }) => spellsOf.get(subject) ?? [];
}
