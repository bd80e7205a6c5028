import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { quantities } from '../../model/quantity.ts';
import type { Refusal } from '../../model/report.ts';
import type { RawReport } from '../decode/report.ts';
import { checkReport } from '../decode/report.ts';
import type { Decoding, Message } from './format.ts';

const folder = join(import.meta.dirname, '../../../../shared/data/weather/payloads');
export const hasPayloads = existsSync(folder);
/** Ends the name of a test that needs them. */
export const needsPayloads = hasPayloads ? '' : ' (skipped: ../shared/data/weather/payloads is absent)';

/** A producer's message as it was recorded. */
export const payload = (path: string): Buffer => readFileSync(join(folder, path));

export const RECEIVED_AT = Date.parse('2027-01-01T00:00:00Z');
export const message = (body: string | Uint8Array, more: Partial<Message> = {}): Message => ({
  body: typeof body === 'string' ? Buffer.from(body) : body,
  receivedAt: RECEIVED_AT,
  ...more,
});

/** Readings of one report after all checks, in canonical units, and what was refused. */
export function checked(
  { reports }: Pick<Decoding, 'reports'>,
  index = 0,
): { values: Record<string, number>; at: string; refused: readonly Refusal[] } {
  const refused: Refusal[] = [];
  const report = checkReport(reports[index] as RawReport, index, { receivedAt: RECEIVED_AT }, refused);
  const values: Record<string, number> = {};
  for (const [i, name] of (report?.quantities ?? []).entries())
    values[name] = (report?.values[i] as number) / 10 ** (quantities.get(name)?.decimals ?? 0);
  return { values, at: report ? new Date(report.observedAt).toISOString() : '', refused };
}
