import { type HeldCondition, levelNames, type Rule, type RuleLevel } from '../model/rule.ts';
import { HOUR_MS } from '../model/time.ts';
import { checkExpression, MAX_HOLD_MS } from './check.ts';
import { hazards } from './hazard.ts';
import { NodeReader } from './node-reader.ts';
import { locate, type Problem } from './problem.ts';
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
  'expires',
  'area',
  'cap',
  'instruction',
];
/** CAP 1.2 section 3.2.2. */
const URGENCIES = ['Immediate', 'Expected', 'Future', 'Past', 'Unknown'];
const CERTAINTIES = ['Observed', 'Likely', 'Possible', 'Unlikely', 'Unknown'];
const RESPONSES = [
  'Shelter',
  'Evacuate',
  'Prepare',
  'Execute',
  'Avoid',
  'Monitor',
  'Assess',
  'AllClear',
  'None',
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
 * expires 6h, area region, cap Immediate, Observed, Prepare, a general instruction.
 */
export function parseRule(text: string, file: string): { rule?: Rule; problems: Problem[] } {
  const { root, flaws } = readYaml(text);
  if (root === undefined) return { problems: locate(file, text, flaws) };
  const reader = new RuleReader();
  const rule = reader.rule(root);
  const problems = locate(file, text, reader.flaws);
  return rule === undefined || problems.length > 0 ? { problems } : { rule, problems };
}

class RuleReader extends NodeReader {
  private comparisons = 0;
  private terms = 0;
  private subject: Rule['subject'] = 'station';

  rule(root: YamlNode): Rule | undefined {
    const read = this.map(root, 'a rule', KEYS, ['rule', 'hazard', 'levels']);
    const name = this.name(read('rule'));
    const hazard = this.oneOf(read('hazard'), 'hazard', [...hazards.keys()]);
    const title = this.texts(read('title'), 'title') ?? hazards.get(hazard ?? '')?.event;
    this.subject = this.oneOf(read('subject'), 'subject', ['station', 'area']) ?? 'station';
    const { subject } = this;
    const levels = this.levels(read('levels'));
    const clearNode = read('clear');
    const clear = clearNode === undefined ? null : (this.held(clearNode, 'clear') ?? null);
    const coverage = this.coverage(read('coverage'));
    const expiresMs = this.span(read('expires'), 'expires', MAX_HOLD_MS) ?? 6 * HOUR_MS;
    const area = this.area(read('area'));
    const cap = this.cap(read('cap'));
    const instruction = this.texts(read('instruction'), 'instruction') ?? DEFAULT_INSTRUCTION;
    if (this.comparisons > MAX_COMPARISONS) {
      this.flaw(root.offset, `${this.comparisons} comparisons; at most ${MAX_COMPARISONS}: split the rule`);
    }
    if (this.terms > MAX_TERMS)
      this.flaw(root.offset, `${this.terms} terms; at most ${MAX_TERMS}: split the rule`);
    if (name === undefined || hazard === undefined || title === undefined || levels.length === 0)
      return undefined;
    return { name, title, hazard, subject, levels, clear, coverage, expiresMs, area, cap, instruction };
  }

  private name(node: YamlNode | undefined): string | undefined {
    const text = this.text(node, 'rule');
    if (node === undefined || text === undefined || /^[a-z0-9][a-z0-9-]{0,63}$/.test(text)) return text;
    return this.flaw(
      node.offset,
      'a rule name has 1 to 64 small letters, digits and hyphens, as in chuva-intensa',
    );
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

  private coverage(node: YamlNode | undefined): number {
    if (node === undefined) return 0.8;
    const text = this.text(node, 'coverage') ?? '80 %';
    const percent = /^(\d{1,3}(?:\.\d{1,3})?)\s*%$/.exec(text)?.[1];
    const share = percent === undefined ? Number(text) : Number(percent) / 100;
    if (share >= 0 && share <= 1) return share;
    this.flaw(node.offset, `coverage: "${text}" is not a share; write 0 % to 100 %, as in 80 %`);
    return 0.8;
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

  private cap(node: YamlNode | undefined): Rule['cap'] {
    const read =
      node === undefined ? () => undefined : this.map(node, 'cap', ['urgency', 'certainty', 'responseType']);
    return {
      urgency: this.oneOf(read('urgency'), 'urgency', URGENCIES) ?? 'Immediate',
      certainty: this.oneOf(read('certainty'), 'certainty', CERTAINTIES) ?? 'Observed',
      responseType: this.oneOf(read('responseType'), 'responseType', RESPONSES) ?? 'Prepare',
    };
  }
}
