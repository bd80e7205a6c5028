import { isUtf8 } from 'node:buffer';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Message } from './format.ts';

const MAX_FIELDS = 512;

/**
 * Fields of a request: those of the query, then those of its form body (application/x-www-form-urlencoded).
 * @throws AtalaiaError ATL_UNREADABLE for more than 512 fields or bytes that are no text
 */
export function formFields({ body, fields }: Message): URLSearchParams {
  if (!isUtf8(body))
    throw new AtalaiaError('ATL_UNREADABLE', 'The form is not UTF-8; send it as the protocol says.');
  const all = new URLSearchParams(fields);
  for (const [name, value] of new URLSearchParams(new TextDecoder().decode(body).trim()))
    all.append(name, value);
  if (all.size > MAX_FIELDS)
    throw new AtalaiaError(
      'ATL_UNREADABLE',
      `The form has ${all.size} fields; ${MAX_FIELDS} are read at most.`,
    );
  return all;
}
