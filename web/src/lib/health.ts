import type { Language } from '../../../src/model/language.ts';
import type { Dictionary } from '../i18n/dictionary.ts';
import { quantityLabel } from './alerts.ts';
import type { HealthState, StationItem } from './contract.ts';
import { dayTime, span } from './format.ts';

/** The worst first: what needs a person stands on top. */
export const healthOrder: readonly HealthState[] = [
  'never-heard',
  'silent',
  'late',
  'partial',
  'suspect',
  'good',
];

export const healthWord = (state: HealthState, t: Dictionary): string =>
  ({
    'never-heard': t.healthNever,
    silent: t.healthSilent,
    late: t.healthLate,
    partial: t.healthPartial,
    suspect: t.healthSuspect,
    good: t.healthGood,
  })[state];

/** Why a reading did not pass: the checks of docs/quality.md. */
export const checkText = (check: string, t: Dictionary): string =>
  new Map([
    ['range', t.checkRange],
    ['step', t.checkStep],
    ['persistence', t.checkPersistence],
    ['consistency', t.checkConsistency],
    ['unit', t.checkUnit],
    ['buddy', t.checkBuddy],
    ['faulty-zero', t.checkFaultyZero],
    ['high-influx', t.checkHighInflux],
  ]).get(check) ?? check;

/** Since when, or what is missing: the second half of the health line. */
export function healthText(
  { health, timeZone }: StationItem,
  now: number,
  t: Dictionary,
  language: Language,
): string {
  if (health.state === 'never-heard') return t.neverText;
  if (health.state === 'partial')
    return t.healthPartialText(
      health.missing.map((name) => quantityLabel(name, language).toLowerCase()).join(', '),
    );
  if (health.state === 'suspect') return suspectText(health, timeZone, t, language);
  return health.since
    ? t.sinceText(dayTime(health.since, language, timeZone), span(now - Date.parse(health.since)))
    : '';
}

/** What quality control and the neighbours say of each quantity, whatever rung the station stands on; empty: nothing. */
export const suspectText = (
  health: StationItem['health'],
  timeZone: string,
  t: Dictionary,
  language: Language,
): string =>
  (health.suspect ?? [])
    .map(({ quantity, flag, check, since, isCounted }) =>
      t.healthSuspectText(
        quantityLabel(quantity, language).toLowerCase(),
        checkText(check, t),
        dayTime(since, language, timeZone),
        isCounted ? t.countsAll : flag === 'suspect' ? t.countsSuspect : t.countsNever,
      ),
    )
    .join('; ');

/** What no neighbour can confirm; empty: all that is compared has neighbours. */
export const isolatedText = (
  { isolated }: StationItem['health'],
  t: Dictionary,
  language: Language,
): string =>
  isolated?.length
    ? t.isolatedText(isolated.map((name) => quantityLabel(name, language).toLowerCase()).join(', '))
    : '';

/** The instant of the newest reading of any quantity; null when nothing was heard. */
export function newestAt(station: StationItem): string | null {
  const times = Object.values(station.latest ?? {}).map((reading) => reading.observedAt);
  return times.toSorted().at(-1) ?? null;
}
