import type { Text } from '../model/language.ts';
import { type Level, levelNames, type Rule } from '../model/rule.ts';
import { HOUR_MS } from '../model/time.ts';
import { MAX_HOLD_MS } from './check.ts';
import { hazards } from './hazard.ts';
import { locate, type Problem } from './problem.ts';
import type { RuleFile } from './rule-set.ts';
import { SharedReader } from './shared-reader.ts';
import { readYaml, type YamlNode } from './yaml.ts';

/** An alert prepared for a person to raise: all that is known before it happens. */
export interface Template {
  readonly name: string;
  readonly title: Text;
  readonly hazard: string;
  readonly level: Level;
  readonly expiresMs: number;
  readonly instruction: Text;
  readonly cap: Rule['cap'];
  readonly publication?: Rule['publication'];
}

const KEYS = ['template', 'title', 'hazard', 'level', 'expires', 'cap', 'instruction', 'publication'];
/** Most templates that a person can choose from. */
const MAX_TEMPLATES = 200;

/** Reads template files (`NAME.template.yaml`), sorted by name. A name used twice is a problem of the later file. */
export function loadTemplates(files: readonly RuleFile[]): { templates: Template[]; problems: Problem[] } {
  const found = new Map<string, Template>();
  const problems: Problem[] = [];
  for (const { path, text } of files) {
    const { root, flaws } = readYaml(text);
    const reader = new TemplateReader();
    const template = root === undefined ? undefined : reader.template(root);
    const all = root === undefined ? flaws : reader.flaws;
    if (template && found.has(template.name))
      all.push({
        offset: 0,
        message: `the template "${template.name}" stands in another file already; rename one`,
      });
    if (found.size >= MAX_TEMPLATES)
      all.push({
        offset: 0,
        message: `more than ${MAX_TEMPLATES} templates; nobody finds one among so many`,
      });
    problems.push(...locate(path, text, all));
    if (template && all.length === 0) found.set(template.name, template);
  }
  return { templates: [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1)), problems };
}

class TemplateReader extends SharedReader {
  template(root: YamlNode): Template | undefined {
    const required = ['template', 'hazard', 'level', 'instruction'];
    const read = this.map(root, 'a template', KEYS, required);
    const name = this.name(read('template'), 'a template');
    const hazard = this.oneOf(read('hazard'), 'hazard', [...hazards.keys()]);
    const title = this.texts(read('title'), 'title') ?? hazards.get(hazard ?? '')?.event;
    const level = this.oneOf(read('level'), 'level', levelNames);
    const expiresMs = this.span(read('expires'), 'expires', MAX_HOLD_MS) ?? 6 * HOUR_MS;
    const instruction = this.texts(read('instruction'), 'instruction');
    const cap = this.cap(read('cap'));
    const publication = this.publication(read('publication'));
    if (!name || !hazard || !title || !level || !instruction) return undefined;
    const own = { name, title, hazard, level, expiresMs, instruction, cap };
    return publication === undefined ? own : { ...own, publication };
  }
}
