import { DAY_MS, HOUR_MS } from '../../model/time.ts';

/** W/m² at the mean distance of the sun, as Liljegren et al. 2008 take it. */
const SOLAR_CONSTANT = 1367;
const RADIANS = Math.PI / 180;

/**
 * Cosine of the solar zenith angle (negative at night) at an instant, epoch ms, and a place, degrees (east and north
 * positive). Declination and equation of time by Spencer 1971 (Search 2, 172): within 0.3°, enough for heat balances.
 */
export function cosineOfZenith(at: number, latitude: number, longitude: number): number {
  const yearStart = Date.UTC(new Date(at).getUTCFullYear(), 0, 1);
  const days = (at - yearStart) / DAY_MS;
  const g = (2 * Math.PI * days) / 365.25;
  const declination =
    0.006918 -
    0.399912 * Math.cos(g) +
    0.070257 * Math.sin(g) -
    0.006758 * Math.cos(2 * g) +
    0.000907 * Math.sin(2 * g) -
    0.002697 * Math.cos(3 * g) +
    0.00148 * Math.sin(3 * g);
  const equation =
    (0.000075 +
      0.001868 * Math.cos(g) -
      0.032077 * Math.sin(g) -
      0.014615 * Math.cos(2 * g) -
      0.040849 * Math.sin(2 * g)) /
    (2 * Math.PI);
  const hourAngle = 2 * Math.PI * ((days % 1) + longitude / 360 + equation - 0.5);
  const phi = latitude * RADIANS;
  return Math.sin(phi) * Math.sin(declination) + Math.cos(phi) * Math.cos(declination) * Math.cos(hourAngle);
}

/**
 * Whether a place is known: a station that nobody described stands at 0°, 0°, where the sun of no station on land is. What
 * needs the sun or the local hour is then not derived, rather than derived for the Gulf of Guinea.
 */
export const isPlaceKnown = (latitude: number, longitude: number): boolean =>
  latitude !== 0 || longitude !== 0;

/** What the sun did over an interval of measurement. */
export interface SunOver {
  /** Mean cosine of the zenith angle while the sun was up; 0 when it never was. */
  readonly cosZenith: number;
  /** Share of the interval with the sun up, 0..1. */
  readonly upShare: number;
}

/** The sun over (to - span, to], by twelve samples. A span of none, or over two hours, counts as the instant `to`. */
export function sunOver(to: number, spanMs: number, latitude: number, longitude: number): SunOver {
  const samples = spanMs > 0 && spanMs <= 2 * HOUR_MS ? 12 : 1;
  let sum = 0;
  let up = 0;
  for (let i = 0; i < samples; i++) {
    const at = samples === 1 ? to : to - (spanMs * (i + 0.5)) / samples;
    const cosine = cosineOfZenith(at, latitude, longitude);
    if (cosine <= 0) continue;
    sum += cosine;
    up += 1;
  }
  return { cosZenith: up === 0 ? 0 : sum / up, upShare: up / samples };
}

/**
 * Share of the global radiation that comes from the sun's disc, 0..0.9: exp(3 - 1.34 s - 1.65 / s) with s the ratio of
 * `solar`, W/m², to what arrives outside the atmosphere, at most 0.85 (Liljegren et al. 2008, eq. 13). 0 when the sun
 * stands below 0.5° of height.
 */
export function directShare(solar: number, { cosZenith, upShare }: SunOver): number {
  if (cosZenith < 0.00873 || !(solar > 0)) return 0;
  const s = Math.min(0.85, solar / (SOLAR_CONSTANT * cosZenith * upShare));
  return Math.min(0.9, Math.max(0, Math.exp(3 - 1.34 * s - 1.65 / s)));
}
