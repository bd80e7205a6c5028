import type { EvidenceItem, Level } from './contract.ts';

/** A comparison as the evidence writes it, taken apart for sentence and chart. */
export interface Comparison {
  readonly left: string;
  readonly operator: string;
  readonly right: string;
  /** The aggregate of one quantity over one time window, when `left` is that and nothing else. */
  readonly call: Call | null;
}
export interface Call {
  readonly aggregate: string;
  readonly quantity: string;
  readonly spanMs: number;
  readonly windowText: string;
}
export interface Threshold {
  readonly level: Level;
  readonly value: number;
}

const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

function parseCall(text: string): Call | null {
  const match = /^(\w+)\(\s*(\w+)\s*,\s*(?:[\d.]+\s*,\s*)?(\d+(?:\.\d+)?)\s*(s|m|min|h|d)\b[^)]*\)$/.exec(
    text.trim(),
  );
  if (!match) return null;
  const [, aggregate = '', quantity = '', amount = '', unit = ''] = match;
  return {
    aggregate,
    quantity,
    spanMs: Number(amount) * (unitMs[unit] ?? 0),
    windowText: `${amount} ${unit}`,
  };
}

/** Splits `sum(rainfall, 24h) > 100 mm`; null for what is no comparison (`silent(2h)`). */
export function parseComparison(text: string): Comparison | null {
  const match = /^(.*?)\s*(>=|<=|!=|>|<|=)\s*(.*)$/s.exec(text.trim());
  if (!match) return null;
  const [, left = '', operator = '', right = ''] = match;
  return { left, operator, right, call: parseCall(left) };
}

/** Is the comparison true with the value it names? Without a value: false. */
export function isTrue(evidence: EvidenceItem): boolean {
  const comparison = parseComparison(evidence.expression);
  if (!comparison || evidence.value === undefined) return false;
  const { value, threshold } = evidence;
  switch (comparison.operator) {
    case '>':
      return value > threshold;
    case '>=':
      return value >= threshold;
    case '<':
      return value < threshold;
    case '<=':
      return value <= threshold;
    case '!=':
      return value !== threshold;
    default:
      return value === threshold;
  }
}

/** The comparison that decided: of the true ones the one furthest past its threshold, else the nearest to it. */
export function deciding(evidence: readonly EvidenceItem[]): EvidenceItem | undefined {
  const reach = (item: EvidenceItem): number =>
    item.value === undefined || item.threshold === 0 ? -1 : item.value / item.threshold;
  const candidates = evidence.some(isTrue) ? evidence.filter(isTrue) : evidence;
  return candidates.toSorted((a, b) => reach(b) - reach(a))[0];
}

/** The thresholds of every level for the same left side, read from the levels' texts, ascending by level. */
export function thresholdsOf(
  left: string,
  levels: readonly { readonly level: Level; readonly text: string }[],
): Threshold[] {
  const plain = left.replace(/\s+/g, '');
  return levels.flatMap(({ level, text }) => {
    const terms = text
      .split(/\b(?:and|or)\b/)
      .map((term) => parseComparison(term.replace(/^[\s(]*(?=\w)|[\s]*$/g, '')));
    const term = terms.find((comparison) => comparison?.left.replace(/\s+/g, '') === plain);
    const value = Number.parseFloat(term?.right ?? '');
    return Number.isFinite(value) ? [{ level, value }] : [];
  });
}
