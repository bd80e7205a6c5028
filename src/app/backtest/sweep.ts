import { AtalaiaError } from '../../lib/errors.ts';
import { type Level, levelNames, type Rule } from '../../model/rule.ts';
import { printCondition } from '../../rules/print.ts';
import { thresholdsOf, withThreshold } from '../../rules/threshold.ts';
import { type Warned, warnedSpells } from '../../statistics/verification-match.ts';
import { foldRecording, type Recording } from './recording.ts';
import type { BacktestRow, Scorer } from './score.ts';

const MAX_STEPS = 100;

/** Which number of which level is varied, and to what values. */
export interface SweepPlan {
  readonly rule: Rule;
  readonly level: Level;
  /** Of the numbers in the level's condition, from 0. */
  readonly place: number;
  readonly values: readonly number[];
}

export interface Sweep {
  readonly rule: string;
  readonly level: Level;
  /** The level's condition as it stands in the rule. */
  readonly condition: string;
  /** The unit of `value`; null for a number without one. */
  readonly unit: string | null;
  /** The value that the rule has. */
  readonly current: number;
  readonly points: readonly (BacktestRow & { readonly value: number })[];
  /** The value with the best CSI, the nearest to the current one of several; null where none has a CSI. */
  readonly best: number | null;
  /** Area under the ROC of subject-days by trapezoids, from (0, 0) to (1, 1); null without judged points. */
  readonly rocArea: number | null;
}

/**
 * Reads `RULE/LEVEL=FROM..TO/STEP`, or `RULE/LEVEL#N=…` where the level compares with several numbers (N from 1). Values are
 * in the unit that the rule has there; at most 100.
 * @throws AtalaiaError `ATL_USAGE` that names what is wrong and what there is
 */
export function parseSweep(text: string, rules: readonly Rule[]): SweepPlan {
  const wrong = (why: string): AtalaiaError => new AtalaiaError('ATL_USAGE', `The sweep ${text}: ${why}`);
  const number = String.raw`(-?\d+(?:\.\d+)?)`;
  const form = new RegExp(String.raw`^([^=]+)=${number}\.\.${number}/(\d+(?:\.\d+)?)$`);
  const [, target, from, to, step] = form.exec(text) ?? [];
  if (target === undefined)
    throw wrong('write RULE/LEVEL=FROM..TO/STEP, as in chuva-intensa/red#2=60..140/10.');
  const found = parseTarget(target, rules, wrong);
  const [low, high, by] = [Number(from), Number(to), Number(step)];
  const steps = Math.floor((high - low) / by + 1e-9) + 1;
  if (!(by > 0) || !(steps >= 2 && steps <= MAX_STEPS))
    throw wrong(`from ${from} to ${to} by ${step} are not 2 to ${MAX_STEPS} values.`);
  const values = Array.from({ length: steps }, (_, i) => Number((low + i * by).toFixed(6)));
  return { ...found, values };
}

/** Which number of which level. */
export type Target = Omit<SweepPlan, 'values'>;

/** Reads `RULE/LEVEL`, or `RULE/LEVEL#N`. Throws what `wrong` makes of the reason. */
export function parseTarget(
  text: string,
  rules: readonly Rule[],
  wrong: (why: string) => AtalaiaError,
): Target {
  const [, name, levelName, nth] = /^([a-z0-9-]+)\/([a-z]+)(?:#(\d+))?$/.exec(text) ?? [];
  if (levelName === undefined) throw wrong('name a number as RULE/LEVEL or RULE/LEVEL#2.');
  const rule = rules.find((one) => one.name === name);
  if (rule === undefined)
    throw wrong(`no rule ${name}; there are ${rules.map((one) => one.name).join(', ')}.`);
  const level = levelNames.find((one) => one === levelName);
  const held = rule.levels.find((one) => one.level === level);
  if (level === undefined || held === undefined)
    throw wrong(`${name} has the levels ${rule.levels.map((one) => one.level).join(', ')}.`);
  const numbers = thresholdsOf(held.condition);
  const listed = numbers.map((one, i) => `#${i + 1} ${one.value} ${one.unit ?? ''}`.trim()).join(', ');
  const place = nth === undefined ? 0 : Number(nth) - 1;
  if (numbers.length === 0) throw wrong('the level compares with no number.');
  if (nth === undefined && numbers.length > 1) throw wrong(`say which number: ${listed}.`);
  if (numbers[place] === undefined) throw wrong(`there is ${listed}.`);
  return { rule, level, place };
}

/**
 * Folds a recording once with the level at every value of the plan, each as a rule of its own, and scores each as the rule
 * it comes from. Other levels of the rule are left out; its clear condition stays as it is.
 */
export function sweep(plan: SweepPlan, recording: Recording, score: Scorer, end: number): Sweep {
  const { rule, level, place, values } = plan;
  const held = rule.levels.find((one) => one.level === level) as Rule['levels'][number];
  const current = thresholdsOf(held.condition)[place] as ReturnType<typeof thresholdsOf>[number];
  const spells = foldValues(plan, recording, end);
  const points = values.map((value, i) => ({
    value,
    ...score(rule, level, spells[i] as readonly Warned[]),
  }));
  return {
    rule: rule.name,
    level,
    condition: printCondition(held.condition),
    unit: current.unit,
    current: current.value,
    points,
    best: bestOf(points, current.value),
    rocArea: rocArea(points.map((point) => point.byDay)),
  };
}

/** The spells of alert at the level, for each of the values; one fold of the recording. */
export function foldValues(
  { rule, level, place, values }: SweepPlan,
  recording: Recording,
  end: number,
): readonly (readonly Warned[])[] {
  const name = (i: number): string => `${rule.name}-${i}`;
  const variants = values.map((value, i) => ({ ...withThreshold(rule, level, place, value), name: name(i) }));
  const { events } = foldRecording(recording, variants);
  return values.map((_, i) => warnedSpells(events, name(i), level, end));
}

function bestOf(points: Sweep['points'], current: number): number | null {
  const judged = points.filter((point) => point.csi !== null);
  const top = Math.max(...judged.map((point) => point.csi as number));
  const best = judged.filter((point) => point.csi === top);
  best.sort((a, b) => Math.abs(a.value - current) - Math.abs(b.value - current));
  return best[0]?.value ?? null;
}

/** Area under the points (false alarm rate, probability of detection), closed by (0, 0) and (1, 1). */
export function rocArea(
  points: readonly ({ readonly pofd: number | null; readonly pod: number | null } | null)[],
): number | null {
  const line = points.flatMap((point) =>
    point === null || point.pofd === null || point.pod === null ? [] : [[point.pofd, point.pod] as const],
  );
  if (line.length === 0) return null;
  const sorted = [[0, 0] as const, ...line, [1, 1] as const].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let area = 0;
  for (let i = 1; i < sorted.length; i++) {
    const [[x0, y0], [x1, y1]] = [sorted[i - 1], sorted[i]] as [
      readonly [number, number],
      readonly [number, number],
    ];
    area += ((x1 - x0) * (y0 + y1)) / 2;
  }
  return area;
}
