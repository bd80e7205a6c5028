import type { Language } from '../model/language.ts';
import { quantities } from '../model/quantity.ts';
import type { Condition, Expression, HeldCondition, Rule, Window } from '../model/rule.ts';
import { DAY_MS, formatSpan } from '../model/time.ts';
import { explainWords, type Words } from './explain-words.ts';
import { hazards } from './hazard.ts';
import { ruleUnit, YEARS } from './rule-unit.ts';

/** The rule in words: levels with thresholds and holds, end, coverage, expiry, area; lines end in LF. */
export function explainRule(rule: Rule, lang: Language): string {
  const words = explainWords[lang];
  const teller = new Teller(lang, words, rule.subject);
  const event = hazards.get(rule.hazard)?.event[lang] ?? rule.hazard;
  const lines = [
    `${words.rule} ${rule.name}: ${rule.title[lang]}${rule.title[lang] === event ? '' : ` (${event})`}.`,
    ...rule.levels.map((level) => `  ${words.levels[level.level]}: ${teller.held(level)}.`),
    rule.clear === null ? words.noClear : words.clear(teller.held(rule.clear)),
    words.coverage(teller.number(Math.round(rule.coverage * 1e5) / 1e3)),
    ...(rule.quality === undefined ? [] : [words.suspectToo]),
    words.expires(teller.span(rule.expiresMs)),
    teller.area(rule),
    ...(teller.pools ? [words.pooled] : []),
  ];
  return `${lines.join('\n')}\n`;
}

const isJoined = ({ kind }: Condition): boolean => kind === 'and' || kind === 'or' || kind === 'sequence';

class Teller {
  readonly lang: Language;
  readonly words: Words;
  readonly subject: Rule['subject'];
  /** A window over the area itself was told. */
  pools = false;
  private isInStations = false;

  constructor(lang: Language, words: Words, subject: Rule['subject']) {
    this.lang = lang;
    this.words = words;
    this.subject = subject;
  }

  number(value: number): string {
    return this.lang === 'pt-BR' ? String(value).replace('.', ',') : String(value);
  }

  span(ms: number): string {
    // Up to three days are spoken of in hours (24 h, 72 h), as warnings of rain are.
    if (ms % DAY_MS === 0 && ms > 3 * DAY_MS) return `${ms / DAY_MS} d`;
    return formatSpan(ms)
      .replace(/^(\d+)m$/, '$1 min')
      .replace(/^(\d+)(h|s|ms)$/, '$1 $2');
  }

  held({ condition, holdMs }: HeldCondition): string {
    const text = this.condition(condition);
    if (holdMs === 0) return text;
    return `${isJoined(condition) ? `(${text})` : text} ${this.words.held} ${this.span(holdMs)}`;
  }

  area({ area, subject }: Rule): string {
    const word = this.words.area[area.kind];
    if (area.kind === 'radius') return `${word} ${this.number(area.km)} km.`;
    if (area.kind === 'named') return `${word} ${area.name}.`;
    return subject === 'area' ? this.words.everyRegion : word;
  }

  private condition(condition: Condition): string {
    switch (condition.kind) {
      case 'comparison':
        return `${this.expression(condition.left)} ${this.words.operators[condition.operator]} ${this.expression(condition.right)}`;
      case 'silent': {
        const isArea = this.subject === 'area' && !this.isInStations;
        const quantity = condition.quantity === null ? null : this.label(condition.quantity);
        return this.words[isArea ? 'allSilent' : 'silent'](quantity, this.span(condition.spanMs));
      }
      case 'not':
        return `${this.words.not} ${this.grouped(condition.term)}`;
      case 'sequence':
        return this.words.sequence(
          this.grouped(condition.first),
          this.grouped(condition.then),
          this.span(condition.withinMs),
        );
      default:
        return condition.terms.map((term) => this.grouped(term)).join(` ${this.words[condition.kind]} `);
    }
  }

  private grouped(condition: Condition): string {
    const text = this.condition(condition);
    return isJoined(condition) ? `(${text})` : text;
  }

  private expression(expression: Expression): string {
    switch (expression.kind) {
      case 'number':
        return expression.unit === null
          ? this.number(expression.value)
          : `${this.number(expression.value)} ${this.unit(expression.unit, expression.value)}`;
      case 'aggregate':
        return this.aggregate(expression);
      case 'forecast':
        return this.words.forecast(
          this.words.aggregates[expression.name],
          this.label(expression.quantity),
          this.span(expression.spanMs),
        );
      case 'stations':
        return this.stations(expression);
      case 'climatology':
        return this.words.climatology(this.number(expression.percent), this.label(expression.quantity));
      case 'return-period':
        return this.words.returnPeriod(this.expression(expression.of));
      case 'arithmetic':
        return `(${this.expression(expression.left)} ${expression.operator} ${this.expression(expression.right)})`;
    }
  }

  private aggregate({ name, quantity, window, percent }: Extract<Expression, { kind: 'aggregate' }>): string {
    if (this.subject === 'area' && !this.isInStations) this.pools = true;
    const value = this.words.aggregates[name] + (percent === undefined ? '' : ` ${this.number(percent)}`);
    return `${value} ${this.words.of} ${this.label(quantity)} ${this.window(window)}`;
  }

  private stations({ measure, where }: Extract<Expression, { kind: 'stations' }>): string {
    this.isInStations = true;
    const condition = `(${this.condition(where)})`;
    this.isInStations = false;
    return measure === 'count' ? this.words.stationCount(condition) : this.words.stationShare(condition);
  }

  private window(window: Window): string {
    switch (window.kind) {
      case 'sliding':
      case 'tumbling':
        return this.words[window.kind](this.span(window.spanMs));
      case 'hopping':
        return this.words.hopping(this.span(window.spanMs), this.span(window.everyMs));
      case 'session':
        return this.words.session(this.span(window.gapMs));
      case 'count':
        return this.words[window.tumbling === true ? 'reportGroups' : 'reports'](`${window.reports}`);
    }
  }

  private unit(unit: string, value: number): string {
    if (ruleUnit(unit)?.canonical !== YEARS) return unit;
    return value === 1 ? this.words.years.replace(/s$/, '') : this.words.years;
  }

  private label(quantity: string): string {
    return (quantities.get(quantity)?.label[this.lang] ?? quantity).toLowerCase();
  }
}
