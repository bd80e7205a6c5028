import { readFileSync } from 'node:fs';
import { AtalaiaError } from '../../lib/errors.ts';
import { readYaml } from '../../rules/yaml.ts';

/** A flaw of the configuration; `message` names the place and the remedy. */
export const problem = (message: string): AtalaiaError => new AtalaiaError('ATL_CONFIG', message);

/** The keys of a configuration file as they are written. Throws ATL_CONFIG with file and line. */
export function readYamlObject(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AtalaiaError('ATL_CONFIG', `${file} cannot be read. Give an existing file with --config.`, {
      cause,
    });
  }
  const { root, flaws } = readYaml(text);
  if (flaws[0]) {
    const line = text.slice(0, flaws[0].offset).split('\n').length;
    throw problem(`${file}:${line}: ${flaws[0].message}`);
  }
  const value = root ? plain(root) : {};
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw problem(`${file}: a mapping of keys is expected`);
  return value as Record<string, unknown>;
}

type Node = NonNullable<ReturnType<typeof readYaml>['root']>;

/** A value of YAML without its places. */
export function plain(node: Node): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plain);
  return Object.fromEntries(node.entries.map((entry) => [entry.key, plain(entry.value)]));
}
