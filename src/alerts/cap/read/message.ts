import type { CapAlert, CapArea, CapInfo, CapPair } from '../message.ts';
import { type CapVersion, capVersions } from './tables.ts';
import type { Element } from './xml.ts';

export interface ReadResource {
  readonly resourceDesc: string;
  readonly mimeType?: string;
  readonly size?: string;
  readonly uri?: string;
  readonly derefUri?: string;
  readonly digest?: string;
}

export interface ReadArea extends CapArea {
  readonly altitude?: string;
  readonly ceiling?: string;
}

export interface ReadInfo extends Omit<CapInfo, 'severity' | 'area'> {
  readonly severity: string;
  readonly audience?: string;
  readonly contact?: string;
  readonly resource: readonly ReadResource[];
  readonly area: readonly ReadArea[];
}

/** Any CAP message, of us or of others: our model, with every element of the standard and texts as they stand. */
export interface ReadAlert extends Omit<CapAlert, 'status' | 'msgType' | 'scope' | 'info'> {
  readonly version: CapVersion;
  readonly status: string;
  readonly msgType: string;
  readonly scope: string;
  readonly source?: string;
  readonly restriction?: string;
  readonly addresses?: string;
  readonly code: readonly string[];
  readonly info: readonly ReadInfo[];
  /** A Signature has an element of CAP after it. */
  readonly signatureBeforeEnd: boolean;
}

/**
 * Reads a message tolerantly: elements in any order, missing ones as empty texts, `reference` for `references`, the pairs
 * of 1.0 (`name=value`) and its "Very Likely". Texts keep their white space. Undefined when `root` is no alert.
 */
export function readAlert(root: Element): ReadAlert | undefined {
  const version = capVersions.get(root.namespace);
  if (version === undefined || root.name !== 'alert') return undefined;
  const at = fields(root);
  const last = root.children.findLastIndex(({ namespace }) => namespace === root.namespace);
  return {
    version,
    identifier: at.text('identifier'),
    sender: at.text('sender'),
    sent: at.text('sent'),
    status: at.text('status'),
    msgType: at.text('msgType'),
    scope: at.text('scope'),
    ...at.optional('source', 'restriction', 'addresses', 'note', 'incidents'),
    ...(at.has('references') || !at.has('reference')
      ? at.optional('references')
      : { references: at.text('reference') }),
    code: at.texts('code'),
    info: at.all('info').map(readInfo),
    signatureBeforeEnd: root.children.some(
      ({ name, namespace }, i) => name === 'Signature' && namespace !== root.namespace && i < last,
    ),
  };
}

function readInfo(element: Element): ReadInfo {
  const at = fields(element);
  const certainty = at.text('certainty');
  return {
    // The default of the schema.
    language: at.text('language').trim() || 'en-US',
    category: at.texts('category'),
    event: at.text('event'),
    responseType: at.texts('responseType'),
    urgency: at.text('urgency'),
    severity: at.text('severity'),
    certainty: certainty === 'Very Likely' ? 'Likely' : certainty,
    ...at.optional('audience'),
    eventCode: at.all('eventCode').map(readPair),
    ...at.optional('effective', 'onset', 'expires', 'senderName'),
    ...at.optional('headline', 'description', 'instruction', 'web', 'contact'),
    parameter: at.all('parameter').map(readPair),
    resource: at.all('resource').map((resource) => {
      const of = fields(resource);
      return {
        resourceDesc: of.text('resourceDesc'),
        ...of.optional('mimeType', 'size', 'uri', 'derefUri', 'digest'),
      };
    }),
    area: at.all('area').map(readArea),
  };
}

function readArea(element: Element): ReadArea {
  const at = fields(element);
  return {
    areaDesc: at.text('areaDesc'),
    polygon: at.texts('polygon'),
    circle: at.texts('circle'),
    geocode: at.all('geocode').map(readPair),
    ...at.optional('altitude', 'ceiling'),
  };
}

function readPair(element: Element): CapPair {
  if (element.children.length > 0) {
    const at = fields(element);
    return { valueName: at.text('valueName'), value: at.text('value') };
  }
  const cut = element.text.indexOf('=');
  return cut < 0
    ? { valueName: '', value: element.text }
    : { valueName: element.text.slice(0, cut), value: element.text.slice(cut + 1) };
}

/** The children of an element by name; of those that stand once the first holds. */
function fields(element: Element) {
  const byName = new Map<string, Element[]>();
  for (const child of element.children) {
    if (child.namespace !== element.namespace) continue;
    const list = byName.get(child.name);
    if (list === undefined) byName.set(child.name, [child]);
    else list.push(child);
  }
  const all = (name: string): readonly Element[] => byName.get(name) ?? [];
  const text = (name: string): string => byName.get(name)?.[0]?.text ?? '';
  return {
    all,
    text,
    has: (name: string): boolean => byName.has(name),
    texts: (name: string): readonly string[] => all(name).map((child) => child.text),
    optional: <Name extends string>(...names: readonly Name[]): { readonly [N in Name]?: string } =>
      Object.fromEntries(names.filter((name) => byName.has(name)).map((name) => [name, text(name)])) as {
        readonly [N in Name]?: string;
      },
  };
}

/** The message in the model that we emit; undefined when it has what that model does not (scope, status or type). */
export function emittedForm(read: ReadAlert): CapAlert | undefined {
  const { status, msgType, scope } = read;
  if (status !== 'Actual' && status !== 'Exercise' && status !== 'Test') return undefined;
  if (msgType !== 'Alert' && msgType !== 'Update' && msgType !== 'Cancel') return undefined;
  if (scope !== 'Public' || read.info.some(({ severity }) => !severities.has(severity))) return undefined;
  const { identifier, sender, sent, code, note, references, incidents } = read;
  return {
    identifier,
    sender,
    sent,
    status,
    msgType,
    scope,
    ...(code.length === 0 ? {} : { code }),
    ...(note === undefined ? {} : { note }),
    ...(references === undefined ? {} : { references }),
    ...(incidents === undefined ? {} : { incidents }),
    info: read.info.map(({ audience: _a, contact: _c, resource: _r, severity, area, ...rest }) => ({
      ...rest,
      severity: severity as CapInfo['severity'],
      area: area.map(({ altitude: _l, ceiling: _u, ...kept }) => kept),
    })),
  };
}

const severities: ReadonlySet<string> = new Set(['Extreme', 'Severe', 'Moderate', 'Minor', 'Unknown']);
