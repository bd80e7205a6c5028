import { dewPoint } from '../rules/derived/humidity.ts';
import type { Readings } from './step.ts';
import { bad, graver, suspect, type Verdict } from './verdict.ts';

/**
 * Internal consistency of one instant: dew point not above temperature, gust not below wind, temperature within its
 * extremes, and dew point, humidity and temperature that fit together (Magnus). Tells only what is not good. Which of two
 * is wrong the pair alone cannot say: both are suspect; grossly so, the one that is computed or counts for less is bad. Of
 * mean wind and gust the lower is suspect alone: the higher may be the warning, and a suspect reading does not count.
 * (WMO guidelines, Zahumenský 2004, "internal consistency"; MADIS level 2; what is suspect of wind is our own choice.)
 */
export function checkConsistency(now: Readings): ReadonlyMap<string, Verdict> {
  const found = new Map<string, Verdict>();
  const flag = (quantity: string, verdict: Verdict): void => {
    const known = found.get(quantity);
    found.set(quantity, known ? graver(known, verdict) : verdict);
  };
  humidity(now, flag);
  wind(now, flag);
  extremes(now, flag);
  return found;
}

type Tell = (quantity: string, verdict: Verdict) => void;

const CHECK = 'consistency';
/** Rounding to 0.1 °C of each, and two instruments. */
const TOLERANCE_C = 0.3;

function humidity(now: Readings, flag: Tell): void {
  const [t, td, rh] = ['airTemperature', 'dewPoint', 'relativeHumidity'].map((name) => now.get(name));
  if (t === undefined || td === undefined) return;
  const above = td - t;
  if (above > TOLERANCE_C) {
    flag('dewPoint', above > 2 ? bad(CHECK) : suspect(CHECK));
    flag('airTemperature', suspect(CHECK));
  }
  // Below -20 °C services differ in water and ice, and dry air magnifies a point of humidity.
  if (rh === undefined || rh < 10 || rh > 100 || t < -20) return;
  const apart = Math.abs(dewPoint(t, rh) - td);
  if (apart > 3) {
    flag('dewPoint', apart > 8 ? bad(CHECK) : suspect(CHECK));
    flag('relativeHumidity', suspect(CHECK));
    flag('airTemperature', suspect(CHECK));
  }
}

function wind(now: Readings, flag: Tell): void {
  const [speed, gust] = [now.get('windSpeed'), now.get('windGust')];
  if (speed === undefined || gust === undefined) return;
  if (gust + 0.3 < speed) {
    // A gust of zero in wind is an instrument that does not count.
    flag('windGust', gust === 0 && speed >= 3 ? bad(CHECK) : suspect(CHECK));
  } else if (gust >= 20 && speed === 0) flag('windSpeed', suspect(CHECK));
}

function extremes(now: Readings, flag: Tell): void {
  const [t, max, min] = ['airTemperature', 'airTemperatureMax', 'airTemperatureMin'].map((name) =>
    now.get(name),
  );
  if (t !== undefined && max !== undefined && t > max + 0.5) {
    flag('airTemperature', suspect(CHECK));
    flag('airTemperatureMax', suspect(CHECK));
  }
  if (t !== undefined && min !== undefined && t < min - 0.5) {
    flag('airTemperature', suspect(CHECK));
    flag('airTemperatureMin', suspect(CHECK));
  }
  if (max !== undefined && min !== undefined && max < min) {
    flag('airTemperatureMax', bad(CHECK));
    flag('airTemperatureMin', bad(CHECK));
  }
}
