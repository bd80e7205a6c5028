import { z } from 'zod';
import { AtalaiaError, type ErrorCode } from '../lib/errors.ts';
import { parseInstant, parseSpan } from '../model/time.ts';

/** An RFC 3339 instant, read to epoch ms. */
export const instant = z
  .string()
  .max(40)
  .transform((text, context) => {
    const at = parseInstant(text);
    if (at !== undefined) return at;
    context.addIssue({ code: 'custom', message: 'is no instant with a zone, such as 2024-04-30T06:00:00Z' });
    return z.NEVER;
  })
  .meta({ format: 'date-time' });

/** A span such as `1h`, `90m` or `PT1H`, read to ms. */
export const span = z
  .string()
  .max(40)
  .transform((text, context) => {
    const ms = parseSpan(text);
    if (ms !== undefined) return ms;
    context.addIssue({ code: 'custom', message: 'is no span, such as 1h, 90m or PT1H' });
    return z.NEVER;
  });

/** An ISO 8601 span: the form in which spans leave. */
export function formatIsoSpan(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = Math.round((ms % 60_000) / 1000);
  return `PT${hours ? `${hours}H` : ''}${minutes ? `${minutes}M` : ''}${seconds || ms < 1000 ? `${seconds}S` : ''}`;
}

/** A page size from 1 to `max`, in text. */
export const pageSize = (max: number, preset: number) =>
  z.coerce.number().int().min(1).max(max).default(preset).meta({ default: preset });

export const name = z.string().min(1).max(200);

/** Reads a query string by its schema; unknown and repeated parameters are errors. Throws ATL_USAGE (400). */
export const readQuery = <T extends z.ZodType>(schema: T, query: unknown): z.output<T> =>
  read(schema, query, 'ATL_USAGE', 'Query');

/** Reads a JSON body by its schema. Throws ATL_INPUT (422). */
export const readBody = <T extends z.ZodType>(schema: T, body: unknown): z.output<T> =>
  read(schema, body, 'ATL_INPUT', 'Body');

function read<T extends z.ZodType>(schema: T, input: unknown, code: ErrorCode, place: string): z.output<T> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const first = result.error.issues[0];
  const where = first?.path.length ? `${place} \`${first.path.join('.')}\`` : place;
  throw new AtalaiaError(code, `${where}: ${first?.message ?? 'not valid'}. See /api/openapi.json.`);
}
