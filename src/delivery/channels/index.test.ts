import { expect, it } from 'vitest';
import { channels } from './index.ts';

it('groups only where one message reaches all receivers of the subscription', () => {
  const found = Object.entries(channels).map(([kind, one]) => [
    kind,
    one.canGroup('x'),
    one.canGroup(undefined),
  ]);
  expect(found).toEqual([
    ['webhook', true, true],
    ['mqtt', true, false],
    ['sns', true, false],
    ...['email', 'telegram', 'slack', 'discord', 'teams', 'sms', 'whatsapp', 'web-push'].map((kind) => [
      kind,
      true,
      true,
    ]),
    ['cap', false, false],
  ]);
});
