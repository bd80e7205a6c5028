import { fromScaled, quantities } from '../model/quantity.ts';
import type { Report } from '../model/report.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../model/time.ts';

/** A report in the contract's form, one JSON text without line end: canonical units, instants in UTC, `interval` as ISO 8601. */
export function formatReport(report: Report): string {
  const values: Record<string, number> = {};
  for (const [i, name] of report.quantities.entries()) {
    values[name] = fromScaled(report.values[i] as number, quantities.get(name)?.decimals);
  }
  const observedAt = new Date(report.observedAt).toISOString().replace('.000Z', 'Z');
  return JSON.stringify({
    station: report.station,
    observedAt,
    interval: isoSpan(report.intervalMs),
    values,
  });
}

function isoSpan(ms: number): string {
  if (ms > 0 && ms % HOUR_MS === 0) return `PT${ms / HOUR_MS}H`;
  if (ms > 0 && ms % MINUTE_MS === 0) return `PT${ms / MINUTE_MS}M`;
  return `PT${Math.round(ms / SECOND_MS)}S`;
}
