import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AtalaiaError } from '../lib/errors.ts';

const MAX_FILES = 10_000;

/** Rule files (`*.yaml`), their tests (`*.test.yaml`), or templates of alerts (`*.template.yaml`) under the given folders and files, sorted by path. */
export function findRuleFiles(
  paths: readonly string[],
  kind: 'rules' | 'tests' | 'templates',
): { path: string; text: string }[] {
  const found = new Set<string>();
  for (const path of paths) {
    let names: string[];
    try {
      names = statSync(path).isDirectory()
        ? readdirSync(path, { recursive: true }).map((name) => join(path, String(name)))
        : [path];
    } catch (cause) {
      throw new AtalaiaError(
        'ATL_INPUT',
        `${path} cannot be read. Give a folder of rule files or one rule file.`,
        { cause },
      );
    }
    for (const name of names) {
      const [, own] = /(?:\.(test|template))?\.ya?ml$/.exec(name) ?? [];
      const is = own === 'test' ? 'tests' : own === 'template' ? 'templates' : 'rules';
      if (/\.ya?ml$/.test(name) && is === kind) found.add(name);
    }
    if (found.size > MAX_FILES)
      throw new AtalaiaError('ATL_INPUT', `${path} holds more than ${MAX_FILES} rule files.`);
  }
  return [...found].sort().map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}
