import { AtalaiaError } from '../../lib/errors.ts';
import type { Forecast } from '../../model/forecast.ts';
import type { Refusal, Report } from '../../model/report.ts';
import { type Decoded, MAX_REPORTS } from '../decode/body.ts';
import { type CheckContext, checkReport } from '../decode/report.ts';
import { checkForecast, type RawForecast } from '../forecasts.ts';
import type { Decoding, Format, Ignored, Message, Profile } from './format.ts';
import { formats } from './index.ts';

/** How a source writes its messages. */
export interface Written {
  readonly format: string;
  readonly profile: Profile;
}

/** What is expected, beside what was measured. */
export interface CheckedForecasts {
  readonly forecasts: readonly Forecast[];
  readonly forecastRefusals: readonly Refusal[];
}

/**
 * Reads a producer's message through its format and the same checks as every report. Fields that give no reading are
 * ignored, not refused.
 * @throws AtalaiaError ATL_UNREADABLE when it is no message of that format, ATL_CONFIG when there is no such format,
 * ATL_TOO_LARGE beyond 10,000 reports or forecasts
 */
export function decodeMessage(
  message: Message,
  { format: name, profile }: Written,
  context: CheckContext,
): Decoded & CheckedForecasts & { readonly ignored: readonly Ignored[] } {
  const format = formats.get(name);
  if (!format)
    throw new AtalaiaError(
      'ATL_CONFIG',
      `${name} is no known format; ${[...formats.keys()].join(', ')} are.`,
    );
  const { reports: raws, forecasts: rawForecasts = [], ignored } = decodeWith(format, message, profile);
  if (raws.length > MAX_REPORTS || rawForecasts.length > MAX_REPORTS)
    throw new AtalaiaError(
      'ATL_TOO_LARGE',
      `The message has more than ${MAX_REPORTS} reports or forecasts; send it in smaller parts.`,
    );
  const reports: { report: Report; index: number }[] = [];
  const refusals: Refusal[] = [];
  for (const [index, raw] of raws.entries()) {
    // A message may tell of nothing that is measured here: that is no fault of its sender.
    if (raw.readings.length === 0) continue;
    const report = checkReport(raw, index, context, refusals);
    if (report) reports.push({ report, index });
  }
  const sent = raws.filter(({ readings }) => readings.length > 0).length;
  return {
    reports,
    refusals,
    sent,
    duplicates: 0,
    ignored,
    ...checkForecasts(rawForecasts, message.receivedAt),
  };
}

/** Forecasts of a message that are good, and why others are not, by their place among them. */
export function checkForecasts(raws: readonly RawForecast[], receivedAt: number): CheckedForecasts {
  const forecasts: Forecast[] = [];
  const forecastRefusals: Refusal[] = [];
  for (const [index, raw] of raws.entries()) {
    const found = checkForecast(raw, receivedAt);
    if ('message' in found) forecastRefusals.push({ index, ...found });
    else forecasts.push(found);
  }
  return { forecasts, forecastRefusals };
}

/**
 * Reads a message by the format and the profile; what stations with a profile of their own sent is read again by theirs.
 * @throws AtalaiaError ATL_UNREADABLE when it is no message of that format
 */
export function decodeWith(format: Format, message: Message, profile: Profile): Decoding {
  const decoding = format.decode(message, profile);
  let { reports } = decoding;
  if (!profile.profiles) return decoding;
  for (const station of new Set(reports.map((report) => report.station))) {
    const own = typeof station === 'string' ? profile.profiles.get(station) : undefined;
    if (!own) continue;
    const again = format.decode(message, {
      ...profile,
      ...own,
      units: merged(profile.units, own.units),
      quantities: merged(profile.quantities, own.quantities),
    });
    reports = [
      ...reports.filter((report) => report.station !== station),
      ...again.reports.filter((report) => report.station === station),
    ];
  }
  return { ...decoding, reports };
}

type Texts = ReadonlyMap<string, string>;
const merged = (all: Texts | undefined, own: Texts | undefined): Texts | undefined =>
  own ? new Map([...(all ?? []), ...own]) : all;
