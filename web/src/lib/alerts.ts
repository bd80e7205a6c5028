import type { Language } from '../../../src/model/language.ts';
import { quantities } from '../../../src/model/quantity.ts';
import type { Dictionary } from '../i18n/dictionary.ts';
import type { AlertItem, EvidenceItem, Level, Rule } from './contract.ts';
import { deciding, parseComparison } from './expression.ts';
import { number, short } from './format.ts';

/** From alert data to the words and numbers a page shows: pure. */
export type LevelNumber = 1 | 2 | 3;
const numbers: Readonly<Record<Level, LevelNumber>> = { yellow: 1, orange: 2, red: 3 };

export const levelNumber = (level: Level): LevelNumber => numbers[level];
export const levelWord = (level: Level, t: Dictionary): string =>
  [t.level1, t.level2, t.level3][numbers[level] - 1] ?? '';
export const levelColour = (level: Level, t: Dictionary): string =>
  [t.colour1, t.colour2, t.colour3][numbers[level] - 1] ?? '';

export const quantityLabel = (name: string, language: Language): string =>
  quantities.get(name)?.label[language] ?? name;
export const quantityUnit = (name: string): string => quantities.get(name)?.unit ?? '';
export const isInterval = (name: string): boolean => quantities.get(name)?.kind === 'interval';

const ownAggregate = new Set(['sum', 'max', 'min', 'avg', 'last']);

/** `125,0 mm em 24 h`, `máximo 24,5 m/s em 1 h`; the expression itself where no simpler words are known. */
export function evidenceText(item: EvidenceItem | undefined, t: Dictionary, language: Language): string {
  if (!item) return '';
  const silent = /^silent\((?:\w+, )?(\d+)([smhd])\)$/.exec(item.expression);
  if (silent) return t.silentFor(`${silent[1]}\u00a0${silent[2] === 'm' ? 'min' : silent[2]}`);
  const call = parseComparison(item.expression)?.call;
  if (!call || item.value === undefined || !ownAggregate.has(call.aggregate))
    return sentence(item, language).text;
  const words: Readonly<Record<string, string>> = {
    sum: t.aggregateSum,
    max: t.aggregateMax,
    min: t.aggregateMin,
    avg: t.aggregateAvg,
    last: t.aggregateLast,
  };
  const value = `${number(item.value, language)}\u00a0${item.unit}`;
  return t.inWindow(
    [words[call.aggregate], value].filter(Boolean).join(' '),
    call.windowText.replace(' ', '\u00a0'),
  );
}

/** The evidence line: `sum(rainfall, 24h) = 120,8 mm > 100 mm`. */
export function sentence(
  item: EvidenceItem,
  language: Language,
): { left: string; value: string; right: string; text: string } {
  const comparison = parseComparison(item.expression);
  const left = comparison?.left ?? item.expression;
  const value = item.value === undefined ? '?' : `${number(item.value, language)} ${item.unit}`;
  const right = comparison ? `${comparison.operator} ${short(item.threshold, language)} ${item.unit}` : '';
  return { left, value, right, text: comparison ? `${left} = ${value} ${right}` : item.expression };
}

/** The value that ranks alerts of one level: how far past its threshold the deciding comparison is. */
const reach = (alert: AlertItem): number => {
  const item = deciding(alert.evidence);
  return item?.value === undefined || item.threshold === 0 ? 0 : item.value / item.threshold;
};

/** Open alerts by level, the worst first, those furthest past their threshold first within a level. */
export function byLevel(alerts: readonly AlertItem[]): Readonly<Record<LevelNumber, readonly AlertItem[]>> {
  const pick = (level: Level): AlertItem[] =>
    alerts
      .filter((alert) => alert.level === level)
      .toSorted((a, b) => reach(b) - reach(a) || a.alert.localeCompare(b.alert));
  return { 1: pick('yellow'), 2: pick('orange'), 3: pick('red') };
}

/** The worst open alert of each station; that of an area stands at the stations that its evidence names. */
export function worstByStation(alerts: readonly AlertItem[]): Map<string, AlertItem> {
  const worst = new Map<string, AlertItem>();
  for (const alert of alerts) {
    const ids =
      alert.subject.kind === 'station'
        ? [alert.subject.id]
        : alert.evidence.flatMap(({ stations }) => stations ?? []);
    for (const id of ids) {
      const known = worst.get(id);
      if (!known || numbers[alert.level] > numbers[known.level]) worst.set(id, alert);
    }
  }
  return worst;
}

export function areaText(
  rule: Pick<Rule, 'area'> | undefined,
  subject: string,
  t: Dictionary,
  language: Language,
): string {
  if (!rule) return subject;
  if (rule.area.kind === 'radius') return t.radius(short(rule.area.km, language), subject);
  return rule.area.kind === 'named' ? t.named(rule.area.name) : t.region(subject);
}

/** An instruction as a list of steps, one a sentence. */
export const steps = (text: string): string[] =>
  text
    .match(/[^.!?]+[.!?]*/g)
    ?.map((step) => step.trim())
    .filter(Boolean) ?? [];
