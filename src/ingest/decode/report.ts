import type { Refusal, RefusalCode, Report } from '../../model/report.ts';
import { HOUR_MS, MINUTE_MS, parseInstant, parseSpan } from '../../model/time.ts';
import { checkReading, shown } from '../gate.ts';
import { arrangeReadings } from '../layout.ts';

export const FUTURE_MS = 5 * MINUTE_MS;
export const MAX_READINGS = 64;
/** Refused readings listed one by one for a report; the rest are one line. */
const MAX_LISTED = 16;
const STATION = /^[A-Za-z0-9._:-]{1,64}$/;

/** A date and time as a wall clock shows them. */
const WITHOUT_ZONE = /^\d{1,4}[-/.]\d\d?[-/.]\d{1,4}[T _]+\d\d?:\d\d(:\d\d(\.\d+)?)?$/;

/** What a report says before any check: texts and numbers as they came. */
export interface RawReport {
  readonly station: unknown;
  readonly observedAt: unknown;
  /** undefined or null: the station's own interval. */
  readonly interval: unknown;
  readonly readings: readonly RawReading[];
}
export interface RawReading {
  readonly quantity: string;
  readonly value: unknown;
  readonly unit: string | undefined;
}

export interface CheckContext {
  readonly receivedAt: number;
  /** The registry's interval of a station in ms; without it PT1H. */
  readonly stationInterval?: ((station: string) => number | null | undefined) | undefined;
  /** Told of a report that is refused for lying in the future: its station's clock is ahead. */
  readonly onFuture?: ((station: string, observedAt: number) => void) | undefined;
  /** Another number whenever an answer of `stationInterval` may differ; without it each report asks anew. */
  readonly registryVersion?: number | undefined;
}

/** Checks one raw report; bad readings go to `refusals` by name, and a report with none left is undefined. */
export function checkReport(
  raw: RawReport,
  index: number,
  context: CheckContext,
  refusals: Refusal[],
): Report | undefined {
  const refuse = (code: RefusalCode, message: string): undefined => {
    refusals.push({ index, code, message });
  };
  const { station } = raw;
  if (typeof station !== 'string' || !STATION.test(station)) {
    return refuse('station', `The station ${shown(station)} must be 1 to 64 letters, digits or . _ : -`);
  }
  const observedAt = typeof raw.observedAt === 'string' ? parseInstant(raw.observedAt) : undefined;
  if (observedAt === undefined) {
    return refuse(
      'time',
      WITHOUT_ZONE.test(String(raw.observedAt))
        ? `observedAt ${shown(raw.observedAt)} has no zone: send it with one (2024-04-30T06:00:00-03:00), or name it in the source (timeZone: America/Sao_Paulo).`
        : `observedAt ${shown(raw.observedAt)} must be an instant with zone like 2024-04-30T06:00:00Z.`,
    );
  }
  if (observedAt > context.receivedAt + FUTURE_MS) {
    context.onFuture?.(station, observedAt);
    return refuse(
      'future',
      `observedAt ${shown(raw.observedAt)} is more than 5 min in the future; check the station's clock.`,
    );
  }
  const intervalMs = resolveInterval(raw.interval, station, context);
  if (intervalMs === undefined) {
    return refuse('interval', `The interval ${shown(raw.interval)} must be an ISO 8601 duration like PT1H.`);
  }
  if (raw.readings.length === 0)
    return refuse('no-values', 'The report has no value; leave it out or give readings in values.');
  if (raw.readings.length > MAX_READINGS)
    return refuse('form', `A report has at most ${MAX_READINGS} readings, not ${raw.readings.length}.`);
  const good = checkReadings(raw.readings, intervalMs, index, refusals);
  if (good.size === 0) return undefined;
  const { quantities, values } = arrangeReadings(good);
  return { station, observedAt, intervalMs, receivedAt: context.receivedAt, quantities, values };
}

function checkReadings(
  readings: readonly RawReading[],
  intervalMs: number,
  index: number,
  refusals: Refusal[],
): Map<string, number> {
  const good = new Map<string, number>();
  let refused = 0;
  for (const { quantity, value, unit } of readings) {
    const result = checkReading(quantity, value, unit, intervalMs);
    if ('value' in result) good.set(quantity, result.value);
    else if (++refused <= MAX_LISTED) {
      refusals.push({ index, quantity: quantity.slice(0, 64), code: result.code, message: result.message });
    }
  }
  if (refused > MAX_LISTED)
    refusals.push({
      index,
      code: 'form',
      message: `${refused - MAX_LISTED} more readings of this report are bad.`,
    });
  return good;
}

function resolveInterval(given: unknown, station: string, context: CheckContext): number | undefined {
  if (given === undefined || given === null) return context.stationInterval?.(station) ?? HOUR_MS;
  if (typeof given !== 'string' || given.length > 32) return undefined;
  return /^PT?0[DHMS]$/.test(given) ? 0 : parseSpan(given);
}

/** A raw report, or the sentence why it is none. */
export type RawOrFlaw = RawReport | string;
