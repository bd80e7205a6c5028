import { parseInstant } from '../../../model/time.ts';
import type { CapRule } from './cap-rule.ts';
import { readCircle } from './geometry.ts';
import type { ReadAlert, ReadArea, ReadInfo } from './message.ts';
import { policies, ringsOf } from './policies.ts';
import { type Finding, oneLine, quote } from './verdict.ts';

/** Reasons of one rule that are told. */
const MAX_REASONS = 5;
const MAX_REFERENCES = 1000;
const WORD = /^[^\s,<&]+$/;
const MAX_HEADLINE = 160;

const isBlank = (text: string | undefined): boolean => text === undefined || text.trim() === '';
const when = (broken: boolean, reason: string): string[] => (broken ? [reason] : []);
const eachInfo = (check: (info: ReadInfo, alert: ReadAlert) => readonly string[]): CapRule['check'] => {
  return (alert) => alert.info.flatMap((info) => check(info, alert));
};
const eachArea = (check: (area: ReadArea) => readonly string[]): CapRule['check'] =>
  eachInfo((info) => info.area.flatMap(check));

const word = (name: 'identifier' | 'sender'): CapRule => ({
  clause: `3.2.1 ${name}`,
  verdict: 'reject-rule',
  check: (alert) =>
    when(!WORD.test(alert[name]), `${quote(alert[name])} is empty or has a space, a comma, "<" or "&"`),
});

function references({ references: text, identifier, sender, sent }: ReadAlert): readonly string[] {
  const list = (text ?? '').split(/\s+/, MAX_REFERENCES + 1).filter((one) => one !== '');
  if (list.length > MAX_REFERENCES) return [`more than ${MAX_REFERENCES} references`];
  const sentAt = parseInstant(sent.trim());
  return list.flatMap((one) => {
    const [by, id, time, ...more] = one.split(',');
    if (!by || !id || !time || more.length > 0) return [`${quote(one)} is not sender,identifier,sent`];
    if (by === sender && id === identifier && time === sent) return ['the message refers to itself'];
    const at = parseInstant(time);
    if (at === undefined) return [`${quote(time)} is no time`];
    return when(sentAt !== undefined && at > sentAt, `${quote(id)} was sent later than this message`);
  });
}

function expiry(info: ReadInfo, { sent }: ReadAlert): readonly string[] {
  const at = (text: string | undefined): number | undefined => parseInstant((text ?? '').trim());
  const expires = at(info.expires);
  if (expires === undefined) return [];
  const before = (name: string, time: number | undefined): string[] =>
    when(
      time !== undefined && expires < time,
      `expires ${oneLine(info.expires ?? '')} is earlier than ${name}`,
    );
  return [
    ...before('sent', at(sent)),
    ...before('effective', at(info.effective)),
    ...before('onset', at(info.onset)),
  ];
}

function altitudes({ altitude, ceiling }: ReadArea): readonly string[] {
  if (ceiling === undefined) return [];
  if (isBlank(altitude)) return ['ceiling without altitude'];
  return when(Number(ceiling) < Number(altitude), 'ceiling is lower than altitude');
}

const wrong = (read: unknown): string[] => (typeof read === 'string' ? [read] : []);

/** A full URI with a scheme (RFC 3986, 3). */
const isAbsolute = (uri: string): boolean => /^[A-Za-z][A-Za-z0-9+.-]*:\S+$/.test(uri.trim());

/** Every rule of the standard, by clause; those of profiles stand in policies.ts. */
const standard: readonly CapRule[] = [
  word('identifier'),
  word('sender'),
  {
    clause: '3.2.1 msgType',
    verdict: 'reject-rule',
    check: ({ msgType, references: text }) =>
      when(
        isBlank(text) && msgType !== 'Alert' && msgType !== '',
        `${quote(msgType)} without references to the messages that it is about`,
      ),
  },
  { clause: '3.2.1 references', verdict: 'reject-rule', check: references },
  {
    clause: '3.2.1 restriction',
    verdict: 'reject-rule',
    check: ({ scope, restriction }) => [
      ...when(scope === 'Restricted' && isBlank(restriction), 'scope Restricted without restriction'),
      ...when(scope === 'Public' && !isBlank(restriction), 'restriction of a Public message'),
    ],
  },
  {
    clause: '3.2.1 addresses',
    verdict: 'reject-rule',
    check: ({ scope, addresses }) =>
      when(scope === 'Private' && isBlank(addresses), 'scope Private without addresses'),
  },
  {
    clause: '3.2.1 scope',
    verdict: 'accept-warn',
    check: ({ scope }) => when(scope === 'Private', 'Private: must not be published'),
  },
  {
    clause: '3.2.1 status',
    verdict: 'accept-warn',
    check: ({ status }) => when(status === 'Draft', 'Draft: not for action'),
  },
  {
    clause: '3.2.1 note',
    verdict: 'accept-warn',
    check: ({ msgType, note }) =>
      when(msgType === 'Error' && isBlank(note), 'Error without its reason in note'),
  },
  {
    clause: '3.2.2 event',
    verdict: 'reject-rule',
    check: eachInfo(({ event }) => when(isBlank(event), 'event is empty')),
  },
  // Drills are often sent with dates of another year.
  { clause: '3.2.2 expires', verdict: 'reject-rule', drill: 'accept-warn', check: eachInfo(expiry) },
  {
    clause: '3.2.2 expires',
    verdict: 'accept-warn',
    check: eachInfo(({ expires }) =>
      when(isBlank(expires), 'no expires: the recipient must set a life of its own'),
    ),
  },
  {
    clause: '3.2.2 headline',
    verdict: 'accept-warn',
    check: eachInfo(({ headline = '' }) => {
      const length = [...headline.trim()].length;
      return when(length > MAX_HEADLINE, `headline of ${length} characters, more than ${MAX_HEADLINE}`);
    }),
  },
  {
    clause: '3.2.2 description',
    verdict: 'accept-warn',
    check: eachInfo(({ description, headline, instruction }) =>
      when(isBlank(description) && isBlank(instruction) && !isBlank(headline), 'no description'),
    ),
  },
  {
    clause: '3.2.2 web',
    verdict: 'reject-rule',
    check: eachInfo(({ web }) =>
      when(!isBlank(web) && !isAbsolute(web ?? ''), `${quote(web ?? '')} is no full URI`),
    ),
  },
  {
    clause: '3.2.2 parameter',
    verdict: 'accept-warn',
    check: eachInfo(({ parameter, eventCode }) =>
      when(
        [...parameter, ...eventCode].some(({ valueName }) => isBlank(valueName)),
        'empty valueName',
      ),
    ),
  },
  {
    clause: '3.2.3 mimeType',
    verdict: 'reject-rule',
    check: eachInfo(({ resource }) =>
      when(
        resource.some((one) => isBlank(one.mimeType)),
        'mimeType is empty',
      ),
    ),
  },
  {
    clause: '3.2.3 resourceDesc',
    verdict: 'reject-rule',
    check: eachInfo(({ resource }) =>
      when(
        resource.some((one) => isBlank(one.resourceDesc)),
        'resourceDesc is empty',
      ),
    ),
  },
  {
    clause: '3.2.3 uri',
    verdict: 'accept-warn',
    check: eachInfo(({ resource }) =>
      resource.flatMap(({ uri = '', derefUri }) =>
        when(
          !isBlank(uri) && !isAbsolute(uri) && isBlank(derefUri),
          `${quote(uri)} is relative, without derefUri`,
        ),
      ),
    ),
  },
  {
    clause: '3.2.4 areaDesc',
    verdict: 'reject-rule',
    check: eachArea(({ areaDesc }) => when(isBlank(areaDesc), 'areaDesc is empty')),
  },
  {
    clause: '3.2.4 polygon',
    verdict: 'reject-rule',
    check: eachArea((area) => ringsOf(area).flatMap(wrong)),
  },
  {
    clause: '3.2.4 circle',
    verdict: 'reject-rule',
    check: eachArea(({ circle }) => circle.flatMap((one) => wrong(readCircle(one)))),
  },
  { clause: '3.2.4 ceiling', verdict: 'reject-rule', check: eachArea(altitudes) },
  {
    clause: '3.2.4 area',
    verdict: 'accept-warn',
    check: eachArea(({ polygon, circle, geocode }) =>
      when(polygon.length + circle.length + geocode.length === 0, 'no polygon, circle or geocode'),
    ),
  },
  {
    clause: '3.3.4 Signature',
    verdict: 'reject-rule',
    check: ({ signatureBeforeEnd }) =>
      when(signatureBeforeEnd, 'Signature must be the last element of alert'),
  },
];

/** The one table of rules: the standard's and those of profiles. */
export const capRules: readonly CapRule[] = [...standard, ...policies];

/** Checks a message against the table. */
export function checkRules(alert: ReadAlert): readonly Finding[] {
  const drill = alert.status !== 'Actual';
  return capRules.flatMap((rule) =>
    rule
      .check(alert)
      .slice(0, MAX_REASONS)
      .map((reason) => ({
        verdict: drill ? (rule.drill ?? rule.verdict) : rule.verdict,
        clause: rule.clause,
        reason,
      })),
  );
}
