import { createHash, timingSafeEqual } from 'node:crypto';
import type { DoorRequest } from '../../api/deps.ts';
import { outOfScope, unpack } from '../../ingest/decode/body.ts';
import { decodeMessage } from '../../ingest/formats/decode.ts';
import { unread } from '../../ingest/formats/format.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Forecast } from '../../model/forecast.ts';
import type { Refusal } from '../../model/report.ts';
import { type HttpSourceConfig, writtenOf } from '../config/source-config.ts';
import { type Intake, withoutRefused } from './intake.ts';

export interface DoorsOptions {
  readonly doors: readonly HttpSourceConfig[];
  readonly intake: Pick<Intake, 'append' | 'station' | 'clocks'>;
  readonly forecast: (
    forecasts: readonly (Forecast & { readonly index: number })[],
    mayReport?: DoorRequest['mayReport'],
  ) => Promise<{ readonly accepted: number; readonly rejected: readonly Refusal[] }>;
  readonly now: () => number;
  readonly onCounted: (what: string, by: number) => void;
}

/**
 * Takes a message at a door of the HTTP server: resolves when the log has its reports durably. Rejects with ATL_NOT_FOUND,
 * ATL_UNAUTHORIZED, ATL_UNREADABLE, ATL_INPUT when every report of it is refused, and as the log does.
 */
export function openDoors({
  doors,
  intake,
  forecast,
  now,
  onCounted,
}: DoorsOptions): (request: DoorRequest) => Promise<void> {
  const byName = new Map(doors.map((door) => [door.name, { door, written: writtenOf(door) }]));
  return async ({ name, fields, body, encoding, bearer, mayReport }) => {
    const found = byName.get(name);
    if (!found)
      throw new AtalaiaError(
        'ATL_NOT_FOUND',
        `There is no source of kind http called ${name}; sources of the configuration name them.`,
      );
    const key = keyOf(found.door);
    if (!mayReport && key !== undefined && !isSame(key, bearer ?? fields.get('key') ?? ''))
      throw new AtalaiaError('ATL_UNAUTHORIZED', `The source ${name} asks for its key.`);
    fields.delete('key');
    const receivedAt = now();
    const message = { fields, receivedAt, topic: name, body: unpack(body, encoding) };
    const decoded = decodeMessage(message, found.written, {
      receivedAt,
      stationInterval: (id) => intake.station(id)?.intervalMs,
      onFuture: (id, observedAt) => intake.clocks.seen(id, observedAt, receivedAt),
    });
    const { sent, ignored } = decoded;
    const isAllowed = ({ report: { station } }: { readonly report: { readonly station: string } }): boolean =>
      mayReport?.(station, intake.station(station)?.region) !== false;
    const allowed = decoded.reports.filter(isAllowed);
    const outside = [
      ...decoded.refusals,
      ...decoded.reports
        .filter((one) => !isAllowed(one))
        .map(({ index, report }) => ({ index, code: 'scope' as const, message: outOfScope(report.station) })),
    ];
    const notTaken = await intake.append(allowed.map(({ report }) => report));
    const { reports, refusals } = withoutRefused({ reports: allowed, refusals: outside }, notTaken);
    const { forecasts, forecastRefusals } = decoded;
    const foretold = await forecast(
      forecasts.map((one, index) => ({ ...one, index })),
      mayReport,
    );
    onCounted('accepted', reports.length);
    onCounted('ignored', unread(ignored).length);
    for (const { code } of [...outside, ...forecastRefusals]) onCounted(`refused-${code}`, 1);
    if (sent + forecasts.length + forecastRefusals.length > 0 && reports.length + foretold.accepted === 0)
      throw new AtalaiaError(
        'ATL_INPUT',
        [...refusals, ...forecastRefusals, ...foretold.rejected]
          .map((refusal) => refusal.message)
          .join(' ')
          .slice(0, 1000),
      );
  };
}

const keyOf = ({ key }: HttpSourceConfig): string | undefined => (typeof key === 'string' ? key : undefined);

/** Says whether a door has a key of its own, and this is it. */
export function openDoorKeys(doors: readonly HttpSourceConfig[]): (name: string, key: string) => boolean {
  const keys = new Map(doors.map((door) => [door.name, keyOf(door)]));
  return (name, given) => {
    const key = keys.get(name);
    return key !== undefined && isSame(key, given);
  };
}

/** Compares in the same time whatever is alike. */
const isSame = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
