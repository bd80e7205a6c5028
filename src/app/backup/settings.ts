import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readYaml } from '../../rules/yaml.ts';
import type { Config } from '../config/schema.ts';
import { findRuleFiles } from '../rule-files.ts';

const REMOVED = '"removed by backup"';
const secretKey = /secret|password|passwd|token|credential|apikey|^key$|^user(name)?$|^authorization$/i;

type Node = NonNullable<ReturnType<typeof readYaml>['root']>;

/** Copies configuration (without secrets), rules with their tests, stations and areas below `to`. */
export async function copySettings(config: Config, file: string | null, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  if (file !== null) await writeFile(join(to, 'atalaia.yaml'), withoutSecrets(await readFile(file, 'utf8')));
  for (const [index, path] of config.rules.entries()) {
    const folder = join(to, 'rules', String(index));
    await mkdir(folder, { recursive: true });
    for (const [place, rule] of [
      ...findRuleFiles([path], 'rules'),
      ...findRuleFiles([path], 'tests'),
      ...findRuleFiles([path], 'templates'),
    ].entries())
      await writeFile(join(folder, `${String(place).padStart(4, '0')}-${basename(rule.path)}`), rule.text);
  }
  for (const path of [config.stations.file, config.areas, config.borders])
    if (path !== undefined) await copyFile(path, join(to, basename(path)));
}

/** The YAML with every secret that stands in it taken out; references (`{ env: NAME }`) and comments stay. */
export function withoutSecrets(text: string): string {
  const { root } = readYaml(text);
  const cuts: { readonly at: number; readonly length: number }[] = [];
  const visit = (node: Node, key: string): void => {
    if (node.kind === 'list') for (const item of node.items) visit(item, key);
    else if (node.kind === 'map') for (const entry of node.entries) visit(entry.value, entry.key);
    else if (isSecret(key, node.value)) cuts.push({ at: node.offset, length: node.source.length });
  };
  if (root) visit(root, '');
  let clean = text;
  for (const { at, length } of cuts.sort((a, b) => b.at - a.at))
    clean = clean.slice(0, at) + REMOVED + clean.slice(at + length);
  return clean;
}

/** A word for a secret as key, or an address that carries one: user, query, or a path by which a hook knows its caller. */
function isSecret(key: string, value: string | number | boolean | null): boolean {
  if (typeof value === 'boolean' || value === null) return false;
  if (secretKey.test(key)) return true;
  const url = URL.parse(String(value));
  if (url === null || !url.hostname) return false;
  return (
    url.username !== '' ||
    url.password !== '' ||
    url.search !== '' ||
    (key === 'url' && url.pathname.length > 1)
  );
}
