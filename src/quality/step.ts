import { HOUR_MS, MINUTE_MS } from '../model/time.ts';
import { bad, GOOD, suspect, type Verdict } from './verdict.ts';

/** Readings of one instant by quantity, canonical units. */
export type Readings = Pick<ReadonlyMap<string, number>, 'get'>;

/** The greatest ordinary change within a minute and within an hour. */
interface StepLimit {
  readonly minute: number;
  readonly hour: number;
}

/** Minute: WMO guidelines on quality control of automatic stations (Zahumenský 2004); hour: MADIS level 2, measured fronts. */
const stepLimits: ReadonlyMap<string, StepLimit> = new Map([
  ['airTemperature', { minute: 3, hour: 10 }],
  ['dewPoint', { minute: 4, hour: 10 }],
  ['relativeHumidity', { minute: 15, hour: 50 }],
  ['stationPressure', { minute: 2, hour: 10 }],
]);

/** Of these a spike is known by the way back: the next reading can make a suspect one bad. */
export const spikeQuantities: ReadonlySet<string> = new Set(stepLimits.keys());

/** Beyond so long without a reading any change may be true. */
const LONGEST_SPAN_MS = 3 * HOUR_MS;

/** The greatest ordinary change over a span; undefined where the span is too long to tell. Between minute and hour by the square root of time. */
export function stepLimit(quantity: string, spanMs: number): number | undefined {
  const limit = stepLimits.get(quantity);
  if (!limit || spanMs <= 0 || spanMs > LONGEST_SPAN_MS) return undefined;
  const share = Math.sqrt(Math.max(0, spanMs - MINUTE_MS) / (HOUR_MS - MINUTE_MS));
  return limit.minute + (limit.hour - limit.minute) * share;
}

const rose = (quantity: string, before: Readings, now: Readings): number => {
  const [old, fresh] = [before.get(quantity), now.get(quantity)];
  return old === undefined || fresh === undefined ? 0 : fresh - old;
};

/** What is computed from another by the instrument says nothing about it: dew point follows temperature and humidity. */
const kin: ReadonlyMap<string, readonly string[]> = new Map([
  ['airTemperature', ['dewPoint']],
  ['dewPoint', ['airTemperature', 'relativeHumidity']],
  ['relativeHumidity', ['dewPoint']],
]);

/**
 * How many other instruments of the station saw something pass: rain, a gust or a turn of the wind, a move of pressure; for
 * temperature, humidity that moved the other way, and the reverse. It may rain under any pressure: rain is no witness of it.
 */
export function witnessesOf(quantity: string, jump: number, before: Readings, now: Readings): number {
  const witnesses = [
    quantity !== 'stationPressure' && (now.get('rainfall') ?? 0) >= 0.4,
    !quantity.startsWith('wind') && (now.get('windGust') ?? 0) >= 10 && rose('windGust', before, now) >= 3,
    !quantity.startsWith('wind') && rose('windSpeed', before, now) >= 5,
    quantity !== 'stationPressure' && Math.abs(rose('stationPressure', before, now)) >= 2,
    quantity === 'airTemperature' && rose('relativeHumidity', before, now) * -Math.sign(jump) >= 12,
    quantity === 'relativeHumidity' && rose('airTemperature', before, now) * -Math.sign(jump) >= 3,
    !(kin.get(quantity) ?? []).concat(quantity).includes('airTemperature') &&
      rose('airTemperature', before, now) <= -4,
  ];
  return witnesses.filter(Boolean).length;
}

/** A jump of more than so many limits needs two witnesses. */
const FAR = 1.6;

/** A reading with those before and after it, with what the station measured at the same instants. */
export interface StepInput {
  readonly quantity: string;
  readonly before: Readings;
  readonly beforeSpanMs: number;
  readonly now: Readings;
  /** Absent: nothing is known yet of what came after, or the next reading is too far. */
  readonly after?: Readings;
  readonly afterSpanMs?: number;
}

/**
 * Step: a change greater than is ordinary. Other quantities clear it (a gust front drops 14 °C in an hour with humidity,
 * wind and pressure); without a witness it is suspect, and bad when the next reading is back where it was: a spike. Of wind
 * no jump is flagged: a squall is one.
 */
export function checkStep({ quantity, before, beforeSpanMs, now, after, afterSpanMs }: StepInput): Verdict {
  const [old, value] = [before.get(quantity), now.get(quantity)];
  const limit = stepLimit(quantity, beforeSpanMs);
  if (old === undefined || value === undefined || limit === undefined) return GOOD;
  const jump = value - old;
  if (Math.abs(jump) <= limit) return GOOD;
  const needed = Math.abs(jump) > FAR * limit ? 2 : 1;
  if (witnessesOf(quantity, jump, before, now) >= needed) return GOOD;
  const next = after?.get(quantity);
  if (next === undefined || (afterSpanMs ?? 0) > LONGEST_SPAN_MS) return suspect('step');
  const back = next - value;
  if (Math.sign(back) === Math.sign(jump)) return suspect('step');
  // The way back from a spike is no step of its own: what stands after it is as good as what stood before.
  if (Math.abs(next - old) <= Math.abs(jump) / 3) return bad('step');
  return suspect('step');
}
