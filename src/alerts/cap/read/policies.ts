import type { CapRule } from './cap-rule.ts';
import { crossesItself, readCircle, readRing } from './geometry.ts';
import type { ReadAlert, ReadArea, ReadInfo } from './message.ts';
import { quote } from './verdict.ts';

/** Layout of HTML: a text with it was written for a browser, and people would get the tags. */
const LAYOUT =
  /<\/?(?:b|i|u|p|br|em|strong|font|span|div|ul|ol|li|table|tr|td|h[1-6])(?:\s[^<>]{0,200})?\/?>/i;
/** Elements that would do something in a browser; shown as text they do nothing. Other angle brackets are text. */
const ACTIVE =
  /<\/?(?:a|body|embed|form|html|iframe|img|input|link|math|meta|object|script|style|svg|video)(?:\s[^<>]{0,200})?\/?>/i;
const ZERO_OFFSET = /\+00:00\s*$/;

const texts = (info: ReadInfo): readonly string[] =>
  [info.event, info.headline, info.description, info.instruction].filter((text) => text !== undefined);

const isBrazilian = ({ identifier, sender, info }: ReadAlert): boolean =>
  identifier.includes('2.49.0.0.76.') ||
  /\.br$/i.test(sender) ||
  info.some(({ area }) => area.some(({ geocode }) => geocode.some(({ valueName }) => valueName === 'IBGE')));

/** Pairs of edges compared in the polygons of a message; in what is left a crossing may stay unseen. Some 10 ms. */
const MAX_COMPARISONS = 500_000;

const rings = new WeakMap<ReadArea, readonly ReturnType<typeof readRing>[]>();

/** The polygons of an area, read once: several rules ask, and one can have 40,000 corners. */
export function ringsOf(area: ReadArea): readonly ReturnType<typeof readRing>[] {
  const known = rings.get(area);
  if (known !== undefined) return known;
  const read = area.polygon.map(readRing);
  rings.set(area, read);
  return read;
}

/** The nine codes in use whose last digit does not follow the rule of the others. */
const ODD_CODES: ReadonlySet<string> = new Set([
  ...['2201919', '2201988', '2202251', '2611533', '3117836'],
  ...['3152131', '4305871', '5203939', '5203962'],
]);

/** IBGE: digits weighted 1, 2, 1, 2, 1, 2, digit sums of the products; the last digit completes the sum to tens. */
export function isIbgeCode(code: string): boolean {
  if (!/^\d{7}$/.test(code)) return false;
  let sum = 0;
  for (let i = 0; i < 6; i++) {
    const product = Number(code[i]) * (1 + (i % 2));
    sum += product > 9 ? product - 9 : product;
  }
  return (10 - (sum % 10)) % 10 === Number(code[6]) || ODD_CODES.has(code);
}

const awareness: Readonly<Record<string, readonly string[]>> = {
  '1': ['Minor', 'Unknown'],
  '2': ['Moderate', 'Minor'],
  '3': ['Severe'],
  '4': ['Extreme'],
};

function awarenessOf({ parameter, severity }: ReadInfo): readonly string[] {
  const level = parameter.find(({ valueName }) => valueName === 'awareness_level')?.value ?? '';
  const fits = awareness[/^\s*(\d)\s*;/.exec(level)?.[1] ?? ''];
  return fits === undefined || fits.includes(severity)
    ? []
    : [`awareness_level ${quote(level)} with severity ${quote(severity)}`];
}

const setOf = (list: readonly string[]): string => [...new Set(list)].sort().join('\n');

/** The pairs of info blocks that differ from the first in what `of` gives. */
const differs = (of: (info: ReadInfo) => string, reason: string): CapRule['check'] => {
  return ({ info }) => (new Set(info.map(of)).size > 1 ? [reason] : []);
};

/** A reason when two blocks agree in `key` and differ in `value`. */
const clash = (
  key: (info: ReadInfo) => string,
  value: (info: ReadInfo) => string,
  reason: string,
): CapRule['check'] => {
  return ({ info }) => {
    const seen = new Map<string, string>();
    for (const one of info) {
      const [k, v] = [key(one), value(one)];
      if (k !== '' && (seen.get(k) ?? v) !== v) return [reason];
      seen.set(k, v);
    }
    return [];
  };
};

const primary = ({ language }: ReadInfo): string => (language.split('-')[0] as string).toLowerCase();

/** What profiles and good practice ask beyond the text of the standard. */
export const policies: readonly CapRule[] = [
  {
    // The standard does not forbid it; what takes polygons in does (Google, GEOS).
    clause: '3.2.4 polygon',
    verdict: 'reject-geometry',
    drill: 'accept-warn',
    check: ({ info }) => {
      const budget = { left: MAX_COMPARISONS };
      const all = info.flatMap(({ area }) => area.flatMap(ringsOf));
      const crossed = all.some((ring) => typeof ring !== 'string' && crossesItself(ring, budget));
      return crossed ? ['polygon crosses itself'] : [];
    },
  },
  {
    clause: 'Google/IPAWS category',
    verdict: 'reject-profile',
    check: differs(({ category }) => setOf(category), 'info blocks of one message differ in category'),
  },
  {
    clause: 'Google/IPAWS eventCode',
    verdict: 'reject-profile',
    check: differs(
      ({ eventCode }) => setOf(eventCode.map(({ valueName, value }) => `${valueName}=${value}`)),
      'info blocks of one message differ in eventCode',
    ),
  },
  {
    clause: 'Google language',
    verdict: 'reject-profile',
    check: clash(
      ({ headline = '', description = '' }) => `${headline}\n${description}`.trim(),
      primary,
      'the same text stands under two languages',
    ),
  },
  {
    clause: 'Google language',
    verdict: 'reject-profile',
    check: clash(
      ({ language, event, area }) =>
        [language, event, setOf(area.map(({ areaDesc }) => areaDesc))].join('\n'),
      ({ severity }) => severity,
      'two blocks of one language, event and area differ in severity',
    ),
  },
  {
    clause: 'Google info',
    verdict: 'reject-profile',
    check: ({ msgType, info }) =>
      info.length === 0 && (msgType === 'Alert' || msgType === 'Update') ? [`${msgType} without info`] : [],
  },
  {
    clause: 'Google text',
    verdict: 'reject-profile',
    check: ({ info }) =>
      info.some((one) => texts(one).some((text) => LAYOUT.test(text))) ? ['layout of HTML in text'] : [],
  },
  {
    clause: 'Google text',
    verdict: 'accept-warn',
    check: ({ info }) =>
      info.some((one) => texts(one).some((text) => ACTIVE.test(text)))
        ? ['HTML tags in text: show as text']
        : [],
  },
  {
    clause: 'MeteoAlarm awareness_level',
    verdict: 'reject-profile',
    check: ({ info }) => info.flatMap(awarenessOf),
  },
  {
    clause: 'Brazil expires',
    verdict: 'reject-profile',
    check: (alert) =>
      isBrazilian(alert) && alert.info.some(({ expires }) => expires === undefined)
        ? ['expires is missing']
        : [],
  },
  {
    clause: 'Brazil geocode',
    verdict: 'reject-profile',
    check: ({ info }) =>
      info.flatMap(({ area }) =>
        area.flatMap(({ geocode }) =>
          geocode
            .filter(({ valueName, value }) => valueName === 'IBGE' && !isIbgeCode(value.trim()))
            .map(({ value }) => `${quote(value)} is no IBGE code of a municipality`),
        ),
      ),
  },
  {
    clause: 'Brazil circle',
    verdict: 'accept-warn',
    check: (alert) =>
      isBrazilian(alert) &&
      alert.info.some(({ area }) => area.some(({ circle }) => circle.some((one) => readCircle(one) === 0)))
        ? ['radius 0: a point, where a size is wanted']
        : [],
  },
  {
    clause: '3.3.2 sent',
    verdict: 'accept-warn',
    check: (alert) => (isBrazilian(alert) && ZERO_OFFSET.test(alert.sent) ? ['UTC is written -00:00'] : []),
  },
];
