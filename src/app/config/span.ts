import { z } from 'zod';
import { parseSpan } from '../../model/time.ts';
import { parseBytes } from '../../rules/budget.ts';

/** A span in the configuration, `24h`, `10m` or `30s`, or a number of ms; it becomes ms. */
export const span = z.union([z.string(), z.number()]).transform((value, context) => {
  const ms = typeof value === 'number' ? value : parseSpan(value);
  if (ms !== undefined && ms > 0) return ms;
  context.addIssue({ code: 'custom', message: 'a span such as 24h, 10m or 30s is expected' });
  return z.NEVER;
});

/** A size in the configuration, `512MiB` or `8GiB`; it becomes bytes. */
export const size = z.string().transform((value, context) => {
  const bytes = parseBytes(value);
  if (bytes !== undefined) return bytes;
  context.addIssue({ code: 'custom', message: 'a size such as 512MiB or 8GiB is expected' });
  return z.NEVER;
});
