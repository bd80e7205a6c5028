import type { z } from 'zod';
import { channelTestBody } from './channels.ts';
import { replayBody } from './deliveries.ts';
import { previewBody } from './preview.ts';

const text = { type: 'string' };
const time = { type: 'string', format: 'date-time' };
const integer = { type: 'integer' };
const maybe = (schema: object): object => ({ anyOf: [schema, { type: 'null' }] });
const objectOf = (properties: object, required = Object.keys(properties)): object => ({
  type: 'object',
  properties,
  required,
});

/** Schemas of channels, deliveries and the question who would be told; `inputOf` makes JSON schema of a body. */
export const channelSchemas = (inputOf: (schema: z.ZodType) => object): Readonly<Record<string, object>> => ({
  ChannelTestInput: inputOf(channelTestBody),
  ReplayInput: inputOf(replayBody),
  PreviewInput: inputOf(previewBody),
  Channel: objectOf({
    ...{ name: text, kind: text, waiting: integer, sent: integer, dead: integer },
    circuit: { type: 'string', enum: ['closed', 'partly', 'open'] },
    paused: { type: 'string', enum: ['no', 'below-red', 'all'], description: 'By a hold of all channels' },
    lastSuccessAt: maybe(time),
    lastFailure: maybe(objectOf({ at: time, reason: text })),
  }),
  ChannelTest: objectOf(
    {
      outcome: { type: 'string', enum: ['delivered', 'later', 'rejected'] },
      ...{ reason: text, receipt: text, key: text, tookMs: integer },
    },
    ['outcome', 'key', 'tookMs'],
  ),
  Delivery: objectOf(
    {
      ...{ alert: text, key: text, revision: integer, channel: text, state: text, attempts: integer },
      subscription: objectOf({ id: text, name: text, channel: text }),
      ...{ at: time, nextAttemptAt: time, deliveredAt: time, lastError: text },
    },
    ['alert', 'key', 'revision', 'channel', 'state', 'attempts', 'subscription', 'at'],
  ),
  Replay: objectOf({
    replayed: { type: 'array', items: text, description: 'Keys that are due again' },
    skipped: { type: 'array', items: objectOf({ key: text, reason: text }) },
  }),
  Preview: objectOf({
    ...{ told: integer, notTold: integer },
    items: {
      type: 'array',
      items: objectOf(
        {
          subscription: { $ref: '#/components/schemas/Subscription' },
          told: { type: 'boolean' },
          notBefore: time,
          reasons: {
            type: 'array',
            items: objectOf({ cause: text, reason: text, until: time }, ['cause']),
          },
        },
        ['subscription', 'told', 'reasons'],
      ),
    },
  }),
});
