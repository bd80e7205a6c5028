import { isUtf8 } from 'node:buffer';
import { AtalaiaError } from '../../lib/errors.ts';
import { type Json, type JsonObject, parseJson } from '../decode/json.ts';
import type { Message } from './format.ts';

/**
 * The JSON of a message, read as strictly as a report's.
 * @throws AtalaiaError ATL_UNREADABLE with line and column
 */
export function jsonOf({ body }: Message): Json {
  if (!isUtf8(body))
    throw new AtalaiaError('ATL_UNREADABLE', 'The message is not UTF-8 text; JSON is expected.');
  return parseJson(new TextDecoder().decode(body));
}

/** The value as an object, or an empty one. */
export const objectOf = (value: Json | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};

/** The value as an array; one that is none is an array of itself, nothing is an empty one. */
export const arrayOf = (value: Json | undefined): readonly Json[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];

/** The value as a text: numbers are written out; undefined for anything else. */
export const textOf = (value: Json | undefined): string | undefined =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;

/** The value as a finite number, from a text too; undefined for anything else. */
export function finiteOf(value: Json | undefined): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** ATL_UNREADABLE: the message is none of this form. */
export const notThis = (what: string): AtalaiaError => new AtalaiaError('ATL_UNREADABLE', what);
