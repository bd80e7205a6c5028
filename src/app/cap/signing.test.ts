import type { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import type { CapSigner } from '../../alerts/cap/sign.ts';
import type { Clock } from '../../lib/clock.ts';
import { DAY_MS, HOUR_MS } from '../../model/time.ts';
import { CapSigning } from './signing.ts';

test('a certificate is told every day of its last thirty, and signs no more once it has expired', () => {
  const endsAt = Date.UTC(2026, 11, 31);
  let now = endsAt - 40 * DAY_MS;
  let due: () => void = () => {};
  const clock: Clock = {
    now: () => now,
    monotonicMs: () => now,
    after: (_ms, callback) => {
      due = callback;
      return () => {};
    },
  };
  const signer = {
    certificate: { validTo: new Date(endsAt).toUTCString() } as X509Certificate,
  } as unknown as CapSigner;
  const told: string[] = [];
  const signing = new CapSigning({
    ...{ signer, clock },
    warn: (text) => told.push(`warn ${text}`),
    error: (text) => told.push(`error ${text}`),
  });
  signing.start();
  for (; now < endsAt - 30 * DAY_MS - HOUR_MS; now += HOUR_MS) due();
  expect(told).toEqual([]);
  expect(signing.state()).toEqual({ state: 'valid', validTo: '2026-12-31T00:00:00Z' });
  for (; now < endsAt; now += HOUR_MS) {
    due();
    expect(signing.signer()).toBe(signer);
  }
  expect(told).toHaveLength(30);
  expect(told[0]).toMatch(/^warn .*expires at 2026-12-31T00:00:00Z, in 30 days\. Have it renewed/);
  expect(signing.signer()).toBeUndefined();
  due();
  expect(told).toHaveLength(31);
  expect(told[30]).toMatch(/^error .*expired at .* messages leave unsigned/);
  expect(signing.state().state).toBe('expired');
});
