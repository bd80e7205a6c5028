import { readYaml } from '../../rules/yaml.ts';
import { keysAt } from './schema.ts';
import { plain, problem } from './yaml.ts';

/** Variables of the program itself; they are no keys of the file. */
const ownVariables: ReadonlySet<string> = new Set([
  'ATALAIA_LOG_LEVEL',
  'ATALAIA_LANG',
  'ATALAIA_PORT',
  'ATALAIA_EXERCISE_SECONDS',
  'ATALAIA_KEY',
]);

/** `ATALAIA_PIPELINE_MODE=micro-batch` sets pipeline.mode, `ATALAIA_PIPELINE_WORKERS_MIN` pipeline.workers.min; whole numbers are read as such, `{…}` and `[…]` as YAML. */
export function overlay(
  raw: Record<string, unknown>,
  env: Readonly<Record<string, string | undefined>>,
): void {
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('ATALAIA_') || ownVariables.has(name) || text === undefined) continue;
    const path = placeOf(name.slice(8).toLowerCase().split('_'), []);
    const last = path.pop();
    if (last === undefined) continue;
    let inner = raw;
    for (const key of path) {
      inner[key] = { ...((inner[key] ?? {}) as Record<string, unknown>) };
      inner = inner[key] as Record<string, unknown>;
    }
    inner[last] = variableValue(name, text);
  }
}

function variableValue(name: string, text: string): unknown {
  if (/^-?\d+$/.test(text)) return Number(text);
  if (!/^\s*[{[]/.test(text)) return text;
  const { root, flaws } = readYaml(text);
  if (flaws[0] || !root) throw problem(`environment: ${name}: ${flaws[0]?.message ?? 'a value is expected'}`);
  return plain(root);
}

/** The keys that the words of a variable name, `stationKeys` also as one; a word unknown inside a known key stays for the schema to refuse. */
function placeOf(words: readonly string[], path: readonly string[]): string[] {
  const known = keysAt(path);
  for (let n = 1; n <= words.length; n++) {
    const key = known.find((candidate) => candidate.toLowerCase() === words.slice(0, n).join(''));
    if (key) return placeOf(words.slice(n), [...path, key]);
  }
  return path.length === 0 || words.length === 0 ? [...path] : [...path, words.join('')];
}
