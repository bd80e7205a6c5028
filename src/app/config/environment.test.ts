import { expect, it } from 'vitest';
import { loadConfig } from './config.ts';

it('groups and lists can stand in a variable, in the short form of YAML or as JSON', () => {
  const { channels, subscriptions, checkpoints } = loadConfig(null, {
    ATALAIA_CHANNELS: '{ ops: { kind: webhook, url: "https://ops.example/" } }',
    ATALAIA_SUBSCRIPTIONS: '[{"name":"ops","channel":"ops"}]',
    ATALAIA_CHECKPOINTS_KIND: 's3',
    ATALAIA_CHECKPOINTS_BUCKET: 'atalaia-checkpoints',
  });
  expect(channels).toMatchObject({ ops: { kind: 'webhook', url: 'https://ops.example/' } });
  expect(subscriptions).toEqual([{ name: 'ops', channel: 'ops', level: 'yellow', areas: 'all' }]);
  expect(checkpoints).toEqual({
    kind: 's3',
    bucket: 'atalaia-checkpoints',
    prefix: 'atalaia/checkpoints',
  });
});

it('a variable that cannot be read is named', () => {
  expect(() => loadConfig(null, { ATALAIA_RULES: '[rules/inmet' })).toThrow(/ATALAIA_RULES/);
  expect(() => loadConfig(null, { ATALAIA_CHECKPOINTS_KIND: 's3' })).toThrow(/checkpoints\.bucket/);
});

it('secrets of a channel come from the environment, in a group inside it, too', () => {
  const gateway = {
    kind: 'sms',
    url: 'https://sms.example/',
    headers: { Authorization: { env: 'SMS_KEY' } },
  };
  const given = { ATALAIA_CHANNELS: JSON.stringify({ sms: gateway }) };
  expect(loadConfig(null, { ...given, SMS_KEY: 'Bearer x' }).channels).toMatchObject({
    sms: { headers: { Authorization: 'Bearer x' } },
  });
  expect(() => loadConfig(null, given)).toThrow(/channels\.sms\.headers\.Authorization: .* SMS_KEY/);
});
