import type { Language } from '../../../src/model/language.ts';
import type { Dictionary } from '../i18n/index.ts';
import { quantityLabel } from './alerts.ts';
import type { HealthState, StationItem } from './contract.ts';
import { dayTime, span } from './format.ts';

/** The worst first: what needs a person stands on top. */
export const healthOrder: readonly HealthState[] = ['never-heard', 'silent', 'late', 'partial', 'good'];

export const healthWord = (state: HealthState, t: Dictionary): string =>
  ({
    'never-heard': t.healthNever,
    silent: t.healthSilent,
    late: t.healthLate,
    partial: t.healthPartial,
    good: t.healthGood,
  })[state];

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
  return health.since
    ? t.sinceText(dayTime(health.since, language, timeZone), span(now - Date.parse(health.since)))
    : '';
}

/** The instant of the newest reading of any quantity; null when nothing was heard. */
export function newestAt(station: StationItem): string | null {
  const times = Object.values(station.latest ?? {}).map((reading) => reading.observedAt);
  return times.toSorted().at(-1) ?? null;
}
