import { HOUR_MS } from '../model/time.ts';
import { bad, GOOD, suspect, type Verdict } from './verdict.ts';

/** Readings of a quantity that did not change, up to the one that is judged. */
export interface Run {
  readonly quantity: string;
  readonly value: number;
  /** From the first of them to the last, ms. */
  readonly spanMs: number;
  /** How many they are. */
  readonly count: number;
}

/** What else was measured during the run. */
export interface Surroundings {
  /** The vane never turned, or there is none that could tell; undefined: no direction was measured. */
  readonly isVaneStill?: boolean;
  /** Another anemometer, the station's own or a neighbour's, measured this much at most, m/s; undefined: none did. */
  readonly windElsewhere?: number;
  /** The air was near saturation. */
  readonly isSaturated?: boolean;
  /** Time of the run with the sun well up, ms; undefined: not known. */
  readonly daylightMs?: number;
}

interface PersistenceLimit {
  readonly suspectHours: number;
  readonly badHours: number;
}

/**
 * How long a value may stand still. Longer than the hour of the WMO guidelines (Zahumenský 2004: an hour without 0.1 °C),
 * for reports at 0.1 of a unit are rounded: wet nights hold a temperature for hours, and saturated humidity stands for days.
 */
const limits: ReadonlyMap<string, PersistenceLimit> = new Map([
  ['airTemperature', { suspectHours: 8, badHours: 16 }],
  ['dewPoint', { suspectHours: 8, badHours: 16 }],
  ['relativeHumidity', { suspectHours: 12, badHours: 24 }],
  ['stationPressure', { suspectHours: 8, badHours: 16 }],
]);

const WIND = new Set(['windSpeed', 'windGust']);
/** A run of fewer readings than this says nothing, however long the gaps in it. */
const LEAST_COUNT = 4;

/**
 * Persistence: an instrument that stands still while the air does not. Knows what may stand: rain at zero (see
 * rain-gauge.ts), radiation by night, saturated humidity, and calm. Calm of a day is suspect; it is a dead anemometer, and
 * bad, once another one measured wind meanwhile, or the vane too stood still for two days (624 h of 0.0 m/s went through a
 * cyclone at one station). Rain and wind that blows are never flagged, however long they stand alike:
 * steady rain, a coarse instrument and a stuck one read the same, and in a storm the reading may be the only warning.
 */
export function checkPersistence(run: Run, around: Surroundings = {}): Verdict {
  if (run.count < LEAST_COUNT) return GOOD;
  const hours = run.spanMs / HOUR_MS;
  if (WIND.has(run.quantity) && run.value === 0) return calm(hours, around);
  if (run.quantity === 'globalRadiation')
    return byHours((around.daylightMs ?? 0) / HOUR_MS, { suspectHours: 3, badHours: 6 });
  const limit = limits.get(run.quantity);
  if (!limit) return GOOD;
  const isSlow = around.isSaturated === true && run.quantity !== 'stationPressure';
  if (isSlow && run.quantity === 'relativeHumidity') return hours >= 96 ? suspect('persistence') : GOOD;
  return byHours(isSlow ? hours / 2 : hours, limit);
}

function calm(hours: number, { windElsewhere, isVaneStill }: Surroundings): Verdict {
  const isWindy = windElsewhere !== undefined && windElsewhere >= 5;
  if (isWindy && hours >= 6) return bad('persistence');
  if (isVaneStill === true) return byHours(hours, { suspectHours: 18, badHours: 48 });
  return byHours(hours, { suspectHours: 24, badHours: 120 });
}

function byHours(hours: number, limit: PersistenceLimit): Verdict {
  if (hours >= limit.badHours) return bad('persistence');
  return hours >= limit.suspectHours ? suspect('persistence') : GOOD;
}
