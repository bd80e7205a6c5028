import { AtalaiaError } from '../../lib/errors.ts';
import { seededRandom } from '../../lib/random.ts';
import type { Level, Rule } from '../../model/rule.ts';
import { DAY_MS } from '../../model/time.ts';
import { printCondition } from '../../rules/print.ts';
import { thresholdsOf } from '../../rules/threshold.ts';
import {
  bestCandidate,
  type Candidate,
  countsOf,
  csiOf,
  leaveOneYearOut,
  type YearCounts,
  yearBootstrap,
} from '../../statistics/leave-out.ts';
import { scoresOf } from '../../statistics/verification.ts';
import { match, occurrencesAt, type Warned } from '../../statistics/verification-match.ts';
import { type History, historyOf, type StationHistory } from './history.ts';
import { dayQuantile, type Method, methods } from './history-values.ts';
import type { Judge } from './score.ts';
import { foldValues, parseTarget, type Target } from './sweep.ts';

/** Values tried for the best CSI; with those of the years left out at most so many are folded at once. */
const GRID = 30;
const MOST_VALUES = 200;
const YEAR_MS = 365.25 * DAY_MS;

type Interval = readonly [number, number] | null;

interface Skill extends YearCounts {
  readonly pod: number | null;
  readonly far: number | null;
  readonly csi: number | null;
}

export interface Proposal {
  readonly method: 'percentile' | 'return-period' | 'best-csi';
  /** Of days, %; years. Null for the best CSI. */
  readonly parameter: number | null;
  readonly value: number;
  /** 95 %, by bootstrap of years. */
  readonly interval: Interval;
  /** With this value over all years; null where the truth does not speak of the rule. */
  readonly skill: Skill | null;
  readonly alertsPerYear: number | null;
  readonly falseAlarmsPerYear: number | null;
  /** Each year with the value that the other years give; `gain` in CSI over the rule's own value. */
  readonly outOfSample: (Skill & { readonly gain: number | null; readonly gainInterval: Interval }) | null;
}

/** What one station's own history gives. */
interface StationProposal {
  readonly station: string;
  readonly days: number;
  /** Years that count for the return levels. */
  readonly years: number;
  readonly values: readonly Pick<Proposal, 'method' | 'parameter' | 'value' | 'interval'>[];
}

export interface Proposals {
  readonly rule: string;
  readonly level: Level;
  readonly condition: string;
  readonly unit: string | null;
  readonly current: { readonly value: number; readonly skill: Skill | null };
  readonly years: readonly number[];
  readonly proposals: readonly Proposal[];
  readonly stations: readonly StationProposal[];
}

/** Reads `RULE/LEVEL` or `RULE/LEVEL#N`. Throws ATL_USAGE. */
export const parseProposal = (text: string, rules: readonly Rule[]): Target =>
  parseTarget(text, rules, (why) => new AtalaiaError('ATL_USAGE', `--propose ${text}: ${why}`));

/** Three digits: more would promise what a history cannot give. */
const rounded = (value: number): number => Number(value.toPrecision(3));

const yearsOf = ({ days }: StationHistory): number[] => [...days.keys()].sort((a, b) => a - b);

function ofStation(station: StationHistory, sign: 1 | -1): StationProposal {
  const years = yearsOf(station);
  const values = methods.flatMap(({ method, parameter, of }) => {
    const value = of([station], years);
    if (value === undefined) return [];
    const interval = yearBootstrap(years, seededRandom(1), (some) => of([station], some));
    return [{ method, parameter, value: rounded(sign * value), interval: signed(interval, sign) }];
  });
  const days = [...station.days.values()].reduce((sum, { length }) => sum + length, 0);
  return { station: station.station, days, years: station.extremes.size, values };
}

const signed = (interval: Interval, sign: 1 | -1): Interval => {
  if (interval === null) return null;
  const [a, b] = interval.map((value) => rounded(sign * value)) as [number, number];
  return sign === 1 ? [a, b] : [b, a];
};

/** What a value would have done in each year. */
function candidateOf(value: number, spells: readonly Warned[], target: Target, judge: Judge): Candidate {
  const occurrences = occurrencesAt(judge.truth, target.rule.name, target.level);
  const found = match(spells, occurrences, judge.toleranceMs);
  const years = new Map<number, { hits: number; misses: number; falseAlarms: number }>();
  const add = (at: number, what: keyof YearCounts): void => {
    const year = new Date(at).getUTCFullYear();
    const own = years.get(year) ?? { hits: 0, misses: 0, falseAlarms: 0 };
    own[what]++;
    years.set(year, own);
  };
  for (const { occurrence } of found.hits) add(occurrence.from, 'hits');
  for (const { from } of found.misses) add(from, 'misses');
  for (const { from } of found.falseAlarms) add(from, 'falseAlarms');
  return { value, years };
}

const skillOf = (counts: YearCounts): Skill => {
  const { pod, far, csi } = scoresOf({ ...counts, correctNegatives: null });
  return { ...counts, pod, far, csi };
};

/** Values tried for the best CSI: the worst of three days in four up to the worst of all, closer together at the top. */
function grid({ stations, sign }: History, years: readonly number[], current: number): number[] {
  const shares = Array.from({ length: GRID }, (_, i) => 1 - 0.25 * (1 - i / (GRID - 1)) ** 3);
  return [...shares.map((share) => rounded(sign * (dayQuantile(stations, years, share) as number))), current];
}

/** Folded spells of every value that is needed, by the value. */
class Trials {
  readonly #candidates = new Map<number, Candidate>();
  readonly #alerts = new Map<number, number>();

  constructor(values: Iterable<number>, target: Target, judge: Judge) {
    const all = [...new Set(values)].sort((a, b) => a - b);
    // Each value is a rule of its own in the fold; so many at once as a machine carries.
    for (let from = 0; from < all.length; from += 50) {
      const some = all.slice(from, from + 50);
      const folded = foldValues({ ...target, values: some }, judge.recording, judge.span.to);
      for (const [i, value] of some.entries()) {
        const spells = folded[i] as readonly Warned[];
        this.#candidates.set(value, candidateOf(value, spells, target, judge));
        this.#alerts.set(value, spells.length);
      }
    }
  }

  of(value: number): Candidate {
    return this.#candidates.get(value) as Candidate;
  }

  alerts(value: number): number {
    return this.#alerts.get(value) as number;
  }
}

/**
 * Thresholds from the stations' own history and from what happened, each with its interval and with what it gains in years
 * that had no part in its choice. The network's value of a percentile is that of all stations' days together, of a return
 * period the middle of the stations' levels.
 * @throws AtalaiaError `ATL_USAGE` where the number is not compared with a window over one quantity
 */
export function propose(target: Target, judge: Judge): Proposals {
  const { rule, level, place } = target;
  const history = historyOf(target, judge.recording);
  const { stations, sign } = history;
  const held = rule.levels.find((one) => one.level === level) as Rule['levels'][number];
  const number = thresholdsOf(held.condition)[place] as ReturnType<typeof thresholdsOf>[number];
  const years = [...new Set(stations.flatMap(yearsOf))].sort((a, b) => a - b);
  const isJudged = judge.judged.has(rule.name);
  const thresholdOf = ({ of }: Method, some: readonly number[]): number | undefined => {
    const value = of(stations, some);
    return value === undefined ? undefined : rounded(sign * value);
  };
  const without = (year: number): number[] => years.filter((one) => one !== year);
  const tried = grid(history, years, number.value);
  const chosen = methods.flatMap((method) => [thresholdOf(method, years) ?? []].flat());
  const left = isJudged
    ? methods.flatMap((method) => years.flatMap((year) => thresholdOf(method, without(year)) ?? []))
    : [];
  const values = new Set([...tried, ...chosen, ...left]);
  if (values.size > MOST_VALUES)
    throw new AtalaiaError(
      'ATL_USAGE',
      `--propose: ${years.length} years need ${values.size} folds; take a shorter span by --from and --to.`,
    );
  const trials = new Trials(values, target, judge);
  const current = trials.of(number.value);
  const common = { years, isJudged, trials, current, length: judge.span.to - judge.span.from };
  const proposals = methods.flatMap((method) => {
    const value = thresholdOf(method, years);
    if (value === undefined) return [];
    const interval = yearBootstrap(years, seededRandom(1), (some) => method.of(stations, some));
    const choose = (others: readonly number[]): Candidate | undefined => {
      const one = thresholdOf(method, others);
      return one === undefined ? undefined : trials.of(one);
    };
    const { method: name, parameter } = method;
    return [{ method: name, parameter, ...proposalOf(value, signed(interval, sign), choose, common) }];
  });
  const best = isJudged ? bestProposal(tried, common, number.value) : [];
  return {
    ...{ rule: rule.name, level, condition: printCondition(held.condition), unit: number.unit, years },
    current: { value: number.value, skill: isJudged ? skillOf(countsOf(current, years)) : null },
    proposals: [...proposals, ...best],
    stations: stations.map((station) => ofStation(station, sign)),
  };
}

interface Common {
  readonly years: readonly number[];
  readonly isJudged: boolean;
  readonly trials: Trials;
  readonly current: Candidate;
  /** Of the recording, ms. */
  readonly length: number;
}

function proposalOf(
  value: number,
  interval: Interval,
  choose: (others: readonly number[]) => Candidate | undefined,
  { years, isJudged, trials, current, length }: Common,
): Omit<Proposal, 'method' | 'parameter'> {
  const counts = countsOf(trials.of(value), years);
  const out = isJudged ? leaveOneYearOut(years, seededRandom(1), current, choose) : null;
  const perYear = (count: number): number | null => (length > 0 ? (count / length) * YEAR_MS : null);
  return {
    ...{ value, interval },
    skill: isJudged ? skillOf(counts) : null,
    alertsPerYear: perYear(trials.alerts(value)),
    falseAlarmsPerYear: isJudged ? perYear(counts.falseAlarms) : null,
    outOfSample: out && { ...skillOf(out.counts), gain: out.gain, gainInterval: out.gainInterval },
  };
}

function bestProposal(tried: readonly number[], common: Common, current: number): Proposal[] {
  const { years, trials } = common;
  const candidates = [...new Set(tried)].map((value) => trials.of(value));
  const best = bestCandidate(candidates, years, current);
  if (!best || csiOf(countsOf(best, years)) === 0) return [];
  const choose = (some: readonly number[]): Candidate | undefined => bestCandidate(candidates, some, current);
  const interval = yearBootstrap(years, seededRandom(1), (some) => choose(some)?.value);
  return [{ method: 'best-csi', parameter: null, ...proposalOf(best.value, interval, choose, common) }];
}
