import { parseInstant } from '../../../model/time.ts';
import { type CapVersion, type Item, type TextType, tables } from './tables.ts';
import { type Finding, quote } from './verdict.ts';
import type { Element } from './xml.ts';

/** More say nothing new. */
const MAX_FINDINGS = 10;
const CAP12_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/;
const LANGUAGE = /^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$/;

/**
 * Checks element names, order, number and simple types of a message as the schema of its version has them. For 1.2 the
 * OASIS XSD judges as well; here every complaint gets its clause. `Signature` may stand anywhere: a rule says where.
 */
export function checkStructure(alert: Element, version: CapVersion): readonly Finding[] {
  const findings: Finding[] = [];
  const report = (line: number, clause: string, reason: string): void => {
    if (findings.length < MAX_FINDINGS)
      findings.push({ verdict: 'reject-schema', clause, reason: `line ${line}: ${reason}` });
  };
  checkElement(alert, tables.alert, '3.2.1', { version, report });
  return findings;
}

interface Context {
  readonly version: CapVersion;
  readonly report: (line: number, clause: string, reason: string) => void;
}

function checkElement(parent: Element, all: readonly Item[], section: string, context: Context): void {
  const { version, report } = context;
  const items = all.filter((item) => item.versions === undefined || item.versions.includes(version));
  if (parent.text.trim() !== '')
    report(parent.line, section, `text ${quote(parent.text.trim())} in ${parent.name}`);
  checkAttributes(parent, section, context);
  const counts = new Map<string, number>();
  let reached = 0;
  for (const child of parent.children) {
    const signature = child.namespace !== parent.namespace && child.name === 'Signature';
    if (signature && section === '3.2.1') continue;
    const index = child.namespace === parent.namespace ? items.findIndex((x) => x.name === child.name) : -1;
    const item = items[index];
    if (item === undefined) {
      report(child.line, section, `${parent.name} has no element ${quote(child.name)}`);
      continue;
    }
    const seen = (counts.get(item.name) ?? 0) + 1;
    counts.set(item.name, seen);
    const clause = `${section} ${item.name}`;
    if (seen === 2 && item.many !== true) report(child.line, clause, `${item.name} stands more than once`);
    else if (index < reached)
      report(child.line, clause, `${item.name} must stand before ${items[reached]?.name}`);
    reached = Math.max(reached, index);
    checkValue(child, item, clause, context);
  }
  for (const item of items)
    if (item.required && !counts.has(item.name))
      report(parent.line, `${section} ${item.name}`, `${item.name} is missing`);
}

function checkAttributes(element: Element, clause: string, { report }: Context): void {
  const [name] = element.attributes.keys();
  if (name !== undefined) report(element.line, clause, `${element.name} has an attribute ${quote(name)}`);
}

const sections: Readonly<Record<string, string>> = { info: '3.2.2', resource: '3.2.3', area: '3.2.4' };

function checkValue(child: Element, item: Item, clause: string, context: Context): void {
  const { type } = item;
  if (typeof type === 'object' && 'items' in type) {
    // 1.0 wrote a pair as one text, name=value.
    if (context.version === '1.0' && type.items === tables.pair) return;
    checkElement(child, type.items, sections[child.name] ?? clause, context);
    return;
  }
  checkAttributes(child, clause, context);
  if (child.children.length > 0) context.report(child.line, clause, `markup inside ${child.name}`);
  else if (!fits(child.text, type, context.version))
    context.report(child.line, clause, `${quote(child.text)} ${wants(type)}`);
}

function fits(text: string, type: TextType, version: CapVersion): boolean {
  if (typeof type === 'object') return type.values.includes(text);
  const plain = text.trim();
  if (type === 'time') {
    if (version === '1.2' && !CAP12_TIME.test(plain)) return false;
    // xs:dateTime needs no zone; 24:00:00 is the end of a day.
    const whole = /([+-]\d\d:\d\d|Z)$/.test(plain) ? plain : `${plain}Z`;
    return parseInstant(whole.replace('T24:00:00', 'T00:00:00')) !== undefined && /^[^ ]*T/.test(plain);
  }
  // Without any text the schema's default stands.
  if (type === 'language') return text === '' || LANGUAGE.test(plain);
  if (type === 'integer') return /^[+-]?\d{1,30}$/.test(plain);
  if (type === 'decimal') return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain);
  return true;
}

function wants(type: TextType): string {
  if (typeof type === 'object') return `is not one of ${type.values.join(', ')}`;
  if (type === 'time') return 'is no CAP time YYYY-MM-DDThh:mm:ss+hh:mm (3.3.2)';
  return `is no ${type}`;
}
