import type { Station } from '../../model/station.ts';
import { circlePolygon, STATION_KM } from './area.ts';
import { type CapAlert, type CapArea, type CapInfo, type CapPair, capTime } from './message.ts';
import type { ProfileName } from './read/profiles.ts';

/** Google's requirement: headlines below 140 characters. */
const GOOGLE_HEADLINE = 139;
/** Below this {@link circlePolygon} makes no ring. */
const LEAST_KM = 0.2;
/** A zone of the United States that is at no time at UTC. */
const IPAWS_ZONE = 'America/New_York';

/**
 * SAME codes (47 CFR 11.31) of our hazards: the nearest there is. A drill is DMO, the code of practice warnings; what has
 * none is CEM, civil emergency message.
 */
const same: Readonly<Record<string, string>> = {
  '1.3.2.1.4': 'FFW',
  '1.3.2.1.5': 'HWW',
  '1.4.1.4.0': 'SPS',
  '1.3.3.2.2': 'SPS',
  '1.3.3.1.0': 'SPS',
  '2.4.2.0.0': 'FFW',
  '1.2.1.0.0': 'FLW',
  '1.4.1.3.1': 'FRW',
};

/** Types of MeteoAlarm for hazards that it does not know: the nearest danger, by COBRADE. */
const nearestAwareness: Readonly<Record<string, string>> = {
  // Low humidity is warned of because of fire.
  '1.4.1.4.0': '8; forest-fire',
  '2.4.2.0.0': '12; flooding',
  '1.1.3.2.1': '13; rain-flood',
};

/** The zone in which the times of a message are written: IPAWS takes none without an offset. */
export function profileZone(profile: ProfileName | undefined, at: number, timeZone: string): string {
  if (profile !== 'ipaws' || !capTime(at, timeZone).endsWith('00:00')) return timeZone;
  return IPAWS_ZONE;
}

/**
 * The message with what a kind of receiver asks for beside the standard (docs/cap.md, "Profiles"); the check is that of
 * `checkProfile`. Nothing that the message says of the danger changes.
 */
export function toProfile(message: CapAlert, profile: ProfileName, place: readonly Station[]): CapAlert {
  const withInfo = (change: (info: CapInfo) => CapInfo): CapAlert => ({
    ...message,
    info: message.info.map(change),
  });
  switch (profile) {
    case 'google':
      return withInfo((info) => ({
        ...info,
        ...(info.headline === undefined ? {} : { headline: cut(info.headline) }),
        area: info.area.map((area) => located(area, place)),
      }));
    case 'ipaws':
      return { ...withInfo((info) => withSame(info, message.status)), code: ['IPAWSv1.0'] };
    case 'meteoalarm':
      return withInfo(withAwareness);
    case 'inmet':
      return withInfo((info) => ({
        ...info,
        senderName: info.senderName?.trim() ? info.senderName : message.sender,
        area: info.area.map((area) => ringed(located(area, place))),
      }));
  }
}

const cut = (text: string): string =>
  text.length <= GOOGLE_HEADLINE
    ? text
    : `${text
        .slice(0, GOOGLE_HEADLINE - 1)
        .replace(/[\ud800-\udbff]$/, '')
        .trimEnd()}…`;

/** An area that says no place on the ground says the surroundings of its stations. */
function located(area: CapArea, stations: readonly Station[]): CapArea {
  if (area.polygon.length + area.circle.length > 0) return area;
  const circle = stations.map(
    ({ latitude, longitude }) => `${latitude.toFixed(4)},${longitude.toFixed(4)} ${STATION_KM}`,
  );
  return { ...area, circle };
}

/** With rings in place of circles, where there are none: people are found by polygons. */
function ringed(area: CapArea): CapArea {
  if (area.polygon.length > 0) return area;
  const polygon = area.circle.flatMap((circle) => {
    const [latitude = 0, longitude = 0, km = 0] = circle.split(/[, ]/).map(Number);
    return circlePolygon(latitude, longitude, Math.max(LEAST_KM, km)) ?? [];
  });
  return { ...area, polygon };
}

const codeOf = ({ eventCode }: CapInfo): string => eventCode[0]?.value ?? '';

const withSame = (info: CapInfo, status: CapAlert['status']): CapInfo => {
  const value = status === 'Actual' ? (same[codeOf(info)] ?? 'CEM') : 'DMO';
  const others = info.eventCode.filter(({ valueName }) => valueName !== 'SAME');
  return { ...info, eventCode: [...others, { valueName: 'SAME', value }] };
};

const withAwareness = (info: CapInfo): CapInfo => {
  const has = (name: string): boolean => info.parameter.some(({ valueName }) => valueName === name);
  const value = nearestAwareness[codeOf(info)];
  const missing: CapPair[] =
    value === undefined || has('awareness_type') ? [] : [{ valueName: 'awareness_type', value }];
  return { ...info, parameter: [...info.parameter, ...missing] };
};
