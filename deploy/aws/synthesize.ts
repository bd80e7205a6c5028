import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { flags } from './lib/flags.ts';
import { settingsOf } from './lib/settings.ts';
import { AtalaiaStack } from './lib/stack.ts';
import type { ProfileName } from './profiles.ts';

type Resources = Record<string, { Type: string; Properties: Record<string, unknown> }>;

/** A context for looking at a deployment that is nobody's. */
export const sampleContext = {
  account: '111111111111',
  region: 'sa-east-1',
  certificateArn: 'arn:aws:acm:sa-east-1:111111111111:certificate/00000000-0000-0000-0000-000000000000',
  tag: '0.1.0',
  alarmEmail: 'plantao@example.org',
} as const;

/** The template of a profile, made here and now; nothing is asked of AWS. */
export function templateOf(profile: ProfileName): Template {
  const context: Record<string, string> = { ...sampleContext, profile };
  const app = new App({ analyticsReporting: false, context: flags });
  return Template.fromStack(
    new AtalaiaStack(
      app,
      'Atalaia',
      settingsOf((name) => context[name]),
    ),
  );
}

export const synthesize = (profile: ProfileName): Resources =>
  templateOf(profile).toJSON().Resources as Resources;
