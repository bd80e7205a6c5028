import { AtalaiaError } from '../../lib/errors.ts';
import type { Forecast } from '../../model/forecast.ts';
import type { Refusal, Report } from '../../model/report.ts';
import { checkReport } from '../decode/report.ts';
import { checkForecasts, decodeWith } from './decode.ts';
import type { Decoding, Format, Message, Profile } from './format.ts';
import { formats } from './index.ts';

/** What a message would become. */
export interface Trial {
  readonly format: string;
  readonly decoding: Decoding;
  /** Parallel to the reports of the decoding; undefined for one that is wholly refused. */
  readonly reports: readonly (Report | undefined)[];
  readonly refusals: readonly Refusal[];
  readonly forecasts: readonly Forecast[];
}

/**
 * Reads a message as the door would, changing nothing. Without a name every format is tried, and the one that gives
 * most good readings counts.
 * @throws AtalaiaError ATL_USAGE for an unknown format; ATL_UNREADABLE when none can read it, with what each expected
 */
export function tryMessage(message: Message, profile: Profile, name?: string): Trial {
  if (name !== undefined) {
    const format = formats.get(name);
    if (!format)
      throw new AtalaiaError(
        'ATL_USAGE',
        `${name} is no known format; ${[...formats.keys()].join(', ')} are.`,
      );
    return attempt(format, message, profile);
  }
  const trials: Trial[] = [];
  const reasons: string[] = [];
  for (const format of formats.values()) {
    try {
      trials.push(attempt(format, message, profile));
    } catch (error) {
      if (!(error instanceof AtalaiaError)) throw error;
      reasons.push(`${format.name}: ${error.message}`);
    }
  }
  const best = trials.sort((a, b) => worth(b) - worth(a))[0];
  if (best && (worth(best) > 0 || trials.length === 1)) return best;
  throw new AtalaiaError(
    'ATL_UNREADABLE',
    `No format gives a reading of this message.\n${reasons.join('\n')}`,
  );
}

function attempt(format: Format, message: Message, profile: Profile): Trial {
  const decoding = decodeWith(format, message, profile);
  const refusals: Refusal[] = [];
  const reports = decoding.reports.map((raw, index) =>
    checkReport(raw, index, { receivedAt: message.receivedAt }, refusals),
  );
  const { forecasts, forecastRefusals } = checkForecasts(decoding.forecasts ?? [], message.receivedAt);
  return { format: format.name, decoding, reports, refusals: [...refusals, ...forecastRefusals], forecasts };
}

const worth = ({ reports, forecasts }: Trial): number =>
  reports.reduce((sum, report) => sum + (report?.quantities.length ?? 0), forecasts.length);
