import { z } from 'zod';
import { parseSpan } from '../model/time.ts';

/** A span in the configuration, `24h`, `10m` or `30s`, or a number of ms; it becomes ms. */
export const span = z.union([z.string(), z.number()]).transform((value, context) => {
  const ms = typeof value === 'number' ? value : parseSpan(value);
  if (ms !== undefined && ms > 0) return ms;
  context.addIssue({ code: 'custom', message: 'a span such as 24h, 10m or 30s is expected' });
  return z.NEVER;
});
