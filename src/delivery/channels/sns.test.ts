import { expect, test } from 'vitest';
import { snsConfig } from './sns.ts';

test('the configuration is refused when it cannot work', () => {
  const parsed = (more: object): boolean => snsConfig.safeParse({ kind: 'sns', ...more }).success;
  expect(parsed({ topic: 'arn:aws:sns:sa-east-1:123456789012:alerts.fifo' })).toBe(true);
  expect(parsed({ topic: 'alerts' })).toBe(false);
  expect(parsed({ senderId: '12345' })).toBe(false);
  expect(parsed({ segments: 0 })).toBe(false);
  expect(parsed({ unknown: 1 })).toBe(false);
});
