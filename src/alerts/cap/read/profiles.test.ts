import { expect, test } from 'vitest';
import type { ReadAlert } from './message.ts';
import { checkProfile, type ProfileName } from './profiles.ts';

const info = {
  language: 'pt-BR',
  description: '30 mm',
  web: 'https://example.org/1',
  senderName: 'Defesa Civil',
  expires: '2026-01-15T20:00:00-03:00',
  eventCode: [{ valueName: 'SAME', value: 'FFW' }],
  parameter: [
    { valueName: 'awareness_level', value: '4; red; Extreme' },
    { valueName: 'awareness_type', value: '10; Rain' },
  ],
  area: [{ areaDesc: 'Olinda', polygon: ['-8,-35 -8,-34 -9,-34 -8,-35'], circle: [], geocode: [] }],
};
const alertOf = (more: object = {}, change: object = {}): ReadAlert =>
  ({
    msgType: 'Alert',
    sent: '2026-01-15T14:03:00-03:00',
    references: [],
    info: [{ ...info, ...change }],
    ...more,
  }) as unknown as ReadAlert;

test.each(['google', 'ipaws', 'meteoalarm', 'inmet'] as const)('%s takes a full message', (name) => {
  expect(checkProfile(alertOf(), name)).toEqual([]);
  expect(checkProfile(alertOf({ info: [] }), name).map(({ clause }) => clause)).toContain(`${name} info`);
});

test.each<[ProfileName, string, object, object?]>([
  ['google', 'web', { web: undefined }],
  ['google', 'area', { area: [{ areaDesc: 'x', polygon: [], circle: [], geocode: [] }] }],
  ['google', 'references', {}, { msgType: 'Update' }],
  ['ipaws', 'eventCode', { eventCode: [] }],
  ['ipaws', 'sent', {}, { sent: '2026-01-15T17:03:00-00:00' }],
  ['meteoalarm', 'awareness_level', { parameter: [{ valueName: 'awareness_type', value: '10; Rain' }] }],
  ['meteoalarm', 'awareness_type', { parameter: [{ valueName: 'awareness_level', value: '4; red' }] }],
  ['inmet', 'language', { language: 'en' }],
  ['inmet', 'polygon', { area: [{ areaDesc: 'x', polygon: [], circle: ['-8,-35 5'], geocode: [] }] }],
])('%s asks for %s', (name, element, change, more) => {
  expect(checkProfile(alertOf(more, change), name)).toEqual([
    expect.objectContaining({ verdict: 'reject-profile', clause: `${name} ${element}` }),
  ]);
});
