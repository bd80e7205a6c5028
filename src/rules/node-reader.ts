import type { Text } from '../model/language.ts';
import { languages } from '../model/language.ts';
import { parseSpan } from '../model/time.ts';
import type { Flaw } from './problem.ts';
import { unknownWord } from './words.ts';
import type { YamlEntry, YamlNode } from './yaml.ts';

export type MapReader = (key: string) => YamlNode | undefined;

/** Reads checked values out of YAML nodes and collects what is wrong, each with its offset. */
export class NodeReader {
  readonly flaws: Flaw[] = [];

  flaw(offset: number, message: string): undefined {
    this.flaws.push({ offset, message });
    return undefined;
  }

  /** The entries of a map, with unknown and missing keys reported. */
  map(node: YamlNode, what: string, known: readonly string[], required: readonly string[] = []): MapReader {
    if (node.kind !== 'map') {
      this.flaw(node.offset, `${what} must be a map with the keys ${known.join(', ')}`);
      return () => undefined;
    }
    for (const { key, offset } of node.entries) {
      if (!known.includes(key)) this.flaw(offset, unknownWord('key', key, known));
    }
    const byKey = new Map(node.entries.map((entry) => [entry.key, entry.value]));
    const misspelt = node.entries.some(({ key }) => !known.includes(key));
    for (const key of required) {
      if (!byKey.has(key) && !misspelt) this.flaw(node.offset, `${what} lacks the key "${key}"`);
    }
    return (key) => byKey.get(key);
  }

  entries(node: YamlNode | undefined, what: string): readonly YamlEntry[] {
    if (node === undefined) return [];
    if (node.kind === 'map') return node.entries;
    this.flaw(node.offset, `${what} must be a map`);
    return [];
  }

  items(node: YamlNode | undefined, what: string): readonly YamlNode[] {
    if (node === undefined) return [];
    if (node.kind === 'list') return node.items;
    this.flaw(node.offset, `${what} must be a list`);
    return [];
  }

  text(node: YamlNode | undefined, what: string, max = 4000): string | undefined {
    if (node === undefined) return undefined;
    if (node.kind !== 'scalar' || node.value === null || typeof node.value === 'boolean') {
      return this.flaw(node.offset, `${what} must be text`);
    }
    // Plain numbers as written: 0x5 is a series here, not a hexadecimal 5.
    const text = (typeof node.value === 'number' ? node.source : node.value).trim();
    if (text === '') return this.flaw(node.offset, `${what} is empty`);
    if (text.length > max) return this.flaw(node.offset, `${what} is longer than ${max} characters`);
    return text;
  }

  /** A text in every language. */
  texts(node: YamlNode | undefined, what: string): Text | undefined {
    if (node === undefined) return undefined;
    if (node.kind !== 'map') {
      return this.flaw(node.offset, `${what} must be given in each language: { pt-BR: "…", en: "…" }`);
    }
    const read = this.map(node, what, languages, languages);
    const [pt, en] = languages.map((language) => this.text(read(language), `${what} in ${language}`));
    return pt === undefined || en === undefined ? undefined : { 'pt-BR': pt, en };
  }

  oneOf<T extends string>(node: YamlNode | undefined, what: string, known: readonly T[]): T | undefined {
    const text = this.text(node, what);
    if (node === undefined || text === undefined) return undefined;
    if (known.includes(text as T)) return text as T;
    return this.flaw(node.offset, unknownWord(what, text, known));
  }

  span(node: YamlNode | undefined, what: string, maxMs: number): number | undefined {
    const text = this.text(node, what);
    if (node === undefined || text === undefined) return undefined;
    const ms = parseSpan(text);
    if (ms === undefined)
      return this.flaw(node.offset, `${what}: "${text}" is not a span; write 30m, 6h or 2d`);
    if (ms > maxMs)
      return this.flaw(node.offset, `${what}: ${text} is too long; at most ${maxMs / 86_400_000} days`);
    return ms;
  }
}
