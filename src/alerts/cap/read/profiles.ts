import type { ReadAlert, ReadInfo } from './message.ts';
import { type Finding, quote } from './verdict.ts';

export const profileNames = ['google', 'ipaws', 'meteoalarm', 'inmet'] as const;
export type ProfileName = (typeof profileNames)[number];

interface ProfileRule {
  readonly element: string;
  /** A reason, where the message breaks the rule. */
  readonly check: (alert: ReadAlert) => string | undefined;
}

/** Each info block must fit. */
const each = (element: string, fits: (info: ReadInfo) => boolean, why: string): ProfileRule => ({
  element,
  check: ({ info }) => (info.every(fits) ? undefined : why),
});
const has = (element: 'expires' | 'description' | 'web' | 'senderName'): ProfileRule =>
  each(element, (info) => (info[element] ?? '').trim() !== '', `${element} is missing`);
const parameter = (info: ReadInfo, name: string): string =>
  info.parameter.find(({ valueName }) => valueName === name)?.value.trim() ?? '';

const hasInfo: ProfileRule = {
  element: 'info',
  check: ({ info }) => (info.length === 0 ? 'info is missing' : undefined),
};
const hasArea = each('area', ({ area }) => area.length > 0, 'area is missing');
const references: ProfileRule = {
  element: 'references',
  check: ({ msgType, references: list }) =>
    (msgType === 'Update' || msgType === 'Cancel') && (list?.length ?? 0) === 0
      ? `${msgType} without references`
      : undefined,
};

/** What a profile asks of a sender beside the standard and the rules that `policies` holds every message to. */
const profiles: Readonly<Record<ProfileName, readonly ProfileRule[]>> = {
  // GoogleProfile of google/cap-library.
  google: [
    hasInfo,
    ...(['description', 'web', 'expires'] as const).map(has),
    hasArea,
    references,
    each(
      'area',
      ({ area }) => area.every((one) => one.polygon.length + one.circle.length + one.geocode.length > 0),
      'an area has neither polygon, circle nor geocode',
    ),
  ],
  // Ipaws1Profile of google/cap-library.
  ipaws: [
    hasInfo,
    has('expires'),
    hasArea,
    references,
    each(
      'eventCode',
      ({ eventCode }) => {
        const same = eventCode.filter(({ valueName }) => valueName === 'SAME');
        return same.length === 1 && /^[A-Z0-9]{3}$/.test(same[0]?.value.trim() ?? '');
      },
      'not exactly one eventCode SAME of three letters',
    ),
    {
      element: 'sent',
      check: ({ sent }) => (/[+-]00:00\s*$/.test(sent) ? `${quote(sent)} has no local offset` : undefined),
    },
  ],
  meteoalarm: [
    hasInfo,
    hasArea,
    each(
      'awareness_level',
      (info) => /^[1-4]\s*;/.test(parameter(info, 'awareness_level')),
      'awareness_level is missing, or does not begin with 1 to 4',
    ),
    each(
      'awareness_type',
      (info) => /^\d{1,2}\s*;/.test(parameter(info, 'awareness_type')),
      'awareness_type is missing, or does not begin with its number',
    ),
  ],
  // Practice of the warnings that the INMET publishes, and of what the IDAP takes.
  inmet: [
    hasInfo,
    has('expires'),
    has('senderName'),
    hasArea,
    {
      element: 'language',
      check: ({ info }) =>
        info.some(({ language }) => language.toLowerCase() === 'pt-br') ? undefined : 'no info in pt-BR',
    },
    each(
      'polygon',
      ({ area }) => area.some((one) => one.polygon.length > 0),
      'no polygon: the channels of the IDAP find people by it',
    ),
  ],
};

/** What a message of another kind of receiver must have, as findings of `reject-profile`. */
export const checkProfile = (alert: ReadAlert, name: ProfileName): readonly Finding[] =>
  profiles[name].flatMap(({ element, check }) => {
    const reason = check(alert);
    return reason === undefined
      ? []
      : [{ verdict: 'reject-profile' as const, clause: `${name} ${element}`, reason }];
  });
