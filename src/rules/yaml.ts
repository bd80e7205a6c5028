import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument, type YAMLMap } from 'yaml';
import type { Flaw } from './problem.ts';

/** Largest rule or rule-test file, in bytes of UTF-8. */
export const MAX_FILE_BYTES = 256 * 1024;
const MAX_DEPTH = 32;

export interface YamlEntry {
  readonly key: string;
  readonly offset: number;
  readonly value: YamlNode;
}

/** A YAML document as plain nodes with their offset in the file; `source` is the scalar as written. */
export type YamlNode =
  | { readonly kind: 'map'; readonly offset: number; readonly entries: readonly YamlEntry[] }
  | { readonly kind: 'list'; readonly offset: number; readonly items: readonly YamlNode[] }
  | {
      readonly kind: 'scalar';
      readonly offset: number;
      readonly source: string;
      readonly value: string | number | boolean | null;
    };

/** Reads one YAML 1.2 document; anchors, aliases, tags and nesting deeper than 32 are refused. */
export function readYaml(text: string): { root?: YamlNode; flaws: Flaw[] } {
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
    return { flaws: [{ offset: 0, message: 'the file is larger than 256 KiB; split it' }] };
  }
  try {
    const tooDeep = depthFlaw(text);
    if (tooDeep !== undefined) return { flaws: [tooDeep] };
    const document = parseDocument(text, {
      prettyErrors: false,
      logLevel: 'silent',
      version: '1.2',
      uniqueKeys: false,
    });
    const flaws = [...document.errors, ...document.warnings].map((error) => ({
      offset: error.pos[0],
      message: `not valid YAML: ${error.message}`,
    }));
    if (flaws.length > 0) return { flaws };
    const reader = new Reader(text);
    const root = reader.node(document.contents, 0, 0);
    return reader.flaws.length > 0 ? { flaws: reader.flaws } : { root, flaws: [] };
  } catch (error) {
    // The library's recursion has no bound of its own.
    return {
      flaws: [{ offset: 0, message: `not readable as YAML: ${(error as Error).message.slice(0, 200)}` }],
    };
  }
}

/** Runs of opening brackets are refused before the library recurses into them. */
function depthFlaw(text: string): Flaw | undefined {
  const run = new RegExp(`(?:[[{]\\s*){${MAX_DEPTH + 1},}`).exec(text);
  return run === null ? undefined : { offset: run.index, message: `nested deeper than ${MAX_DEPTH}` };
}

class Reader {
  readonly text: string;
  readonly flaws: Flaw[] = [];

  constructor(text: string) {
    this.text = text;
  }

  node(node: unknown, depth: number, fallback: number): YamlNode {
    const range = (node as Node | null)?.range ?? [fallback, fallback, fallback];
    const offset = range[0];
    const empty: YamlNode = { kind: 'scalar', offset, source: '', value: null };
    if (depth > MAX_DEPTH) return this.refuse(empty, `nested deeper than ${MAX_DEPTH}`);
    if (isAlias(node)) return this.refuse(empty, 'aliases (*name) are not allowed; write the value out');
    if (isMap(node)) return { kind: 'map', offset, entries: this.entries(node, depth) };
    if (isSeq(node)) {
      return { kind: 'list', offset, items: node.items.map((item) => this.node(item, depth + 1, offset)) };
    }
    if (!isScalar(node)) return empty;
    const value = node.value as string | number | boolean | null;
    return { kind: 'scalar', offset, source: this.text.slice(offset, range[1]), value };
  }

  private entries(map: YAMLMap, depth: number): YamlEntry[] {
    // Here and not in the library, whose check is quadratic.
    const seen = new Set<string>();
    return map.items.map(({ key, value }) => {
      const name = this.node(key, depth + 1, map.range?.[0] ?? 0);
      if (name.kind !== 'scalar') this.refuse(name, 'a key must be a word');
      const text = name.kind === 'scalar' ? String(name.value ?? '') : '';
      if (seen.has(text)) this.refuse(name, `the key "${text.slice(0, 64)}" stands twice`);
      seen.add(text);
      return {
        key: text,
        offset: name.offset,
        value: this.node(value, depth + 1, name.offset + text.length),
      };
    });
  }

  private refuse(node: YamlNode, message: string): YamlNode {
    this.flaws.push({ offset: node.offset, message });
    return node;
  }
}

/**
 * The offset in the file of the character `at` of a text scalar, across quotes, indicators and folded lines;
 * the scalar's own offset where escapes make the two differ.
 */
export function scalarOffset(node: Extract<YamlNode, { kind: 'scalar' }>, at: number): number {
  const value = String(node.value);
  const first = value.trimStart()[0];
  if (first === undefined) return node.offset;
  const header = /^(?:["']|[|>][^\n]*\n)/.exec(node.source)?.[0].length ?? 0;
  let source = header;
  for (let i = 0; i < at && i < value.length; ) {
    const spaces = /^\s*/.exec(value.slice(i))?.[0].length ?? 0;
    if (i === 0 || spaces > 0) source += /^\s*/.exec(node.source.slice(source))?.[0].length ?? 0;
    i += spaces;
    if (i >= at) break;
    if (value[i] !== node.source[source]) return node.offset;
    i += 1;
    source += 1;
  }
  const gap = /^\s*/.exec(node.source.slice(source))?.[0].length ?? 0;
  return node.offset + source + (at === 0 || at < value.length ? gap : 0);
}
