import { parseSpan } from '../model/time.ts';
import { layoutOf } from './layout.ts';

/** A place where lines of one layout differ, with the fixed bytes before it. */
export type Slot =
  | { readonly kind: 'station'; readonly before: Uint8Array }
  | { readonly kind: 'time'; readonly before: Uint8Array }
  | {
      readonly kind: 'number';
      readonly before: Uint8Array;
      readonly quantity: string;
      readonly unit: string | undefined;
      readonly place: number;
    };

export interface Template {
  readonly slots: readonly Slot[];
  /** The fixed bytes after the last slot. */
  readonly after: Uint8Array;
  readonly quantities: readonly string[];
  /** As fixed in the layout; undefined when its lines give none. */
  readonly intervalMs: number | undefined;
}

interface Found {
  kind: Slot['kind'];
  from: number;
  to: number;
  quantity: string;
}

const TOKEN = /"[^"]*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[{}:,]/g;

/** Learns the layout of a line that the strict path has accepted; undefined for unusual ones, which stay with it. */
export function learnTemplate(bytes: Buffer): Template | undefined {
  const text = bytes.toString('latin1');
  // Escapes, arrays, literals and anything beyond ASCII stay with the strict path.
  if (text.length > 8192 || !/^[\t -Z^-~\r]*$/.test(text)) return undefined;
  const found: Found[] = [];
  const units = new Map<string, string>();
  const path: string[] = [];
  let key: string | undefined;
  let interval: string | undefined;
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0];
    const from = match.index;
    if (token === '{') {
      path.push(key ?? '');
      key = undefined;
    } else if (token === '}') {
      path.pop();
      key = undefined;
    } else if (token === ',') key = undefined;
    else if (token !== ':' && key === undefined) key = token.slice(1, -1);
    else if (token !== ':') {
      const where = [...path.slice(1), key].join(' ');
      const inValues = path[1] === 'values';
      const quantity = path[2] ?? (key as string);
      if (where === 'station')
        found.push({ kind: 'station', from: from + 1, to: from + token.length - 1, quantity });
      else if (where === 'observedAt')
        found.push({ kind: 'time', from: from + 1, to: from + token.length - 1, quantity });
      else if (where === 'interval') interval = token.slice(1, -1);
      else if (inValues && path.length === 3 && key === 'unit') units.set(quantity, token.slice(1, -1));
      else if (inValues && (path.length === 2 || (path.length === 3 && key === 'value')))
        found.push({ kind: 'number', from, to: from + token.length, quantity });
    }
  }
  return build(bytes, found, units, interval);
}

function build(
  bytes: Buffer,
  found: readonly Found[],
  units: ReadonlyMap<string, string>,
  interval: string | undefined,
): Template | undefined {
  const intervalMs = interval === undefined ? undefined : parseSpan(interval);
  if (interval !== undefined && intervalMs === undefined) return undefined;
  const names = found.filter((slot) => slot.kind === 'number').map((slot) => slot.quantity);
  if (found.length - names.length !== 2 || names.length === 0 || new Set(names).size !== names.length)
    return undefined;
  const quantities = layoutOf(names);
  let at = 0;
  const slots = found.map(({ kind, from, to, quantity }): Slot => {
    const before = Uint8Array.from(bytes.subarray(at, from));
    at = to;
    if (kind !== 'number') return { kind, before };
    return { kind, before, quantity, unit: units.get(quantity), place: quantities.indexOf(quantity) };
  });
  return { slots, after: Uint8Array.from(bytes.subarray(at)), quantities, intervalMs };
}
