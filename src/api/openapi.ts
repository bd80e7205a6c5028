import { z } from 'zod';
import { alertEventNames, endReasons } from '../model/alert.ts';
import { levelNames } from '../model/rule.ts';
import { type Route, ref } from './route.ts';
import { stationBody } from './stations.ts';
import { subscriptionBody } from './subscriptions.ts';

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const number: Schema = { type: 'number' };
const integer: Schema = { type: 'integer' };
const time: Schema = { type: 'string', format: 'date-time' };
const level: Schema = { type: 'string', enum: levelNames };
const arrayOf = (items: object): Schema => ({ type: 'array', items });
const objectOf = (properties: Schema, required = Object.keys(properties)): Schema => ({
  type: 'object',
  properties,
  required,
});

/** The JSON schema of what a zod schema reads. */
const inputOf = (schema: z.ZodType): Schema => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
};

const eventProperties: Schema = {
  alert: text,
  revision: integer,
  event: { type: 'string', enum: alertEventNames },
  endReason: { type: 'string', enum: endReasons },
  rule: text,
  hazard: text,
  subject: objectOf({ kind: { type: 'string', enum: ['station', 'area'] }, id: text }),
  level,
  previousLevel: level,
  onsetAt: time,
  at: time,
  issuedAt: time,
  late: { const: true },
  evidence: arrayOf(ref('Evidence')),
};
const eventRequired = [
  'alert',
  'revision',
  'event',
  'rule',
  'hazard',
  'subject',
  'level',
  'onsetAt',
  'at',
  'issuedAt',
  'evidence',
];
const state: Schema = { type: 'string', enum: ['active', 'unverified', 'ended'] };

const stationProperties: Schema = {
  id: text,
  name: text,
  latitude: number,
  longitude: number,
  altitude: { type: ['number', 'null'] },
  region: text,
  timeZone: text,
  interval: { type: ['string', 'null'], description: 'ISO 8601 span' },
};

const schemas: Schema = {
  Problem: objectOf({ type: text, title: text, status: integer, detail: text, code: text, instance: text }),
  Evidence: objectOf(
    {
      expression: text,
      value: number,
      unit: text,
      threshold: number,
      from: time,
      to: time,
      coverage: { type: 'number', minimum: 0, maximum: 1 },
      observations: integer,
      upperBound: number,
      stations: arrayOf(text),
    },
    ['expression', 'unit', 'threshold', 'from', 'to', 'coverage', 'observations'],
  ),
  AlertEvent: objectOf(eventProperties, eventRequired),
  Alert: objectOf({ ...eventProperties, state }, [...eventRequired, 'state']),
  AlertDetail: objectOf(
    {
      ...eventProperties,
      state,
      expiresAt: time,
      levelSinceAt: time,
      ruleSet: text,
      history: arrayOf(ref('AlertEvent')),
      deliveries: arrayOf({ type: 'object' }),
    },
    [...eventRequired, 'state', 'expiresAt', 'history', 'deliveries'],
  ),
  Report: objectOf(
    {
      station: text,
      observedAt: time,
      interval: { type: 'string', description: 'ISO 8601 span' },
      values: {
        type: 'object',
        minProperties: 1,
        additionalProperties: { oneOf: [number, objectOf({ value: number, unit: text })] },
      },
    },
    ['station', 'observedAt', 'values'],
  ),
  IngestResult: objectOf({
    accepted: integer,
    duplicates: integer,
    rejected: arrayOf(
      objectOf({ index: integer, quantity: text, code: text, message: text }, ['index', 'code', 'message']),
    ),
  }),
  Station: objectOf(stationProperties),
  StationInput: inputOf(stationBody),
  SeriesPoint: objectOf({ at: time, values: { type: 'object' } }),
  Rule: { type: 'object', required: ['name', 'title', 'hazard', 'levels', 'version'] },
  Subscription: objectOf({
    id: text,
    name: text,
    channel: text,
    level,
    areas: { oneOf: [{ const: 'all' }, arrayOf(text)] },
    origin: { type: 'string', enum: ['config', 'api'] },
  }),
  SubscriptionInput: inputOf(subscriptionBody),
  Readiness: objectOf({
    ready: { type: 'boolean' },
    checks: arrayOf(objectOf({ name: text, ok: { type: 'boolean' }, detail: text })),
  }),
};

/** The OpenAPI 3.1 document of a route table. */
export function describeRoutes(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const operations = paths[route.path] ?? {};
    operations[route.method.toLowerCase()] = describe(route);
    paths[route.path] = operations;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Atalaia',
      version: '1',
      description: 'Observations in, weather alerts out.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: { schemas },
  };
}

function describe(route: Route): object {
  const responses: Record<string, object> = {};
  for (const [status, response] of Object.entries(route.responses)) {
    const type = response.type ?? (response.schema && 'application/json');
    const content = type ? { content: { [type]: { schema: response.schema ?? text } } } : {};
    responses[status] = { description: response.description, ...content };
  }
  for (const status of route.problems ?? []) {
    // A status may be told twice: as an answer of its own and as a problem; the answer stands.
    responses[status] ??= {
      description: 'Problem details',
      content: { 'application/problem+json': { schema: ref('Problem') } },
    };
  }
  const types = Object.fromEntries(
    (route.body?.types ?? []).map((type) => [
      type,
      { schema: type.includes('json') ? route.body?.schema : text },
    ]),
  );
  return {
    operationId: route.operationId,
    summary: route.summary,
    parameters: parametersOf(route),
    ...(route.body
      ? { requestBody: { required: route.method === 'PUT' || route.body.raw === true, content: types } }
      : {}),
    responses,
  };
}

function parametersOf(route: Route): object[] {
  const parts = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => ({
    name: match[1],
    in: 'path',
    required: true,
    schema: text,
  }));
  const query = route.query
    ? (inputOf(route.query) as { properties?: Record<string, object>; required?: string[] })
    : {};
  const named = Object.entries(query.properties ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema: Object.keys(schema).some((key) => key === 'type' || key === 'enum')
      ? schema
      : { ...schema, type: 'string' },
  }));
  const headers = (route.headers ?? []).map(({ name, required, description }) => ({
    name,
    in: 'header',
    required,
    description,
    schema: text,
  }));
  return [...parts, ...named, ...headers];
}
