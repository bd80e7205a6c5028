import {
  type Forecast,
  MAX_FORECAST_STEPS,
  MAX_ISSUER_LENGTH,
  MIN_FORECAST_STEP_MS,
} from '../model/forecast.ts';
import { quantities } from '../model/quantity.ts';
import type { Refusal, RefusalCode } from '../model/report.ts';
import { DAY_MS, MINUTE_MS, parseInstant, parseSpan } from '../model/time.ts';
import { checkReading, shown } from './gate.ts';

/** Furthest valid instant after the reference time. */
const MAX_LEAD_MS = 17 * DAY_MS;
const FUTURE_MS = 5 * MINUTE_MS;
const ISSUER = /^[A-Za-z0-9][\w.:-]*$/;
const FIELDS = ['station', 'issuer', 'issuedAt', 'receivedAt', 'quantity', 'unit', 'interval', 'values'];

type Said = Omit<Refusal, 'index'>;
type Fields = Readonly<Record<string, unknown>>;

/** A forecast as it is written, not checked yet: the fields of `POST /forecasts`. */
export type RawForecast = Fields;

/**
 * Reads forecasts as lines of JSON, one forecast a line: `{station, issuer, issuedAt, quantity, unit, interval, values:
 * [{validAt, value}]}`. A bad one is refused whole, by its line from 1: half a forecast says something else.
 * @param receivedAt when they came; a line that names its own `receivedAt` keeps it only without this one
 */
export function readForecasts(
  text: string,
  receivedAt?: number,
): {
  readonly forecasts: readonly (Forecast & { readonly index: number })[];
  readonly refusals: readonly Refusal[];
} {
  const forecasts: (Forecast & { index: number })[] = [];
  const refusals: Refusal[] = [];
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '') return;
    const found = readLine(line, receivedAt);
    if ('message' in found) refusals.push({ index: i + 1, ...found });
    else forecasts.push({ ...found, index: i + 1 });
  });
  return { forecasts, refusals };
}

function readLine(line: string, receivedAt: number | undefined): Forecast | Said {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    return refuse('form', `${shown(line)} is no JSON object; write one forecast a line.`);
  }
  if (!isObject(fields))
    return refuse('form', `${shown(fields)} is no JSON object; write one forecast a line.`);
  const strange = Object.keys(fields).find((key) => !FIELDS.includes(key));
  if (strange !== undefined)
    return refuse('form', `${shown(strange)} is no field of a forecast; ${FIELDS.join(', ')} are.`);
  return checkForecast(fields, receivedAt);
}

/** A forecast in our words, or why it is none: the checks of every forecast, whoever wrote it. */
export function checkForecast(fields: Fields, receivedAt: number | undefined): Forecast | Said {
  const { station, issuer, quantity, interval } = fields;
  if (typeof station !== 'string' || station.trim() === '' || station.length > 128)
    return refuse('station', `\`station\` is ${shown(station)}; give the id of a station.`);
  if (typeof issuer !== 'string' || issuer.length > MAX_ISSUER_LENGTH || !ISSUER.test(issuer))
    return refuse('form', `\`issuer\` is ${shown(issuer)}; name who forecasts, as gfs or nowcast.`);
  const issuedAt = instantOf(fields.issuedAt);
  if (issuedAt === undefined)
    return refuse('time', `\`issuedAt\` is ${shown(fields.issuedAt)}; write it as 2024-04-30T00:00:00Z.`);
  const cameAt = receivedAt ?? (fields.receivedAt === undefined ? issuedAt : instantOf(fields.receivedAt));
  if (cameAt === undefined)
    return refuse('time', `\`receivedAt\` is ${shown(fields.receivedAt)}; write it as 2024-04-30T00:00:00Z.`);
  if (issuedAt > cameAt + FUTURE_MS)
    return refuse('future', '`issuedAt` lies ahead of when the forecast came; a reference time is past.');
  if (typeof quantity !== 'string' || !quantities.has(quantity))
    return refuse('unknown-quantity', `\`quantity\` is ${shown(quantity)}, which is no known quantity.`);
  const intervalMs = typeof interval === 'string' ? parseSpan(interval) : undefined;
  if (intervalMs === undefined || intervalMs < MIN_FORECAST_STEP_MS || intervalMs > DAY_MS)
    return refuse('interval', `\`interval\` is ${shown(interval)}; give the step from 5m to 24h, as 1h.`);
  const head = { station: station.trim(), issuer, issuedAt, receivedAt: cameAt, quantity, intervalMs };
  return readValues(head, fields);
}

function readValues(
  head: Omit<Forecast, 'validAt' | 'values'>,
  { unit, values: given }: Fields,
): Forecast | Said {
  if (unit !== undefined && typeof unit !== 'string')
    return refuse('unit', `\`unit\` is ${shown(unit)}; write it as text, as mm.`);
  if (!Array.isArray(given) || given.length === 0 || given.length > MAX_FORECAST_STEPS)
    return refuse('no-values', `\`values\` holds 1 to ${MAX_FORECAST_STEPS} of {validAt, value}.`);
  const { quantity, intervalMs, issuedAt } = head;
  const isAmount = quantities.get(quantity)?.kind === 'interval';
  const validAt: number[] = [];
  const values: number[] = [];
  for (const one of given as readonly unknown[]) {
    const at = isObject(one) ? instantOf(one.validAt) : undefined;
    if (!isObject(one) || at === undefined)
      return refuse('time', `${shown(one)} in \`values\` names no \`validAt\` such as 2024-04-30T01:00:00Z.`);
    const before = validAt.at(-1) ?? issuedAt;
    if (at <= before || at > issuedAt + MAX_LEAD_MS)
      return refuse(
        'time',
        `\`validAt\` ${shown(one.validAt)}: they ascend, after \`issuedAt\`, at most 17 days.`,
      );
    // The first amount may have begun before the reference time; two that overlap would count twice.
    if (isAmount && validAt.length > 0 && at - intervalMs < before)
      return refuse(
        'interval',
        `\`validAt\` ${shown(one.validAt)}: its interval overlaps the one before it.`,
      );
    const read = checkReading(quantity, one.value, unit, intervalMs);
    if ('message' in read) return { ...read, quantity };
    validAt.push(at);
    values.push(read.value);
  }
  return { ...head, validAt, values };
}

const refuse = (code: RefusalCode, message: string): Said => ({ code, message });
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const instantOf = (value: unknown): number | undefined =>
  typeof value === 'string' ? parseInstant(value) : undefined;
