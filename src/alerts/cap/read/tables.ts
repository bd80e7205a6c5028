import { CAP_NAMESPACE } from '../serialize.ts';

export type CapVersion = '1.0' | '1.1' | '1.2';

/** Namespace of each version that is read. */
export const capVersions: ReadonlyMap<string, CapVersion> = new Map([
  [CAP_NAMESPACE, '1.2'],
  ['urn:oasis:names:tc:emergency:cap:1.1', '1.1'],
  ['http://www.incident.com/cap/1.0', '1.0'],
]);

export type TextType =
  | 'text'
  | 'time'
  | 'language'
  | 'integer'
  | 'decimal'
  | { readonly values: readonly string[] };

/** A child element: its place is its place in the list. */
export interface Item {
  readonly name: string;
  readonly type: TextType | { readonly items: readonly Item[] };
  readonly required?: boolean;
  readonly many?: boolean;
  /** The versions that have it; all when absent. */
  readonly versions?: readonly CapVersion[];
}

const one = (name: string, type: Item['type'] = 'text'): Item => ({ name, type });
const need = (name: string, type: Item['type'] = 'text'): Item => ({ name, type, required: true });
const many = (name: string, type: Item['type'] = 'text'): Item => ({ name, type, many: true });
const of = (words: string): TextType => ({ values: words.split(' ') });
const since = (item: Item, ...versions: CapVersion[]): Item => ({ ...item, versions });

const pair: readonly Item[] = [need('valueName'), need('value')];
const pairs = (name: string): Item => many(name, { items: pair });

const area: readonly Item[] = [
  need('areaDesc'),
  many('polygon'),
  many('circle'),
  pairs('geocode'),
  one('altitude', 'decimal'),
  one('ceiling', 'decimal'),
];

const resource: readonly Item[] = [
  need('resourceDesc'),
  since(need('mimeType'), '1.2'),
  since(one('mimeType'), '1.0', '1.1'),
  one('size', 'integer'),
  one('uri'),
  since(one('derefUri'), '1.1', '1.2'),
  one('digest'),
];

const categories = of('Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other');

const info: readonly Item[] = [
  one('language', 'language'),
  since({ ...many('category', categories), required: true }, '1.1', '1.2'),
  since(many('category', categories), '1.0'),
  need('event'),
  since(
    many('responseType', of('Shelter Evacuate Prepare Execute Avoid Monitor Assess AllClear None')),
    '1.2',
  ),
  since(many('responseType', of('Shelter Evacuate Prepare Execute Monitor Assess None')), '1.1'),
  need('urgency', of('Immediate Expected Future Past Unknown')),
  need('severity', of('Extreme Severe Moderate Minor Unknown')),
  since(need('certainty', of('Observed Likely Possible Unlikely Unknown')), '1.2'),
  // 1.0 had "Very Likely", which 1.1 still takes.
  since(
    need('certainty', { values: ['Observed', 'Very Likely', 'Likely', 'Possible', 'Unlikely', 'Unknown'] }),
    '1.0',
    '1.1',
  ),
  one('audience'),
  pairs('eventCode'),
  one('effective', 'time'),
  one('onset', 'time'),
  one('expires', 'time'),
  one('senderName'),
  one('headline'),
  one('description'),
  one('instruction'),
  one('web'),
  one('contact'),
  pairs('parameter'),
  many('resource', { items: resource }),
  many('area', { items: area }),
];

const alert: readonly Item[] = [
  need('identifier'),
  need('sender'),
  since(one('password'), '1.0'),
  need('sent', 'time'),
  need('status', of('Actual Exercise System Test Draft')),
  since(need('msgType', of('Alert Update Cancel Ack Error')), '1.0', '1.1', '1.2'),
  since(one('password'), '1.1'),
  one('source'),
  since(need('scope', of('Public Restricted Private')), '1.1', '1.2'),
  since(one('scope', of('Public Restricted Private')), '1.0'),
  one('restriction'),
  one('addresses'),
  many('code'),
  one('note'),
  one('references'),
  one('incidents'),
  many('info', { items: info }),
];

/** Child elements in the order of CAP-v1.2.xsd (OASIS 2010), with what 1.1 and 1.0 had otherwise. */
export const tables = { alert, info, resource, area, pair } as const;
