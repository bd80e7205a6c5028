import { invariant } from '../lib/errors.ts';
import type { AlertEvent, Evidence } from '../model/alert.ts';
import { fromScaled, toScaled } from '../model/quantity.ts';
import { formatInstant } from '../model/time.ts';

/**
 * The contract's alert event as one line of JSON without the line feed (design section 8): keys in the fixed order,
 * absent ones left out, instants as `YYYY-MM-DDThh:mm:ssZ`, numbers at the resolution of 0.001 and without exponent.
 */
export function formatAlertEvent(event: AlertEvent): string {
  return object([
    ['alert', JSON.stringify(event.alert)],
    ['revision', plain(event.revision)],
    ['event', JSON.stringify(event.event)],
    ['endReason', event.endReason && JSON.stringify(event.endReason)],
    ['rule', JSON.stringify(event.rule)],
    ['hazard', JSON.stringify(event.hazard)],
    ['subject', object(subjectMembers(event))],
    ['level', JSON.stringify(event.level)],
    ['previousLevel', event.previousLevel && JSON.stringify(event.previousLevel)],
    ['onsetAt', instant(event.onsetAt)],
    ['at', instant(event.at)],
    ['issuedAt', instant(event.issuedAt)],
    ['late', event.late && 'true'],
    ['forecast', event.forecast && 'true'],
    ['evidence', `[${event.evidence.map(formatEvidence).join(',')}]`],
  ]);
}

type Member = readonly [key: string, json: string | undefined];

const subjectMembers = ({ subject }: AlertEvent): Member[] => [
  ['kind', JSON.stringify(subject.kind)],
  ['id', JSON.stringify(subject.id)],
];

function formatEvidence(evidence: Evidence): string {
  return object([
    ['expression', JSON.stringify(evidence.expression)],
    ['value', evidence.value === undefined ? undefined : resolved(evidence.value)],
    ['unit', JSON.stringify(evidence.unit)],
    ['threshold', plain(evidence.threshold)],
    ['from', instant(evidence.from)],
    ['to', instant(evidence.to)],
    ['coverage', resolved(evidence.coverage)],
    ['observations', plain(evidence.observations)],
    ['upperBound', evidence.upperBound === undefined ? undefined : resolved(evidence.upperBound)],
    ['stations', evidence.stations && JSON.stringify(evidence.stations)],
    ['forecast', formatForecast(evidence.forecast)],
  ]);
}

/** Only where the value is forecast: `null` when no forecast was young enough. */
function formatForecast(forecast: Evidence['forecast']): string | undefined {
  if (forecast === undefined) return undefined;
  if (forecast === null) return 'null';
  return object([
    ['issuer', JSON.stringify(forecast.issuer)],
    ['issuedAt', instant(forecast.issuedAt)],
  ]);
}

const object = (members: readonly Member[]): string =>
  `{${members.flatMap(([key, json]) => (json === undefined ? [] : [`"${key}":${json}`])).join(',')}}`;

const instant = (at: number): string => `"${formatInstant(at)}"`;

/** At three decimals, half away from zero: the resolution of every quantity. */
const resolved = (value: number): string => plain(fromScaled(toScaled(value)));

/** The shortest decimal that reads back as the same double, never with an exponent, never `-0`. */
function plain(value: number): string {
  invariant(Number.isFinite(value), `an alert event holds the number ${value}`);
  const text = value === 0 ? '0' : String(value);
  const parts = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!parts) return text;
  const [, sign = '', first = '', rest = '', exponent = '0'] = parts;
  const digits = first + rest;
  const shift = Number(exponent);
  if (shift < 0) return `${sign}0.${'0'.repeat(-shift - 1)}${digits}`;
  return `${sign}${digits.padEnd(shift + 1, '0')}`;
}
