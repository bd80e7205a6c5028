import { z } from 'zod';
import { roles } from '../../model/access.ts';
import { languages } from '../../model/language.ts';
import type { Route } from '../route.ts';
import { keyBody, rotationBody } from './keys.ts';
import { policyOf } from './policy.ts';
import { signInBody, tokenBody } from './sessions.ts';
import { userBody, userChangeBody } from './users.ts';

const text = { type: 'string' } as const;
const time = { type: 'string', format: 'date-time' } as const;
const timeOrNull = { type: ['string', 'null'], format: 'date-time' } as const;
const texts = { type: 'array', items: text } as const;
const areas = { oneOf: [{ const: 'all' }, texts] } as const;

const objectOf = (properties: Readonly<Record<string, object>>, required: readonly string[]): object => ({
  type: 'object',
  properties,
  required,
});

const inputOf = (schema: z.ZodType): object => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
};

const user = objectOf(
  {
    name: text,
    role: { type: 'string', enum: roles },
    areas,
    languages: { type: 'array', items: { type: 'string', enum: languages } },
  },
  ['name', 'role', 'areas', 'languages'],
);

/** Schemas of users, tokens and keys for the OpenAPI document. */
export const accessSchemas: Readonly<Record<string, object>> = {
  SignIn: inputOf(signInBody),
  Session: objectOf(
    { required: { type: 'boolean' }, user: { oneOf: [user, { type: 'null' }] }, endsAt: time },
    ['required', 'user'],
  ),
  User: { allOf: [user, objectOf({ createdAt: time }, ['createdAt'])] },
  UserInput: inputOf(userBody),
  UserChange: inputOf(userChangeBody),
  TokenInput: inputOf(tokenBody),
  Token: objectOf({ id: text, name: text, createdAt: time, seenAt: time, endsAt: time, token: text }, [
    'id',
    'name',
    'createdAt',
    'seenAt',
    'endsAt',
  ]),
  StationKeyInput: inputOf(keyBody),
  KeyRotation: inputOf(rotationBody),
  StationKey: objectOf(
    {
      id: text,
      name: text,
      scope: {
        oneOf: [{ const: 'all' }, objectOf({ stations: texts, regions: texts }, ['stations', 'regions'])],
      },
      perSecond: { type: 'number' },
      createdAt: time,
      createdBy: text,
      endsAt: timeOrNull,
      lastUsedAt: timeOrNull,
      key: text,
    },
    ['id', 'name', 'scope', 'perSecond', 'createdAt', 'createdBy', 'endsAt', 'lastUsedAt'],
  ),
};

/** How callers say who they are. */
export const securitySchemes = {
  session: { type: 'apiKey', in: 'cookie', name: 'atalaia', description: '`__Host-atalaia` over TLS' },
  token: { type: 'http', scheme: 'bearer', description: 'A token of a user' },
  stationKey: { type: 'http', scheme: 'bearer', description: 'A station key' },
  stationKeyHeader: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
} as const;

/** Statuses with which access answers before the route does. */
export function refusalsOf(route: Route): readonly number[] {
  const policy = policyOf(route);
  if (policy === 'public' || policy === 'known') return [];
  return policy === 'producer' ? [401, 429] : [401, 403];
}

/** What an operation asks for, on a server that asks. */
export function securityOf(route: Route): object {
  const policy = policyOf(route);
  if (policy === 'public') return {};
  if (policy === 'known') return { security: [{}, { session: [] }, { token: [] }] };
  if (policy === 'producer') return { security: [{ stationKey: [] }, { stationKeyHeader: [] }] };
  const role = typeof policy === 'string' ? policy : policy.role;
  return { security: [{ session: [] }, { token: [] }], 'x-role': role };
}
