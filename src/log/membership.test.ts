import { expect, test } from 'vitest';
import { membershipConformance } from './conformance-membership.ts';
import { soleMembership } from './membership.ts';

membershipConformance('sole', { partitions: 4, isShared: false, open: async () => soleMembership(4) });

test('a sole membership that closes takes everything back', async () => {
  const membership = soleMembership(3);
  const told: string[] = [];
  await membership.join('g', {
    onAssigned: (partitions) => void told.push(`+${partitions}`),
    onRevoked: (partitions, reason) => void told.push(`-${partitions} ${reason}`),
  });
  await membership.close();
  expect(told).toEqual(['+0,1,2', '-0,1,2 revoked']);
});
