import { quantities } from '../model/quantity.ts';
import { type HeldCondition, levelNames, type Rule, type RuleLevel } from '../model/rule.ts';
import { HOUR_MS } from '../model/time.ts';
import { checkExpression, MAX_HOLD_MS } from './check.ts';
import { hazards } from './hazard.ts';
import { locate, type Problem } from './problem.ts';
import { readsOf } from './reads.ts';
import { SharedReader } from './shared-reader.ts';
import { unknownWord } from './words.ts';
import { readYaml, scalarOffset, type YamlNode } from './yaml.ts';

const KEYS = [
  'rule',
  'title',
  'hazard',
  'subject',
  'levels',
  'clear',
  'coverage',
  'quality',
  'expires',
  'area',
  'cap',
  'instruction',
  'publication',
  'budget',
];
const MAX_COMPARISONS = 64;
/** Conditions, values and numbers of one rule, counted singly. */
const MAX_TERMS = 1000;
const DEFAULT_INSTRUCTION = {
  'pt-BR': 'Siga as orientações da Defesa Civil.',
  en: 'Follow the instructions of the civil-defence authorities.',
};

/**
 * Reads one rule document (design section 6): YAML, keys, expressions, units. `file` only names the place in problems.
 * With `subject: area`, `area: region` makes every region a subject and `area: { name: … }` the one area of that name.
 * `rule` is there only when there is no problem. Defaults: title = the hazard's event, subject station, coverage 80 %,
 * expires 6h, quality good, area region, cap Immediate, Observed, Prepare, a general instruction.
 */
export function parseRule(text: string, file: string): { rule?: Rule; problems: Problem[] } {
  const { root, flaws } = readYaml(text);
  if (root === undefined) return { problems: locate(file, text, flaws) };
  const reader = new RuleReader();
  const rule = reader.rule(root);
  const problems = locate(file, text, reader.flaws);
  return rule === undefined || problems.length > 0 ? { problems } : { rule, problems };
}

class RuleReader extends SharedReader {
  private comparisons = 0;
  private terms = 0;
  private subject: Rule['subject'] = 'station';

  rule(root: YamlNode): Rule | undefined {
    const read = this.map(root, 'a rule', KEYS, ['rule', 'hazard', 'levels']);
    const name = this.name(read('rule'), 'a rule');
    const hazard = this.oneOf(read('hazard'), 'hazard', [...hazards.keys()]);
    const title = this.texts(read('title'), 'title') ?? hazards.get(hazard ?? '')?.event;
    this.subject = this.oneOf(read('subject'), 'subject', ['station', 'area']) ?? 'station';
    const { subject } = this;
    const levels = this.levels(read('levels'));
    const clearNode = read('clear');
    const clear = clearNode === undefined ? null : (this.held(clearNode, 'clear') ?? null);
    const coverage = this.coverage(read('coverage'));
    const quality = this.quality(read('quality'));
    const expiresMs = this.span(read('expires'), 'expires', MAX_HOLD_MS) ?? 6 * HOUR_MS;
    const area = this.area(read('area'));
    const cap = this.cap(read('cap'));
    const instruction = this.texts(read('instruction'), 'instruction') ?? DEFAULT_INSTRUCTION;
    if (this.comparisons > MAX_COMPARISONS) {
      this.flaw(root.offset, `${this.comparisons} comparisons; at most ${MAX_COMPARISONS}: split the rule`);
    }
    if (this.terms > MAX_TERMS)
      this.flaw(root.offset, `${this.terms} terms; at most ${MAX_TERMS}: split the rule`);
    const publication = this.publication(read('publication'));
    const budget = this.budget(read('budget'));
    if (name === undefined || hazard === undefined || title === undefined || levels.length === 0)
      return undefined;
    const own: Rule = {
      ...{ name, title, hazard, subject, levels, clear, coverage, expiresMs, area, cap, instruction },
      ...(quality === undefined ? {} : { quality }),
      ...(publication === undefined ? {} : { publication }),
      ...(budget && { budget }),
    };
    if (quality !== undefined) this.refuseDerived(own, read('quality') as YamlNode);
    return own;
  }

  private levels(node: YamlNode | undefined): RuleLevel[] {
    const found: RuleLevel[] = [];
    for (const { key, offset, value } of this.entries(node, 'levels')) {
      const level = levelNames.find((known) => known === key);
      if (level === undefined) this.flaw(offset, unknownWord('level', key, levelNames));
      const held = this.held(value, `level ${key}`);
      if (level !== undefined && held !== undefined) found.push({ level, ...held });
    }
    if (node?.kind === 'map' && node.entries.length === 0)
      this.flaw(node.offset, 'levels needs at least one of yellow, orange, red');
    return found.sort((a, b) => levelNames.indexOf(a.level) - levelNames.indexOf(b.level));
  }

  private held(node: YamlNode, what: string): HeldCondition | undefined {
    if (node.kind !== 'scalar' || typeof node.value !== 'string') {
      return this.flaw(node.offset, `${what} must be a condition such as "sum(rainfall, 1h) >= 20 mm"`);
    }
    const { held, comparisons, terms, flaws } = checkExpression(node.value, this.subject);
    this.comparisons += comparisons;
    this.terms += terms;
    for (const flaw of flaws) this.flaw(scalarOffset(node, flaw.offset), flaw.message);
    return held;
  }

  private budget(node: YamlNode | undefined): Rule['budget'] {
    if (node === undefined) return undefined;
    const read = this.map(node, 'budget', ['falseAlarmsPerYear'], ['falseAlarmsPerYear']);
    const value = read('falseAlarmsPerYear');
    const text = this.text(value, 'falseAlarmsPerYear');
    if (value === undefined || text === undefined) return undefined;
    if (/^\d{1,6}(?:\.\d{1,3})?$/.test(text)) return { falseAlarmsPerYear: Number(text) };
    return this.flaw(value.offset, `falseAlarmsPerYear: "${text}" is no number from 0 on; write 3 or 0.5`);
  }

  private coverage(node: YamlNode | undefined): number {
    if (node === undefined) return 0.8;
    const text = this.text(node, 'coverage') ?? '80 %';
    const percent = /^(\d{1,3}(?:\.\d{1,3})?)\s*%$/.exec(text)?.[1];
    const share = percent === undefined ? Number(text) : Number(percent) / 100;
    if (share >= 0 && share <= 1) return share;
    this.flaw(node.offset, `coverage: "${text}" is not a share; write 0 % to 100 %, as in 80 %`);
    return 0.8;
  }

  private quality(node: YamlNode | undefined): Rule['quality'] {
    return this.oneOf(node, 'quality', ['good', 'suspect']) === 'suspect' ? 'suspect' : undefined;
  }

  /** What is only ever computed is computed from good readings: a rule that accepts others would not see them. */
  private refuseDerived(rule: Rule, node: YamlNode): void {
    for (const { quantity } of readsOf(rule).windows) {
      if (quantities.get(quantity)?.derived !== 'always') continue;
      this.flaw(
        node.offset,
        `quality: suspect cannot reach ${quantity}, which is computed from good readings alone; name what is measured, or leave quality out`,
      );
      return;
    }
  }

  private area(node: YamlNode | undefined): Rule['area'] {
    if (node === undefined) return { kind: 'region' };
    if (node.kind === 'scalar') {
      this.oneOf(node, 'area', ['region']);
      return { kind: 'region' };
    }
    const read = this.map(node, 'area', ['radius', 'name']);
    const name = this.text(read('name'), 'area name', 128);
    if (name !== undefined) return { kind: 'named', name };
    const radius = read('radius');
    const text = this.text(radius, 'radius');
    if (radius === undefined || text === undefined) {
      if (node.kind === 'map' && node.entries.length === 0)
        this.flaw(node.offset, 'area: write { radius: 15 km }, { name: … } or region');
      return { kind: 'region' };
    }
    if (this.subject === 'area') {
      this.flaw(
        radius.offset,
        'a radius needs a station in its middle; a rule with "subject: area" has area: region or { name: … }',
      );
    }
    const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(km|m)$/.exec(text) ?? [];
    const km = Number(number) / (unit === 'm' ? 1000 : 1);
    if (!(km > 0 && km <= 1000))
      this.flaw(radius.offset, `radius: "${text}" is no length above 0 and up to 1000 km; write 15 km`);
    return { kind: 'radius', km };
  }
}
