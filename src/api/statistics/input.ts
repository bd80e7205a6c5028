import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AtalaiaError } from '../../lib/errors.ts';
import { quantities } from '../../model/quantity.ts';
import { DAY_MS, formatInstant, HOUR_MS } from '../../model/time.ts';
import { type Basis, basisOf, type Hours } from '../../statistics/hours.ts';
import type { ApiDeps } from '../deps.ts';
import { instant } from '../input.ts';
import { isAnonymous } from './gate.ts';

/** The earliest instant that history is looked for. */
const EARLIEST = Date.UTC(1800, 0, 1);

export const spanFields = { from: instant.optional(), to: instant.optional() };

/** A quantity that has a mean: directions have none but on the circle. */
export const quantity = z
  .string()
  .max(60)
  .refine((name) => quantities.has(name), 'is no quantity, such as rainfall or airTemperature')
  .refine((name) => quantities.get(name)?.unit !== '°', 'is a direction; see wind-rose');

export const measure = z.enum(['sum', 'mean', 'min', 'max']).optional();

/** Numbers with commas between, in order, each once. */
export const numbers = (least: number, most: number, preset: string, count = 20) =>
  z
    .string()
    .max(200)
    .default(preset)
    .transform((text, context) => {
      const values = [...new Set(text.split(',').map(Number))].sort((a, b) => a - b);
      if (values.length <= count && values.every((value) => value >= least && value <= most)) return values;
      const message = `is no list of at most ${count} numbers from ${least} to ${most} with commas between`;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .meta({ default: preset });

export const whole = (least: number, most: number, preset: number) =>
  z.coerce.number().int().min(least).max(most).default(preset).meta({ default: preset });

/** Years of hours that those who say no name may ask for at once: normals take 30. */
const MAX_ANONYMOUS_YEARS = 50;

/**
 * The hours asked for: whole ones, up to the newest full one; unless told from the earliest on, or as far back as the
 * asker may go. Throws ATL_USAGE.
 */
export function spanOf(
  query: { readonly from?: number | undefined; readonly to?: number | undefined },
  request: FastifyRequest,
  deps: ApiDeps,
): { readonly from: number; readonly to: number } {
  const to = Math.floor((query.to ?? deps.now()) / HOUR_MS) * HOUR_MS;
  const first = isAnonymous(request, deps) ? to - MAX_ANONYMOUS_YEARS * 366 * DAY_MS : EARLIEST;
  if (query.from !== undefined && query.from < first && first > EARLIEST)
    throw new AtalaiaError(
      'ATL_USAGE',
      `Query \`from\` lies more than ${MAX_ANONYMOUS_YEARS} years before \`to\`. Ask for less, or sign in.`,
    );
  const from = Math.ceil((query.from ?? first) / HOUR_MS) * HOUR_MS;
  if (from >= to)
    throw new AtalaiaError('ATL_USAGE', 'Query `from` is not an hour before `to`. Swap or widen them.');
  return { from, to };
}

export const unitOf = (name: string): string => quantities.get(name)?.unit ?? '';

/** What every answer says of what it is made of. `missing` is a share of the time between `from` and `to`. */
export const basis = (name: string, hours: Hours): object => describeBasis(name, basisOf(hours));

export const describeBasis = (name: string, { n, from, to, missing }: Basis): object => ({
  quantity: name,
  unit: unitOf(name),
  n,
  from: from === null ? null : formatInstant(from),
  to: to === null ? null : formatInstant(to),
  missing: missing === null ? null : shown(missing),
});

/** A figure at six digits: more would be noise. Null for what is none. */
export const shown = (value: number | undefined | null): number | null =>
  value === undefined || value === null || !Number.isFinite(value) ? null : Number(value.toPrecision(6));

/** A year's months as `2001-03`, from days since 1970. */
export const monthText = (day: number): string => new Date(day * 86_400_000).toISOString().slice(0, 7);
export const dayText = (day: number): string => new Date(day * 86_400_000).toISOString().slice(0, 10);
