import type { Language } from '../model/language.ts';
import { quantities } from '../model/quantity.ts';
import type {
  AggregateName,
  ComparisonOperator,
  Condition,
  Expression,
  HeldCondition,
  Rule,
} from '../model/rule.ts';
import { formatSpan } from '../model/time.ts';
import { hazards } from './hazard.ts';
import { printWindow } from './print.ts';

interface Words {
  readonly aggregates: Readonly<Record<AggregateName, string>>;
  readonly operators: Readonly<Record<ComparisonOperator, string>>;
  readonly levels: Readonly<Record<string, string>>;
  readonly rule: string;
  readonly and: string;
  readonly or: string;
  readonly not: string;
  readonly of: string;
  readonly over: string;
  readonly held: string;
  readonly silent: (quantity: string | null, span: string) => string;
  readonly clear: (condition: string) => string;
  readonly noClear: string;
  readonly coverage: (percent: string) => string;
  readonly expires: (span: string) => string;
  readonly area: Readonly<Record<'radius' | 'region' | 'named', string>>;
}

const dictionary: Readonly<Record<Language, Words>> = {
  'pt-BR': {
    aggregates: {
      sum: 'soma',
      min: 'mínimo',
      max: 'máximo',
      avg: 'média',
      count: 'número de leituras',
      stddev: 'desvio padrão',
      median: 'mediana',
      percentile: 'percentil',
      last: 'última leitura',
      delta: 'variação',
      rate: 'taxa',
      trend: 'tendência',
    },
    operators: {
      '>': 'acima de',
      '>=': 'de pelo menos',
      '<': 'abaixo de',
      '<=': 'de no máximo',
      '=': 'igual a',
      '!=': 'diferente de',
    },
    levels: {
      yellow: 'Amarelo (perigo potencial)',
      orange: 'Laranja (perigo)',
      red: 'Vermelho (grande perigo)',
    },
    rule: 'Regra',
    and: 'e',
    or: 'ou',
    not: 'não vale que',
    of: 'de',
    over: 'em',
    held: 'durante',
    silent: (quantity, span) =>
      `${quantity === null ? 'a estação' : `a estação, em ${quantity},`} não envia dados há mais de ${span}`,
    clear: (condition) => `Encerra quando nenhum nível vale mais e ${condition}.`,
    noClear: 'Encerra quando nenhum nível vale mais.',
    coverage: (percent) =>
      `Uma janela conta com pelo menos ${percent} % de cobertura; falta de dados nunca encerra o alerta.`,
    expires: (span) => `Expira ${span} após a última revisão.`,
    area: { radius: 'Área: raio de', region: 'Área: a região da estação.', named: 'Área:' },
  },
  en: {
    aggregates: {
      sum: 'sum',
      min: 'minimum',
      max: 'maximum',
      avg: 'mean',
      count: 'number of readings',
      stddev: 'standard deviation',
      median: 'median',
      percentile: 'percentile',
      last: 'last reading',
      delta: 'change',
      rate: 'rate',
      trend: 'trend',
    },
    operators: {
      '>': 'above',
      '>=': 'of at least',
      '<': 'below',
      '<=': 'of at most',
      '=': 'equal to',
      '!=': 'other than',
    },
    levels: { yellow: 'Yellow (moderate)', orange: 'Orange (severe)', red: 'Red (extreme)' },
    rule: 'Rule',
    and: 'and',
    or: 'or',
    not: 'it is not true that',
    of: 'of',
    over: 'over',
    held: 'for',
    silent: (quantity, span) => `the station has sent no ${quantity ?? 'data'} for more than ${span}`,
    clear: (condition) => `Ends when no level is true any more and ${condition}.`,
    noClear: 'Ends when no level is true any more.',
    coverage: (percent) =>
      `A window counts from a coverage of ${percent} %; missing data never ends the alert.`,
    expires: (span) => `Expires ${span} after the newest revision.`,
    area: { radius: 'Area: radius of', region: "Area: the station's region.", named: 'Area:' },
  },
};

/** The rule in words: levels with thresholds and holds, end, coverage, expiry, area; lines end in LF. */
export function explainRule(rule: Rule, lang: Language): string {
  const words = dictionary[lang];
  const teller = new Teller(lang, words);
  const event = hazards.get(rule.hazard)?.event[lang] ?? rule.hazard;
  const lines = [
    `${words.rule} ${rule.name}: ${rule.title[lang]} (${event}).`,
    ...rule.levels.map((level) => `  ${words.levels[level.level]}: ${teller.held(level)}.`),
    rule.clear === null ? words.noClear : words.clear(teller.held(rule.clear)),
    words.coverage(teller.number(Math.round(rule.coverage * 1e5) / 1e3)),
    words.expires(teller.span(rule.expiresMs)),
    teller.area(rule),
  ];
  return `${lines.join('\n')}\n`;
}

class Teller {
  readonly lang: Language;
  readonly words: Words;

  constructor(lang: Language, words: Words) {
    this.lang = lang;
    this.words = words;
  }

  number(value: number): string {
    return this.lang === 'pt-BR' ? String(value).replace('.', ',') : String(value);
  }

  span(ms: number): string {
    return formatSpan(ms)
      .replace(/^(\d+)m$/, '$1 min')
      .replace(/^(\d+)(h|s|ms)$/, '$1 $2');
  }

  held({ condition, holdMs }: HeldCondition): string {
    const text = this.condition(condition);
    if (holdMs === 0) return text;
    const whole = condition.kind === 'and' || condition.kind === 'or' ? `(${text})` : text;
    return `${whole} ${this.words.held} ${this.span(holdMs)}`;
  }

  area({ area }: Rule): string {
    const word = this.words.area[area.kind];
    if (area.kind === 'radius') return `${word} ${this.number(area.km)} km.`;
    return area.kind === 'named' ? `${word} ${area.name}.` : word;
  }

  private condition(condition: Condition): string {
    switch (condition.kind) {
      case 'comparison':
        return `${this.expression(condition.left)} ${this.words.operators[condition.operator]} ${this.expression(condition.right)}`;
      case 'silent':
        return this.words.silent(
          condition.quantity === null ? null : this.label(condition.quantity),
          this.span(condition.spanMs),
        );
      case 'not':
        return `${this.words.not} ${this.grouped(condition.term)}`;
      default:
        return condition.terms.map((term) => this.grouped(term)).join(` ${this.words[condition.kind]} `);
    }
  }

  private grouped(condition: Condition): string {
    const text = this.condition(condition);
    return condition.kind === 'and' || condition.kind === 'or' ? `(${text})` : text;
  }

  private expression(expression: Expression): string {
    if (expression.kind === 'number') {
      return expression.unit === null
        ? this.number(expression.value)
        : `${this.number(expression.value)} ${expression.unit}`;
    }
    if (expression.kind === 'aggregate') {
      const { window, quantity, name } = expression;
      const span = window.kind === 'sliding' ? this.span(window.spanMs) : printWindow(window);
      return `${this.words.aggregates[name]} ${this.words.of} ${this.label(quantity)} ${this.words.over} ${span}`;
    }
    return `(${this.expression(expression.left)} ${expression.operator} ${this.expression(expression.right)})`;
  }

  private label(quantity: string): string {
    return (quantities.get(quantity)?.label[this.lang] ?? quantity).toLowerCase();
  }
}
