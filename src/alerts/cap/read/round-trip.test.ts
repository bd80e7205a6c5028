import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { AlertRevision, EndReason } from '../../../model/alert.ts';
import { capMessage } from '../emit.ts';
import { type CapAlert, capTime } from '../message.ts';
import { cleanText, serializeCap } from '../serialize.ts';
import { emittedForm } from './message.ts';
import { openCapReader } from './reader.ts';

const reader = openCapReader(readFileSync(new URL('../CAP-v1.2.xsd', import.meta.url)));
const HOUR = 3_600_000;

/** As XML can carry it: the serializer cleans texts, and keeps one of the line ends before a tag. */
const carried = <T>(value: T): T =>
  (typeof value === 'string'
    ? cleanText(value).replace(/\n{2,}$/, '\n')
    : Array.isArray(value)
      ? value.map(carried)
      : value !== null && typeof value === 'object'
        ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, carried(inner)]))
        : value) as T;

const back = (message: CapAlert) => reader.read(Buffer.from(serializeCap(message)));

const text = fc.string({ unit: 'binary', maxLength: 60 });
const some = <T>(one: fc.Arbitrary<T>, maxLength = 3) => fc.array(one, { maxLength });
const pair = fc.record({ valueName: text, value: text });
const instant = fc
  .tuple(fc.integer({ min: 0, max: 4e12 }), fc.constantFrom('UTC', 'America/Sao_Paulo', 'Asia/Kathmandu'))
  .map(([at, zone]) => capTime(at, zone));
const area = fc.record({ areaDesc: text, polygon: some(text), circle: some(text), geocode: some(pair) });
const info = fc.record(
  {
    language: fc.constantFrom('pt-BR', 'en', 'es-419'),
    category: fc.array(fc.constantFrom('Met', 'Geo', 'Env'), { minLength: 1, maxLength: 3 }),
    event: text,
    responseType: some(fc.constantFrom('Prepare', 'AllClear', 'None')),
    urgency: fc.constantFrom('Immediate', 'Expected', 'Past'),
    severity: fc.constantFrom('Extreme' as const, 'Severe' as const, 'Unknown' as const),
    certainty: fc.constantFrom('Observed', 'Likely'),
    eventCode: some(pair),
    effective: instant,
    onset: instant,
    expires: instant,
    senderName: text,
    headline: text,
    description: text,
    instruction: text,
    web: text,
    parameter: some(pair),
    area: some(area),
  },
  {
    requiredKeys: [
      ...(['language', 'category', 'event', 'responseType', 'urgency', 'severity', 'certainty'] as const),
      ...(['eventCode', 'parameter', 'area'] as const),
    ],
  },
);
const anyMessage = fc.record(
  {
    identifier: text,
    sender: text,
    sent: instant,
    status: fc.constantFrom('Actual' as const, 'Exercise' as const, 'Test' as const),
    msgType: fc.constantFrom('Alert' as const, 'Update' as const, 'Cancel' as const),
    scope: fc.constant('Public' as const),
    note: text,
    references: text,
    incidents: text,
    info: some(info),
  },
  { requiredKeys: ['identifier', 'sender', 'sent', 'status', 'msgType', 'scope', 'info'] },
);

it('reads back what was serialized: 1,000 random messages of the model', () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const { alerts } = back(message as CapAlert);
      expect(alerts).toHaveLength(1);
      expect(emittedForm(alerts[0] as (typeof alerts)[number])).toEqual(carried(message));
    }),
    { numRuns: 1000 },
  );
});

it('a byte order mark that was pasted into a text does not survive: a decoder would drop it or keep it', () => {
  const info = {
    language: 'pt-BR',
    category: ['Met'],
    urgency: 'Past',
    severity: 'Minor',
    certainty: 'Likely',
  };
  const lists = { responseType: [], eventCode: [], parameter: [], area: [] };
  const event = '\ufeffChuva intensa\ufeff em Caxias do Sul';
  const sent = capTime(0, 'UTC');
  const message = { identifier: 'a', sender: 'b', sent, status: 'Test', msgType: 'Alert', scope: 'Public' };
  const { alerts } = back({ ...message, info: [{ ...info, ...lists, event }] } as unknown as CapAlert);
  expect(alerts[0]?.info[0]?.event).toBe('Chuva intensa em Caxias do Sul');
});

const words = fc.stringMatching(/^[A-Za-zçãé&"' ]{1,40}$/);
const anyAlert = fc.record({
  event: fc.constantFrom('raised' as const, 'escalated' as const, 'ended' as const),
  reason: fc.constantFrom<EndReason>('cleared', 'cancelled'),
  level: fc.constantFrom('yellow' as const, 'orange' as const, 'red' as const),
  issuedAt: fc.integer({ min: 0, max: 4e12 }),
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
  km: fc.double({ min: 0.5, max: 500, noNaN: true }),
  timeZone: fc.constantFrom('America/Sao_Paulo', 'UTC', 'Asia/Kathmandu'),
  environment: fc.constantFrom('actual' as const, 'exercise' as const, 'test' as const),
  name: words,
  instruction: words,
});

function emitted(x: typeof anyAlert extends fc.Arbitrary<infer T> ? T : never): CapAlert {
  const revision: AlertRevision = {
    event: {
      alert: '0123456789abcdef0123456789abcdef',
      revision: 2,
      event: x.event,
      ...(x.event === 'ended' ? { endReason: x.reason } : {}),
      rule: 'chuva',
      hazard: 'rain',
      subject: { kind: 'station', id: 'A801' },
      level: x.level,
      onsetAt: x.issuedAt - HOUR,
      at: x.issuedAt,
      issuedAt: x.issuedAt,
      evidence: [],
    },
    ruleSet: 'x',
    expiresAt: x.issuedAt + 6 * HOUR,
    unverified: false,
    levelSinceAt: x.issuedAt,
  };
  const names = { 'pt-BR': `Chuva ${x.name}`, en: `Rain ${x.name}` };
  const sentText = capTime(x.issuedAt - HOUR, x.timeZone);
  const output = capMessage({
    revision,
    rule: {
      name: 'chuva',
      title: names,
      hazard: 'rain',
      subject: 'station',
      levels: [],
      clear: null,
      coverage: 0.8,
      expiresMs: 6 * HOUR,
      area: { kind: 'radius', km: x.km },
      cap: { urgency: 'Immediate', certainty: 'Observed', responseType: 'Prepare' },
      instruction: { 'pt-BR': `Abrigo. ${x.instruction}`, en: `Shelter. ${x.instruction}` },
    },
    station: {
      id: 'A801',
      name: x.name,
      latitude: x.latitude,
      longitude: x.longitude,
      altitude: 41,
      region: '4314902',
      timeZone: x.timeZone,
      intervalMs: HOUR,
    },
    environment: x.environment,
    serverId: 'poa-1',
    sender: 'alerta@defesacivil.example.gov.br',
    senderName: 'Defesa Civil',
    web: 'https://alertas.example.gov.br/',
    earlier: [{ identifier: 'atalaia.1', sentText, expiresAt: x.issuedAt + HOUR }],
    hazard: {
      capCategory: 'Met',
      event: { 'pt-BR': 'Chuvas intensas', en: 'Heavy rain' },
      eventCode: { valueName: 'COBRADE', value: '1.3.2.1.4' },
      meteoalarm: { number: 10, name: 'Rain' },
    },
  });
  if (!output) throw new Error('no message');
  return output.message;
}

it('accepts, and reads back equal, what we emit: 1,000 random alerts', () => {
  fc.assert(
    fc.property(anyAlert, (x) => {
      const message = emitted(x);
      const { verdict, findings, alerts } = back(message);
      expect(findings).toEqual([]);
      expect(verdict).toBe('accept');
      expect(emittedForm(alerts[0] as (typeof alerts)[number])).toEqual(carried(message));
    }),
    { numRuns: 1000 },
  );
});
