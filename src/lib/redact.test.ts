import { expect, test } from 'vitest';
import { withoutAddresses } from './redact.ts';

test('addresses of people leave a text, what went wrong stays', () => {
  expect(withoutAddresses('SMTP 550 5.1.1 <ana.s@example.com>: no such user')).toBe(
    'SMTP 550 5.1.1 <…>: no such user',
  );
  expect(withoutAddresses('"+55 51 99999-8888" is no telephone number')).toBe('"…" is no telephone number');
  expect(withoutAddresses('HTTP 503 of push.example/abc', 'push.example/abc')).toBe('HTTP 503 of …');
  const ours = 'told at 2024-04-30T08:00:00Z unless 1234567890abcdef answers; chat -1001234567890';
  expect(withoutAddresses(ours)).toBe('told at 2024-04-30T08:00:00Z unless 1234567890abcdef answers; chat …');
  expect(withoutAddresses('HTTP 410 after 15000 ms')).toBe('HTTP 410 after 15000 ms');
});
