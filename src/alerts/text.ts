import type { AlertEvent, Evidence } from '../model/alert.ts';
import type { Language, Text } from '../model/language.ts';
import { quantities } from '../model/quantity.ts';
import type { Level, Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { formatInstant } from '../model/time.ts';

const levelWords: Readonly<Record<Level, Text>> = {
  yellow: { 'pt-BR': 'Perigo potencial', en: 'Potential danger' },
  orange: { 'pt-BR': 'Perigo', en: 'Danger' },
  red: { 'pt-BR': 'Grande perigo', en: 'Great danger' },
};

/** The level in the words of INMET's warnings and their English counterparts. */
export const levelWord = (level: Level, lang: Language): string => levelWords[level][lang];

/** A number for people: at most 3 decimals, no exponent, decimal comma in pt-BR. */
export function formatNumber(value: number, lang: Language): string {
  const plain = String(Math.round(value * 1000) / 1000 || 0);
  return lang === 'pt-BR' ? plain.replace('.', ',') : plain;
}

/** A number with its unit: `120,8 mm`; the degree of an angle stands without space. */
export function formatAmount(value: number, unit: string, lang: Language): string {
  const number = formatNumber(value, lang);
  if (unit === '') return number;
  return unit === '°' ? `${number}°` : `${number} ${unit}`;
}

const prefixes: Readonly<Record<AlertEvent['event'], Text | null>> = {
  raised: null,
  escalated: { 'pt-BR': 'Agravado', en: 'Escalated' },
  'de-escalated': { 'pt-BR': 'Atenuado', en: 'De-escalated' },
  updated: { 'pt-BR': 'Atualizado', en: 'Updated' },
  unverified: { 'pt-BR': 'Sem confirmação', en: 'Unverified' },
  verified: { 'pt-BR': 'Confirmado de novo', en: 'Verified again' },
  ended: null,
};

const endWords: Readonly<Record<NonNullable<AlertEvent['endReason']>, Text>> = {
  cleared: { 'pt-BR': 'Encerrado', en: 'All clear' },
  cancelled: { 'pt-BR': 'Cancelado', en: 'Cancelled' },
  expired: { 'pt-BR': 'Expirado', en: 'Expired' },
  withdrawn: { 'pt-BR': 'Retirado após correção de dados', en: 'Withdrawn after corrected data' },
  merged: { 'pt-BR': 'Unido a outro alerta', en: 'Merged into another alert' },
};

export const falseAlarmWord: Text = { 'pt-BR': 'Alarme falso', en: 'False alarm' };

/** Stands with all that is expected and not observed. */
const forecastWord: Text = { 'pt-BR': 'previsto', en: 'forecast' };

/** What the end of an alert means, in words. */
export const endWord = (reason: AlertEvent['endReason'], lang: Language): string =>
  endWords[reason ?? 'cleared'][lang];

/**
 * One line for terminal, page and CAP: `Agravado – Grande perigo: Chuvas intensas, Porto Alegre`. Its parts stand apart
 * instead of being bent by grammar, so that any title and place fit.
 */
export function alertHeadline(
  event: AlertEvent,
  rule: Pick<Rule, 'title'>,
  station: Pick<Station, 'name' | 'id'>,
  lang: Language,
): string {
  const place = station.name.trim() === '' ? station.id : station.name.trim();
  const title = `${rule.title[lang]}, ${place}`;
  if (event.event === 'ended') return `${endWord(event.endReason, lang)}: ${title}`;
  const prefix = prefixes[event.event];
  const mark = event.forecast ? ` (${forecastWord[lang]})` : '';
  const level = `${levelWord(event.level, lang)}: ${title}${mark}`;
  return prefix === null ? level : `${prefix[lang]} – ${level}`;
}

const aggregates: Readonly<Record<string, Text>> = {
  sum: { 'pt-BR': 'acumulado em', en: 'total over' },
  max: { 'pt-BR': 'máximo em', en: 'maximum over' },
  min: { 'pt-BR': 'mínimo em', en: 'minimum over' },
  avg: { 'pt-BR': 'média em', en: 'mean over' },
  median: { 'pt-BR': 'mediana em', en: 'median over' },
  last: { 'pt-BR': 'último valor em', en: 'last value within' },
  delta: { 'pt-BR': 'variação em', en: 'change over' },
  rate: { 'pt-BR': 'ritmo em', en: 'rate over' },
  trend: { 'pt-BR': 'tendência em', en: 'trend over' },
};

const SIMPLE = /^\s*([a-z]+)\(\s*([A-Za-z]+)\s*,\s*([^(),]+?)\s*\)\s*(?:[<>=!]+)\s*[^()]*$/;

const FORECAST =
  /^\s*([a-z]+)\(\s*forecast\(\s*([A-Za-z]+)\s*,\s*([^(),]+?)\s*\)\s*\)\s*(?:[<>=!]+)\s*[^()]*$/;

/** The left side of a comparison in words: `Chuva, acumulado em 24h`; the expression itself when it is no plain window. */
function subjectOf(expression: string, lang: Language): string {
  const ahead = FORECAST.exec(expression);
  const match = ahead ?? SIMPLE.exec(expression);
  const aggregate = match ? aggregates[match[1] as string] : undefined;
  const quantity = match ? quantities.get(match[2] as string) : undefined;
  if (!match || !aggregate || !quantity) return expression;
  const said = `${quantity.label[lang]}, ${aggregate[lang]} ${match[3]}`;
  return ahead ? `${said} (${forecastWord[lang]})` : said;
}

/** One comparison as a sentence with its numbers: `Chuva, acumulado em 24h: 120,8 mm (limiar: 100 mm).` */
export function evidenceSentence(evidence: Evidence, lang: Language): string {
  const pt = lang === 'pt-BR';
  const threshold = formatAmount(evidence.threshold, evidence.unit, lang);
  const value =
    evidence.value === undefined
      ? pt
        ? 'sem dados'
        : 'no data'
      : formatAmount(evidence.value, evidence.unit, lang);
  const notes = [`${pt ? 'limiar' : 'threshold'}: ${threshold}`];
  if (evidence.coverage < 1) {
    const percent = Math.floor(evidence.coverage * 100);
    notes.push(pt ? `dados de ${percent} % do período` : `data for ${percent} % of the period`);
  }
  if (evidence.upperBound !== undefined && evidence.upperBound > 0) {
    const more = formatAmount(evidence.upperBound, evidence.unit, lang);
    notes.push(pt ? `pode ser até ${more} a mais` : `could be up to ${more} more`);
  }
  if (evidence.forecast) {
    const { issuer, issuedAt } = evidence.forecast;
    const at = formatInstant(issuedAt);
    notes.push(pt ? `previsto por ${issuer} em ${at}` : `forecast by ${issuer} at ${at}`);
  } else if (evidence.forecast === null) notes.push(pt ? 'sem previsão recente' : 'no recent forecast');
  return `${subjectOf(evidence.expression, lang)}: ${value} (${notes.join('; ')}).`;
}
