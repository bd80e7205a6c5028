import { expect, test } from 'vitest';
import { sampleRevision, sampleSubscription } from '../store/ledger/sample.ts';
import { createAudience } from './audience.ts';

test('what only operators are told reaches nobody who subscribed themselves', () => {
  const audience = createAudience([sampleSubscription('api-1'), sampleSubscription('self-1')]);
  const of = (hazard: string) => {
    const stored = {
      seq: 1,
      position: '0:0:0',
      state: 'active',
      revision: sampleRevision({ hazard }),
    } as const;
    return audience(stored, { codes: ['A801'], shapes: [] }, new Set()).map(({ id }) => id);
  };
  expect(of('rain')).toEqual(['api-1', 'self-1']);
  expect(of('station-silent')).toEqual(['api-1']);
});
