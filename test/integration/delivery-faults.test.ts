import { expect, test } from 'vitest';
import { benchDeliveryFaults } from '../../bench/delivery-faults.ts';

// The benchmark of faults of delivery, small: nothing that was accepted is lost, and a repeat bears the key of the first.

test('kill -9 after acceptance and after the first messages, and a receiver that answers 500', async () => {
  const { rows } = await benchDeliveryFaults({
    ...{ alerts: [40], seconds: 2 },
    faults: ['killed-after-acceptance', 'killed-after-notification', 'receiver-500'],
  });
  expect(rows.map(({ fault, alerts, lost, toldTwice }) => ({ fault, alerts, lost, toldTwice }))).toEqual([
    { fault: 'killed-after-acceptance', alerts: 40, lost: 0, toldTwice: 0 },
    { fault: 'killed-after-notification', alerts: 40, lost: 0, toldTwice: 0 },
    { fault: 'receiver-500', alerts: 40, lost: 0, toldTwice: 0 },
  ]);
  // The receiver refused first, so each message came later than its refusal.
  expect(rows[2]?.deliveredMs.p50).toBeGreaterThan(rows[2]?.bareMs.p50 ?? 0);
}, 240_000);
