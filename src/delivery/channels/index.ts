import type { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import type { Channel } from '../channel.ts';
import { capPushConfig, createCapPush } from './cap.ts';
import { createDiscord, discordConfig } from './discord.ts';
import { createEmail, emailConfig } from './email.ts';
import { createMqtt, mqttConfig } from './mqtt.ts';
import { createSlack, slackConfig } from './slack.ts';
import { createSms, smsConfig } from './sms.ts';
import { createSns, snsConfig } from './sns.ts';
import { createTeams, teamsConfig } from './teams.ts';
import { createTelegram, telegramConfig } from './telegram.ts';
import { createWebPush, webPushConfig } from './web-push.ts';
import { createWebhook, webhookConfig } from './webhook.ts';
import { createWhatsapp, whatsappConfig } from './whatsapp.ts';

/** What every channel is given beside its configuration. */
export interface ChannelDeps {
  readonly clock: Clock;
  readonly environment: 'actual' | 'exercise' | 'test';
  /** The CAP message of a revision as it was published; undefined when none was. */
  readonly cap: (alert: string, revision: number) => Promise<string | undefined>;
  /** An address has ended by itself: nobody is to be told there any more. */
  readonly gone?: (address: string) => Promise<void>;
}

/** A kind of channel: `create` parses its configuration again, so that the table can be used without knowing the kind. */
export interface ChannelKind {
  readonly summary: string;
  readonly configSchema: z.ZodType;
  /** Whether a message of several alerts reaches all receivers of a subscription with this address. */
  canGroup(address: string | undefined): boolean;
  create(config: unknown, deps: ChannelDeps): Channel;
}

/** Every kind of channel, by the `kind` of its configuration. */
export const channels = {
  webhook: {
    summary: 'Posts the alert event as JSON to an HTTP address, signed by Standard Webhooks.',
    configSchema: webhookConfig,
    canGroup: () => true,
    create: (config, deps) => createWebhook(webhookConfig.parse(config), deps),
  },
  mqtt: {
    summary: 'Publishes the alert event as JSON to a topic of MQTT, for sirens and signs.',
    configSchema: mqttConfig,
    // Without an address each alert has a topic of its own, where the sign of its place listens.
    canGroup: (address) => address !== undefined,
    create: (config) => createMqtt(mqttConfig.parse(config)),
  },
  sns: {
    summary: 'Publishes to a topic of Amazon SNS, or sends a text message to a telephone number.',
    configSchema: snsConfig,
    // Who listens to a topic filters by the attributes of one alert, and a FIFO topic keeps the order of one alert.
    canGroup: (address) => address !== undefined,
    create: (config, deps) => createSns(snsConfig.parse(config), deps),
  },
  email: {
    summary: 'An e-mail by SMTP, one per receiver.',
    configSchema: emailConfig,
    canGroup: () => true,
    create: (config, deps) => createEmail(emailConfig.parse(config), deps),
  },
  telegram: {
    summary: 'A message of a bot to a chat of Telegram.',
    configSchema: telegramConfig,
    canGroup: () => true,
    create: (config, deps) => createTelegram(telegramConfig.parse(config), deps),
  },
  slack: {
    summary: 'A message to an incoming webhook of Slack.',
    configSchema: slackConfig,
    canGroup: () => true,
    create: (config, deps) => createSlack(slackConfig.parse(config), deps),
  },
  discord: {
    summary: 'A message to a webhook of Discord.',
    configSchema: discordConfig,
    canGroup: () => true,
    create: (config, deps) => createDiscord(discordConfig.parse(config), deps),
  },
  teams: {
    summary: 'A card to a webhook of Microsoft Teams.',
    configSchema: teamsConfig,
    canGroup: () => true,
    create: (config, deps) => createTeams(teamsConfig.parse(config), deps),
  },
  sms: {
    summary: 'A text message by the HTTP interface of any gateway.',
    configSchema: smsConfig,
    canGroup: () => true,
    create: (config, deps) => createSms(smsConfig.parse(config), deps),
  },
  whatsapp: {
    summary: 'A template message of the WhatsApp Cloud API.',
    configSchema: whatsappConfig,
    canGroup: () => true,
    create: (config, deps) => createWhatsapp(whatsappConfig.parse(config), deps),
  },
  'web-push': {
    summary: 'An encrypted message to a browser, by Web Push.',
    configSchema: webPushConfig,
    canGroup: () => true,
    create: (config, deps) => createWebPush(webPushConfig.parse(config), deps),
  },
  cap: {
    summary: 'Posts the CAP message of the revision to an HTTP address.',
    configSchema: capPushConfig,
    // A message of CAP is of one alert.
    canGroup: () => false,
    create: (config, deps) => createCapPush(capPushConfig.parse(config), deps),
  },
} satisfies Record<string, ChannelKind>;
