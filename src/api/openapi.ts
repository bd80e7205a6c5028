import { z } from 'zod';
import { endKinds } from '../alerts/foreign/facts.ts';
import { alertEventNames, endReasons } from '../model/alert.ts';
import { levelNames } from '../model/rule.ts';
import { accessSchemas, refusalsOf, securityOf, securitySchemes } from './access/schemas.ts';
import { backtestBody } from './backtests.ts';
import { channelSchemas } from './channels/schemas.ts';
import { handoverBody } from './handovers.ts';
import { holdBody } from './hold.ts';
import { type Route, ref } from './route.ts';
import { silenceBody } from './silences.ts';
import { stationBody } from './stations.ts';
import { manageBody, personBody, subscriberBody, tokenBody } from './subscribers/input.ts';
import { subscriptionBody } from './subscriptions.ts';
import { observedBody } from './verification/events.ts';

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
  forecast: {
    const: true,
    description: 'Expected, not observed: without forecasts its condition would not hold',
  },
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

/** A warning of another authority; the blocks of a list have `areas` in place of `area`, and no long texts. */
const foreignProperties: Schema = {
  ...{ id: text, sender: text, identifier: text, source: text, sentAt: time, expiresAt: time },
  state: { type: 'string', enum: ['active', ...endKinds] },
  level: { type: ['string', 'null'], enum: [...levelNames, null], description: 'Ours, where it has one' },
  status: { type: 'string', enum: ['Actual', 'Exercise', 'Test'] },
  drill: { type: 'boolean', description: 'Nothing real: an exercise or a test' },
  faulty: { type: 'boolean', description: 'It breaks the standard' },
  clipped: { type: 'boolean', description: 'Texts or shapes beyond our limits were cut' },
  end: objectOf({ kind: { type: 'string', enum: endKinds }, at: time, by: text }),
  info: arrayOf({ type: 'object', description: "The sender's words as they stand, and our level" }),
};
const foreignRequired = Object.keys(foreignProperties).filter((key) => key !== 'end');

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
      forecast: { oneOf: [objectOf({ issuer: text, issuedAt: time }), { type: 'null' }] },
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
      text: {
        description:
          'What a person put in place of the instruction of the rule, for all languages or one by one',
        oneOf: [text, objectOf({ 'pt-BR': text, en: text })],
      },
      area: { type: 'object', description: 'The area that a person gave the alert' },
      draft: { type: 'object', description: 'Not public: waits, since, due, who wrote it' },
      history: arrayOf(ref('AlertEvent')),
      acts: arrayOf({ type: 'object', description: 'What people did: act, by, reason, at, revision' }),
      feedback: arrayOf({ type: 'object', description: 'What people say of it: wasReal, note, by, at' }),
      deliveries: arrayOf({ type: 'object' }),
    },
    [...eventRequired, 'state', 'expiresAt', 'history', 'deliveries'],
  ),
  ForeignAlert: objectOf(foreignProperties, foreignRequired),
  ForeignAlertDetail: objectOf(foreignProperties, foreignRequired),
  ForeignAlertList: objectOf({
    items: arrayOf(ref('ForeignAlert')),
    next: { type: ['string', 'null'] },
    active: { type: 'integer', description: 'Real ones in force, whatever was asked; at most 10 s old' },
    feeds: arrayOf(
      objectOf({
        ...{ name: text, isDown: { type: 'boolean' }, failure: text, taken: integer, missing: integer },
        readAt: { type: ['string', 'null'], format: 'date-time' },
        failedAt: { type: ['string', 'null'], format: 'date-time' },
        refused: { type: 'object', description: 'How many of the last reading were not taken, by reason' },
        strangers: { ...arrayOf(text), description: 'Senders of it that are not on the list' },
      }),
    ),
  }),
  ...channelSchemas(inputOf),
  ObservedInput: inputOf(observedBody),
  Observed: objectOf(
    {
      ...{ id: text, hazard: text, area: text, latitude: number, longitude: number, km: number, level },
      ...{ from: time, to: time, note: text, source: text, createdAt: time },
    },
    ['id', 'hazard', 'from', 'to', 'note', 'source', 'createdAt'],
  ),
  Verification: objectOf({
    ...{ from: time, to: time, by: text, alerts: integer, events: integer },
    rows: arrayOf({ type: 'object', description: 'Scores of a rule and level, an area or a level' }),
    missed: arrayOf({ type: 'object', description: 'The event, and what stations nearby measured' }),
  }),
  AuditEntry: objectOf({
    number: integer,
    at: time,
    by: text,
    action: text,
    subject: text,
    reason: text,
    refused: text,
    hash: { type: 'string', description: 'SHA-256 over the hash before and the canonical JSON of the entry' },
  }),
  Template: objectOf({
    name: text,
    title: { type: 'object', description: 'In each language' },
    hazard: text,
    level,
    expiresMs: integer,
    instruction: { type: 'object', description: 'In each language' },
  }),
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
  DutyItem: {
    type: 'object',
    required: ['kind'],
    properties: {
      kind: { type: 'string', enum: ['hold', 'self-test', 'draft', 'alert', 'delivery', 'station'] },
    },
  },
  OnCall: objectOf({
    roster: text,
    person: text,
    name: text,
    from: time,
    to: time,
    next: { type: ['string', 'null'] },
  }),
  Subscription: objectOf({
    id: text,
    name: text,
    channel: text,
    level,
    areas: { oneOf: [{ const: 'all' }, arrayOf(text)] },
    origin: { type: 'string', enum: ['config', 'api'] },
  }),
  ...accessSchemas,
  Quarantined: objectOf({ id: integer, at: time, reason: text, size: integer, text }),
  Silence: objectOf({
    id: text,
    matchers: { type: 'object' },
    author: text,
    reason: text,
    from: time,
    until: time,
    createdAt: time,
    state: { type: 'string', enum: ['pending', 'active', 'ended'] },
  }),
  BacktestInput: inputOf(backtestBody),
  Backtest: objectOf(
    {
      id: text,
      state: { type: 'string', enum: ['waiting', 'running', 'done', 'failed', 'cancelled'] },
      author: text,
      from: time,
      to: time,
      createdAt: time,
      endedAt: { type: ['string', 'null'], format: 'date-time' },
      foldedTo: { type: ['string', 'null'], format: 'date-time' },
      error: text,
      report: { type: 'object', description: 'That of atalaia backtest --json' },
    },
    ['id', 'state', 'author', 'from', 'to', 'createdAt', 'endedAt', 'foldedTo'],
  ),
  SilenceInput: inputOf(silenceBody),
  Hold: objectOf(
    {
      held: { type: 'boolean' },
      author: text,
      reason: text,
      at: time,
      red: { type: 'boolean' },
      until: { type: ['string', 'null'], format: 'date-time' },
      acts: arrayOf({ type: 'object' }),
    },
    ['held'],
  ),
  HoldInput: inputOf(holdBody),
  HandoverInput: inputOf(handoverBody),
  Handover: objectOf({ id: text, author: text, at: time, text, alerts: arrayOf(text) }),
  SubscriptionInput: inputOf(subscriptionBody),
  SubscriberInput: inputOf(subscriberBody),
  SubscriberManage: inputOf(manageBody),
  SubscriberToken: inputOf(tokenBody),
  PersonInput: inputOf(personBody),
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
    components: { schemas, securitySchemes },
  };
}

function describe(route: Route): object {
  const responses: Record<string, object> = {};
  for (const [status, response] of Object.entries(route.responses)) {
    const type = response.type ?? (response.schema && 'application/json');
    const content = type ? { content: { [type]: { schema: response.schema ?? text } } } : {};
    responses[status] = { description: response.description, ...content };
  }
  for (const status of [...(route.problems ?? []), ...refusalsOf(route)]) {
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
    ...securityOf(route),
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
