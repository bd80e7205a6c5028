import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AlertRevision, alertEventNames, type EndReason } from '../../model/alert.ts';
import { levelNames } from '../../model/rule.ts';
import type { Station } from '../../model/station.ts';
import { HOUR_MS } from '../../model/time.ts';
import { hazards, operatorHazards } from '../../rules/hazard.ts';
import { type CapInput, capMessage } from './emit.ts';
import { openCapGate } from './gate.ts';
import { emittedForm } from './read/message.ts';
import { checkProfile, profileNames } from './read/profiles.ts';
import { openCapReader } from './read/reader.ts';
import { serializeCap } from './serialize.ts';

const reader = openCapReader(readFileSync(new URL('./CAP-v1.2.xsd', import.meta.url)));
const gate = await openCapGate();

const words = fc.stringMatching(/^[A-Za-zçãé&"' ]{1,150}$/).map((text) => `Vale ${text}`);
const keys = [...hazards.keys()].filter((key) => !operatorHazards.has(key));
const place = fc.record({
  latitude: fc.double({ min: -60, max: 60, noNaN: true }),
  longitude: fc.double({ min: -170, max: 170, noNaN: true }),
});
const anyAlert = fc.record({
  event: fc.constantFrom(...alertEventNames),
  endReason: fc.constantFrom<EndReason>('cleared', 'cancelled', 'withdrawn', 'merged'),
  level: fc.constantFrom(...levelNames),
  hazard: fc.constantFrom(...keys),
  issuedAt: fc.integer({ min: 0, max: 4e12 }),
  place,
  others: fc.array(place, { maxLength: 3 }),
  km: fc.double({ min: 0.5, max: 300, noNaN: true }),
  area: fc.constantFrom('radius' as const, 'region' as const, 'named' as const),
  edited: fc.constantFrom('no' as const, 'radius' as const, 'ring' as const),
  region: fc.constantFrom('4314902', 'r7'),
  timeZone: fc.constantFrom('America/Sao_Paulo', 'UTC', 'Europe/London', 'Asia/Kathmandu', 'America/Noronha'),
  environment: fc.constantFrom('actual' as const, 'exercise' as const, 'test' as const),
  senderName: fc.constantFrom('Defesa Civil', ' ', ''),
  unverified: fc.boolean(),
  isEarlier: fc.boolean(),
  name: words,
});
type Any = typeof anyAlert extends fc.Arbitrary<infer T> ? T : never;

function inputOf(x: Any): CapInput {
  const station: Station = {
    ...{ id: 'A801', name: x.name, ...x.place, altitude: 41, region: x.region, timeZone: x.timeZone },
    intervalMs: HOUR_MS,
  };
  const isEnd = x.event === 'ended';
  const revision: AlertRevision = {
    event: {
      ...{ alert: '0123456789abcdef0123456789abcdef', revision: 2, event: x.event, rule: 'chuva' },
      ...(isEnd ? { endReason: x.endReason } : {}),
      ...{ hazard: x.hazard, subject: { kind: 'station', id: 'A801' }, level: x.level, evidence: [] },
      ...{ onsetAt: x.issuedAt - HOUR_MS, at: x.issuedAt, issuedAt: x.issuedAt },
    },
    ...{ ruleSet: 'x', expiresAt: x.issuedAt + 6 * HOUR_MS, unverified: x.unverified },
    levelSinceAt: x.issuedAt,
    ...(x.edited === 'radius' ? { area: { radiusKm: x.km } } : {}),
    ...(x.edited === 'ring'
      ? { area: { polygon: [[-8, -35] as const, [-8, -34] as const, [-9, -34] as const], name: x.name } }
      : {}),
  };
  const area = {
    radius: { kind: 'radius' as const, km: x.km },
    region: { kind: 'region' as const },
    named: { kind: 'named' as const, name: x.name },
  }[x.area];
  const names = { 'pt-BR': `Chuva ${x.name}`, en: `Rain ${x.name}` };
  const sentText = '1969-12-31T20:00:00-03:00';
  const hazard = hazards.get(x.hazard);
  if (!hazard) throw new Error(x.hazard);
  return {
    revision,
    rule: {
      ...{ name: 'chuva', title: names, hazard: x.hazard, subject: 'station', levels: [], clear: null },
      ...{ coverage: 0.8, expiresMs: 6 * HOUR_MS, area },
      cap: { urgency: 'Immediate', certainty: 'Observed', responseType: 'Prepare' },
      instruction: { 'pt-BR': `Saia ${x.name}`, en: `Leave ${x.name}` },
    },
    station,
    ...(x.others.length > 0 ? { stations: x.others.map((one) => ({ ...station, ...one })) } : {}),
    hazard,
    ...{ environment: x.environment, serverId: 'poa', sender: 'defesa@example.org' },
    ...{ senderName: x.senderName, web: 'https://example.org/alerts/1' },
    earlier: x.isEarlier ? [{ identifier: 'atalaia.poa.1', sentText, expiresAt: x.issuedAt + 1 }] : [],
  };
}

test.each(profileNames)('1,000 random alerts written for %s pass its check and every other', (profile) => {
  let written = 0;
  let needed = 0;
  fc.assert(
    fc.property(anyAlert, (x) => {
      const input = inputOf(x);
      const output = capMessage({ ...input, profile });
      fc.pre(output !== undefined);
      written++;
      const xml = serializeCap(output.message);
      expect(gate.check(xml)).toEqual([]);
      const { alerts } = reader.read(Buffer.from(xml));
      const [alert] = alerts;
      if (!alert) throw new Error('not read');
      expect(checkProfile(alert, profile)).toEqual([]);
      expect(emittedForm(alert)?.code).toEqual(output.message.code);
      // The check can fail: without the profile some of the same alerts do.
      const plain = capMessage(input);
      const [read] = plain ? reader.read(Buffer.from(serializeCap(plain.message))).alerts : [];
      if (read && checkProfile(read, profile).length > 0) needed++;
    }),
    { numRuns: 1000 },
  );
  expect(written).toBe(1000);
  expect(needed).toBeGreaterThan(10);
});

test('a profile changes no word of the danger, and a drill of IPAWS is a practice message', () => {
  const [x] = fc.sample(anyAlert, { numRuns: 1, seed: 7 });
  if (!x) throw new Error('no sample');
  const given = { ...x, event: 'raised', environment: 'exercise', hazard: 'flood' } as const;
  const input = inputOf(given);
  const plain = capMessage(input)?.message.info[0];
  for (const profile of profileNames) {
    const info = capMessage({ ...input, profile })?.message.info[0];
    for (const key of ['event', 'urgency', 'severity', 'certainty', 'description', 'instruction'] as const)
      expect(info?.[key]).toEqual(plain?.[key]);
  }
  const same = (environment: 'actual' | 'exercise') =>
    capMessage({ ...inputOf({ ...given, environment }), profile: 'ipaws' })?.message.info[0]?.eventCode.at(-1)
      ?.value;
  expect([same('actual'), same('exercise')]).toEqual(['FLW', 'DMO']);
});
