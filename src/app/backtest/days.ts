import type { Rule } from '../../model/rule.ts';
import { DAY_MS } from '../../model/time.ts';
import { type Contingency, type Scores, scoresOf } from '../../statistics/verification.ts';
import type { Recording } from './recording.ts';

/** Scores of days: each subject and UTC day is one case, warned or not, with an occurrence or without. */
export interface DayScores extends Contingency, Scores {
  readonly correctNegatives: number;
  /** Probability of false detection, the false alarm rate: of the days without an occurrence those that were warned. */
  readonly pofd: number | null;
}

interface Spell {
  readonly subject: string;
  /** Epoch ms, both ends within. */
  readonly from: number;
  readonly to: number;
}

/**
 * A two by two table of subject-days. A day counts where the subject was observed on it, or where an occurrence or a spell
 * touches it; an instant belongs to one day, and no tolerance widens it. Unlike spells, days without an occurrence can be
 * counted, so that HSS and the false alarm rate exist. Jolliffe and Stephenson, Forecast Verification, chapter 3.
 */
export function scoreDays(
  subjects: readonly string[],
  observed: ReadonlyMap<string, ReadonlySet<number>>,
  spells: readonly Spell[],
  occurrences: readonly Spell[],
): DayScores {
  const warned = daysOf(spells);
  const happened = daysOf(occurrences);
  const cases = new Set<string>([...warned, ...happened]);
  for (const subject of subjects) for (const day of observed.get(subject) ?? []) cases.add(key(subject, day));
  let [hits, misses, falseAlarms, correctNegatives] = [0, 0, 0, 0];
  for (const one of cases) {
    if (happened.has(one)) warned.has(one) ? hits++ : misses++;
    else warned.has(one) ? falseAlarms++ : correctNegatives++;
  }
  const table = { hits, misses, falseAlarms, correctNegatives };
  const without = falseAlarms + correctNegatives;
  return { ...table, ...scoresOf(table), pofd: without === 0 ? null : falseAlarms / without };
}

/** Ids of what a rule can warn of: stations, regions, or its named area. */
export function subjectsOf(rule: Rule, recording: Recording): string[] {
  if (rule.subject === 'station') return recording.stations.map(({ id }) => id);
  if (rule.area.kind === 'named') return [rule.area.name];
  return [...new Set(recording.stations.map(({ region }) => region))];
}

const key = (subject: string, day: number): string => `${day} ${subject}`;

function daysOf(spells: readonly Spell[]): Set<string> {
  const days = new Set<string>();
  for (const { subject, from, to } of spells)
    for (let day = Math.floor(from / DAY_MS); day * DAY_MS <= to; day++) days.add(key(subject, day));
  return days;
}
