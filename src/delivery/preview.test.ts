import { expect, test } from 'vitest';
import { seededRandom } from '../lib/random.ts';
import { sampleRevision } from '../store/ledger/sample.ts';
import { START, subscription, world } from './fixture.ts';
import { previewAudience } from './preview.ts';

test('tells who would be told, and each reason of those who would not, without writing anything', async () => {
  const quiet = { from: '11:00', to: '13:00', timeZone: 'America/Sao_Paulo' };
  const subscriptions = [
    subscription('all'),
    subscription('digest', { group: { by: 'hazard', waitMs: 1000, digestMs: 60_000 } }),
    subscription('far-red-fire', { areas: ['4106902'], level: 'red', hazards: ['fire'] }),
    subscription('here', { areas: ['RS'], hazards: ['rain'] }),
    subscription('quiet', { quiet }),
    subscription('red', { level: 'red' }),
    subscription('step', { escalation: { afterMs: 60_000 } }),
    subscription('wet', { areas: [], places: [{ latitude: -30, longitude: -51, km: 20 }] }),
  ];
  const { ledger, clock, silence } = await world(subscriptions);
  const ask = async (level: 'yellow' | 'red') => {
    const revision = sampleRevision({ alert: 'preview', level, issuedAt: START, evidence: [] });
    const hearers = await previewAudience(
      {
        ...{ ledger, clock, channels: new Map(), random: seededRandom(1), body: () => '' },
        regionsOf: () => ['RS'],
        shapesOf: () => [{ latitude: -30.05, longitude: -51.17, km: 0 }],
      },
      { seq: 0, position: '0:0:0', state: 'active', revision },
    );
    return Object.fromEntries(
      hearers.map(({ subscription: { id }, notTold, notBefore }) => [
        id,
        [...notTold.map(({ cause }) => cause), ...(notBefore === undefined ? [] : [notBefore - START])],
      ]),
    );
  };
  expect(await ask('yellow')).toEqual({
    ...{ all: [], digest: [60_000], here: [], quiet: ['quiet-hours'], wet: [] },
    ...{ 'far-red-fire': ['level', 'hazard', 'area'], red: ['level'], step: ['escalation'] },
  });
  expect(await ask('red')).toMatchObject({
    quiet: [],
    digest: [],
    red: [],
    'far-red-fire': ['hazard', 'area'],
  });
  await silence('s1', START + 60_000);
  expect(await ask('yellow')).toMatchObject({ all: ['silence'], here: ['silence'], red: ['level'] });
  expect(await ledger.deliveries({ limit: 10 })).toEqual([]);
});
