import type { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import type { Channel } from '../channel.ts';
import { createWebhook, webhookConfig } from './webhook.ts';

/** What every channel is given beside its configuration. */
export interface ChannelDeps {
  readonly clock: Clock;
}

/** A kind of channel: `create` parses its configuration again, so that the table can be used without knowing the kind. */
export interface ChannelKind {
  readonly summary: string;
  readonly configSchema: z.ZodType;
  create(config: unknown, deps: ChannelDeps): Channel;
}

/** Every kind of channel, by the `kind` of its configuration. */
export const channels = {
  webhook: {
    summary: 'Posts the alert event as JSON to an HTTP address, signed by Standard Webhooks.',
    configSchema: webhookConfig,
    create: (config, deps) => createWebhook(webhookConfig.parse(config), deps),
  },
} satisfies Record<string, ChannelKind>;
