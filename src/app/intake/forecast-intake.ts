import type { IngestRequest } from '../../api/deps.ts';
import { outOfScope, unpack } from '../../ingest/decode/body.ts';
import { readForecasts } from '../../ingest/forecasts.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Log } from '../../log/log.ts';
import { encodeRecord } from '../../log/record-codec.ts';
import type { Forecast } from '../../model/forecast.ts';
import type { Refusal } from '../../model/report.ts';
import { partitionOf } from '../partition.ts';
import type { Intake } from './intake.ts';

const MAX_FORECASTS = 10_000;

export interface ForecastDoor {
  readonly log: Pick<Log, 'append' | 'partitions'>;
  readonly intake: Pick<Intake, 'station'>;
  readonly now: () => number;
  readonly onCounted: (what: string, by: number) => void;
}

/**
 * Answers `POST /forecasts`: lines of JSON into the log, each for its station's home partition alone. One of a station that
 * the registry does not know is refused, not held: by the time the station is adopted a newer one will have come.
 * @throws AtalaiaError ATL_UNREADABLE for what is no UTF-8, ATL_TOO_LARGE for more than 10,000 forecasts
 */
export async function takeForecasts(
  { encoding, body, mayReport }: IngestRequest,
  door: ForecastDoor,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const { forecasts, refusals } = readForecasts(textOf(unpack(body, encoding)), door.now());
  if (forecasts.length + refusals.length > MAX_FORECASTS)
    throw new AtalaiaError('ATL_TOO_LARGE', `More than ${MAX_FORECASTS} forecasts; send them in parts.`);
  const found = await appendForecasts(forecasts, door, mayReport);
  const rejected = [...refusals, ...found.rejected].sort((a, b) => a.index - b.index);
  for (const { code } of refusals) door.onCounted(`refused-${code}`, 1);
  const answer = { accepted: found.accepted, duplicates: 0, rejected };
  return { status: found.accepted > 0 || rejected.length === 0 ? 202 : 422, body: answer };
}

/** Resolves when the log has the forecasts durably, with those of them that are refused, by `index`. */
export async function appendForecasts(
  forecasts: readonly (Forecast & { readonly index: number })[],
  { log, intake, onCounted }: ForecastDoor,
  mayReport?: IngestRequest['mayReport'],
): Promise<{ readonly accepted: number; readonly rejected: readonly Refusal[] }> {
  const rejected: Refusal[] = [];
  const appends = forecasts.flatMap(({ index, ...forecast }) => {
    const station = intake.station(forecast.station);
    if (mayReport && !mayReport(forecast.station, station?.region)) {
      rejected.push({ index, code: 'scope', message: outOfScope(forecast.station) });
      return [];
    }
    if (!station) {
      const message = `Station ${forecast.station} is not in the registry; adopt it first, or correct the name.`;
      rejected.push({ index, code: 'unknown-station', message });
      return [];
    }
    const partition = partitionOf(station.region, log.partitions);
    return [{ partition, key: station.id, payload: encodeRecord({ kind: 'forecast', forecast }) }];
  });
  if (appends.length > 0) await log.append(appends);
  onCounted('forecasts', appends.length);
  for (const { code } of rejected) onCounted(`refused-${code}`, 1);
  return { accepted: appends.length, rejected };
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AtalaiaError('ATL_UNREADABLE', 'The body is no text in UTF-8.', { cause });
  }
}
