import { expect, test } from 'vitest';
import { benchStorm } from '../../bench/storm.ts';

// A storm through the real ledger, dispatcher and webhook channel to a receiver on loopback.

test('the reds of a storm leave first, nothing is lost or told twice, and a group stays readable', async () => {
  const { single, grouped, reds } = await benchStorm({ stations: 800, seconds: 1, seed: 1 });
  expect(reds).toBe(40);
  for (const { alerts, lost, toldTwice } of [single, grouped])
    expect({ alerts, lost, toldTwice }).toEqual({ alerts: 800, lost: 0, toldTwice: 0 });
  expect(single.messages).toBe(800);
  expect(single.redP50).toBeLessThan(single.lowerP50);
  // A token a message, thirty for the reds and thirty for the rest; the groups make far fewer do.
  expect(grouped.messages).toBeLessThanOrEqual(60);
}, 120_000);
